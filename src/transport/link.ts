import type { Clock, Timer } from '../core/clock.ts';
import { decode, Malformed, Writer } from '../core/codec.ts';
import { type Millis, millis, type NodeId } from '../core/ids.ts';
import { connectionHighWaterBytes, maxPeerQueueBytes } from '../core/limits.ts';
import type { Random } from '../core/random.ts';
import { type Dial, type DialOutcome, dial } from './dial.ts';
import type { FrameConnection } from './frame-connection.ts';
import { encodedLength, type Frame, frameKinds } from './framing.ts';
import type { Facts, Hello, Reject, Verdict, Welcome } from './handshake.ts';
import type { Network } from './network.ts';

/** How often an established link is probed. */
export const pingIntervalMs = 500;
/** A link on which nothing was heard for so long is dead, whatever TCP thinks. */
export const peerSilenceMs = 3_000;
const firstRetryMs = 50;
const lastRetryMs = 2_000;
/** A link that lived for less has not healed anything: go on with longer waits. */
const steadyLinkMs = 1_000;
/** A dial that was not even taken after so long is given up when the peer shows that it is there. */
const hangingDialMs = 250;

/** Someone to keep a link to. */
export interface PeerAddress {
  readonly id: NodeId;
  readonly name: string;
  /** host:port of the peer port. */
  readonly address: string;
  /** Its data directory, where that is known. */
  readonly storageId?: Uint8Array;
}

/** What a link needs from the collection that it is in. */
export interface LinkHost {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  hello(to: NodeId): Hello;
  judge(welcome: Welcome): Verdict;
  nextSession(): number;
  up(peer: NodeId, session: number, facts: Facts): void;
  down(peer: NodeId, session: number, reason: string): void;
  /** The link takes frames again after it was congested. */
  writable(peer: NodeId): void;
  rejected(peer: PeerAddress, by: 'us' | 'them', reject: Reject): void;
  unreachable(peer: PeerAddress, reason: string): void;
}

type State =
  | { readonly type: 'waiting'; readonly timer: Timer }
  | { readonly type: 'dialling'; readonly dial: Dial; readonly since: Millis }
  | {
      readonly type: 'up';
      readonly connection: FrameConnection;
      readonly session: number;
      readonly facts: Facts;
      readonly since: Millis;
      heard: Millis;
    }
  | { readonly type: 'closed' };

/**
 * The connection that we dial to one peer and send on: kept up for as long as the peer is a member, with a queue of
 * bounded size. What the peer sends comes on the connection that it dials.
 */
export class Link {
  readonly peer: PeerAddress;
  readonly #host: LinkHost;
  #state: State = { type: 'closed' };
  #queue: Frame[] = [];
  #queuedBytes = 0;
  #failures = 0;
  #lastProblem: string | undefined;
  #roundTripMs: number | undefined;

  constructor(peer: PeerAddress, host: LinkHost) {
    this.peer = peer;
    this.#host = host;
    this.#dial();
  }

  /** What the peer said of itself when the link came up; undefined while it is down. */
  get facts(): Facts | undefined {
    return this.#state.type === 'up' ? this.#state.facts : undefined;
  }

  get session(): number | undefined {
    return this.#state.type === 'up' ? this.#state.session : undefined;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Last measured, while up. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs;
  }

  /** Bytes that `send` would take now; 0 while down or congested. */
  get credit(): number {
    const state = this.#state;
    if (state.type !== 'up' || state.connection.congested) return 0;
    return Math.max(0, maxPeerQueueBytes - this.#queuedBytes);
  }

  /** Queues a frame; false when it was dropped because the link is down or its queue full. */
  send(frame: Frame): boolean {
    const length = encodedLength(frame);
    if (this.#state.type !== 'up' || this.#queuedBytes + length > maxPeerQueueBytes) return false;
    this.#queue.push(frame);
    this.#queuedBytes += length;
    return true;
  }

  /** Hands the queue to the connection, for as long as that takes it. */
  flush(): void {
    const state = this.#state;
    if (state.type !== 'up' || this.#queue.length === 0) return;
    let sent = 0;
    while (sent < this.#queue.length && !state.connection.congested) {
      const batch: Frame[] = [];
      for (let bytes = 0; sent < this.#queue.length && bytes < connectionHighWaterBytes; sent++) {
        const frame = this.#queue[sent] as Frame;
        batch.push(frame);
        bytes += encodedLength(frame);
        this.#queuedBytes -= encodedLength(frame);
      }
      state.connection.send(batch);
    }
    this.#queue = sent === this.#queue.length ? [] : this.#queue.slice(sent);
  }

  /** To be called every `pingIntervalMs`. `stalled`: we were not running ourselves, so silence means nothing. */
  tick(now: Millis, stalled: boolean): void {
    const state = this.#state;
    if (state.type !== 'up') return;
    if (stalled) state.heard = now;
    if (now - state.heard > peerSilenceMs) {
      state.connection.destroy();
      this.#lost(`nothing heard for ${now - state.heard} ms`);
      return;
    }
    this.#ping(state.connection);
  }

  /** The peer has reached us, so it is there: do not wait any longer. */
  peerIsThere(): void {
    const state = this.#state;
    if (state.type === 'waiting') {
      state.timer.cancel();
      this.#dial();
    } else if (state.type === 'dialling') {
      if (state.dial.opened || this.#host.clock.now() - state.since < hangingDialMs) return;
      state.dial.cancel();
      this.#dial();
    }
  }

  close(reason: string): void {
    const state = this.#state;
    this.#state = { type: 'closed' };
    if (state.type === 'waiting') state.timer.cancel();
    else if (state.type === 'dialling') state.dial.cancel();
    else if (state.type === 'up') {
      state.connection.end();
      this.#ended(state.session, reason);
    }
  }

  #dial(): void {
    const { network, clock } = this.#host;
    this.#state = {
      type: 'dialling',
      since: clock.now(),
      dial: dial({
        network,
        clock,
        address: this.peer.address,
        hello: this.#host.hello(this.peer.id),
        judge: (welcome) => this.#host.judge(welcome),
        callback: (outcome) => this.#dialled(outcome),
      }),
    };
  }

  #dialled(outcome: DialOutcome): void {
    switch (outcome.type) {
      case 'up':
        this.#established(outcome.connection, outcome.welcome);
        return;
      case 'rejected': {
        const { by, reject } = outcome;
        this.#retry();
        this.#report(`${by} ${reject.code} ${reject.text}`, () => this.#host.rejected(this.peer, by, reject));
        return;
      }
      case 'failed':
        this.#retry();
        this.#report(outcome.reason, () => this.#host.unreachable(this.peer, outcome.reason));
        return;
    }
  }

  #established(connection: FrameConnection, facts: Facts): void {
    const session = this.#host.nextSession();
    const now = this.#host.clock.now();
    this.#state = { type: 'up', connection, session, facts, since: now, heard: now };
    this.#lastProblem = undefined;
    connection.handlers = {
      frame: (frame) => this.#received(frame),
      drain: () => this.#drained(),
      garbage: (reason) => this.#drop(reason),
      close: (reason) => this.#lost(reason),
    };
    this.#ping(connection);
    this.#host.up(this.peer.id, session, facts);
  }

  #ping(connection: FrameConnection): void {
    const now = this.#host.clock.now();
    if (!connection.congested) {
      connection.send([{ kind: frameKinds.ping, payload: new Writer(8).u64(BigInt(now)).finish() }]);
    }
  }

  #received({ kind, payload }: Frame): void {
    const state = this.#state;
    if (state.type !== 'up') return;
    if (kind !== frameKinds.pong) {
      this.#drop(`a frame of kind ${kind} where only pongs are due`);
      return;
    }
    state.heard = this.#host.clock.now();
    if (payload.length > 0) this.#answered(payload, state.heard);
  }

  /** A pong without payload says only that what we send is coming in. */
  #answered(payload: Uint8Array, now: Millis): void {
    const sentAt = decode(payload, (reader) => reader.u64());
    if (sentAt instanceof Malformed || sentAt > BigInt(now)) this.#drop('a pong that answers no ping');
    else this.#roundTripMs = now - Number(sentAt);
  }

  #drained(): void {
    const state = this.#state;
    if (state.type !== 'up') return;
    state.heard = this.#host.clock.now();
    this.flush();
    if (!state.connection.congested) this.#host.writable(this.peer.id);
  }

  #drop(reason: string): void {
    if (this.#state.type === 'up') this.#state.connection.destroy();
    this.#lost(reason);
  }

  #lost(reason: string): void {
    const state = this.#state;
    if (state.type !== 'up') return;
    if (this.#host.clock.now() - state.since >= steadyLinkMs) this.#failures = 0;
    this.#retry();
    this.#ended(state.session, reason);
  }

  #ended(session: number, reason: string): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#roundTripMs = undefined;
    this.#host.down(this.peer.id, session, reason);
  }

  #retry(): void {
    const { clock, random } = this.#host;
    const longest = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(this.#failures, 16));
    this.#failures++;
    const wait = random.between(longest / 2, longest);
    const timer = clock.setTimer(millis(clock.now() + wait), () => this.#dial());
    this.#state = { type: 'waiting', timer };
  }

  /** Dials go on for ever; a cause is told once, until it changes or the link comes up. */
  #report(problem: string, tell: () => void): void {
    if (problem === this.#lastProblem) return;
    this.#lastProblem = problem;
    tell();
  }
}
