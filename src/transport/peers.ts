import { assert } from '../core/assert.ts';
import { emptyBytes } from '../core/bytes.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { type Millis, millis, type NodeId } from '../core/ids.ts';
import { maxFrameBytes, maxInboundBulkStreams } from '../core/limits.ts';
import type { Random } from '../core/random.ts';
import { Acceptor } from './acceptor.ts';
import { BulkReceiver, type IncomingBulk } from './bulk-receiver.ts';
import { type BulkOutcome, BulkSender, type BulkSource } from './bulk-sender.ts';
import { dial } from './dial.ts';
import { copyOf, isAnother, twinOf } from './doubles.ts';
import type { FrameConnection } from './frame-connection.ts';
import { firstHostKind } from './framing.ts';
import {
  checkFacts,
  type Facts,
  type Hello,
  type Purpose,
  type Reject,
  reject,
  type Verdict,
  type Welcome,
  wireVersions,
} from './handshake.ts';
import { Inbound } from './inbound.ts';
import { Link, type LinkHost, type PeerAddress, pingIntervalMs } from './link.ts';
import type { Listener, Network } from './network.ts';
import { type PeerProblem, Repetitions } from './problems.ts';

/** What the host of the transport decides and hears. No handler is called before the call that led to it returned. */
export interface PeersHandlers {
  /** What this replica says of itself to `to`. */
  facts(to: NodeId, purpose: Purpose): Facts;
  /**
   * Whether to speak with a replica of our cluster and protocol: the host checks names, storage ids and membership.
   * `outbound`: we dialled it.
   */
  judge(other: Facts, direction: 'inbound' | 'outbound', purpose: Purpose): Verdict;
  /** Who an empty directory is that asks to join. */
  join(hello: Hello): Reject | Place;
  /** From the host of a peer; in order and without gaps within a session. `kind` is at least `firstHostKind`. */
  frame(from: NodeId, session: number, kind: number, payload: Uint8Array): void;
  /** We can send to `peer` from now on. */
  up(peer: NodeId, session: number, facts: Facts): void;
  /** What was sent in this session and not answered may be lost. */
  down(peer: NodeId, session: number, reason: string): void;
  /** The link to `peer` takes frames again after its credit was 0. */
  writable(peer: NodeId): void;
  /** A peer wants to send a long stream. Answer with `accept` or `refuse`, now or later. */
  bulk(from: Facts, header: Uint8Array, incoming: IncomingBulk): void;
  problem(problem: PeerProblem): void;
}

/** The answer to a directory that asks who it is. */
export interface Place {
  readonly id: NodeId;
  /** As in `Welcome`. */
  readonly initialMembers: Uint8Array;
}

export interface PeersOptions {
  readonly self: NodeId;
  readonly network: Network;
  readonly clock: Clock;
  /** Own stream, for the jitter of retries. */
  readonly random: Random;
  readonly handlers: PeersHandlers;
}

export type ProbeOutcome =
  | { readonly type: 'answered'; readonly facts: Facts }
  | { readonly type: 'rejected'; readonly by: 'us' | 'them'; readonly reject: Reject }
  | { readonly type: 'failed'; readonly reason: string };

export interface PeerStatus {
  readonly id: NodeId;
  readonly name: string;
  readonly address: string;
  /** Undefined while we cannot send to it. */
  readonly session: number | undefined;
  readonly facts: Facts | undefined;
  readonly roundTripMs: number | undefined;
  readonly queuedBytes: number;
  /** Whether it has a connection to us, so that we can hear it. */
  readonly heard: boolean;
}

/**
 * The links of one replica to all others. Each side dials every other, sends on the connection that it dialled and
 * receives on those it accepted, so that no tie needs to be broken. Frames of one turn are sent together.
 */
export class Peers {
  readonly #self: NodeId;
  readonly #network: Network;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #handlers: PeersHandlers;
  readonly #acceptor: Acceptor;
  readonly #links = new Map<NodeId, Link>();
  readonly #inbound = new Map<NodeId, Inbound>();
  readonly #streams = new Set<{ cancel(): void }>();
  readonly #repetitions = new Repetitions();
  readonly #linkHost: LinkHost;
  #listener: Listener | undefined;
  #sessions = 0;
  #inboundStreams = 0;
  #flushDue = false;
  #closed = false;
  #tick: Timer;
  #tickDue: Millis;

  constructor({ self, network, clock, random, handlers }: PeersOptions) {
    this.#self = self;
    this.#network = network;
    this.#clock = clock;
    this.#random = random;
    this.#handlers = handlers;
    this.#linkHost = this.#makeLinkHost();
    this.#acceptor = new Acceptor(clock, {
      judge: (hello, version) => this.#answer(hello, version),
      accepted: (connection, hello) => this.#accepted(connection, hello),
      rejected: (remote, hello, why) => this.#refused(remote, hello, why),
    });
    this.#tickDue = millis(clock.now() + pingIntervalMs);
    this.#tick = clock.setTimer(this.#tickDue, () => this.#ticked());
  }

  /** Takes connections at `address` (host:port; port 0 picks one); calls back with the address that was bound. */
  listen(address: string, callback: (error: Error | undefined, bound: string) => void): void {
    this.#network.listen(
      address,
      (connection) => this.#acceptor.accept(connection),
      (error, listener) => {
        if (this.#closed) listener?.close();
        this.#listener = listener;
        callback(error, listener?.address ?? address);
      },
    );
  }

  /** Whom to keep a link to, from now on; ourselves among them does no harm. Who is not named any more is cut off. */
  setMembers(members: readonly PeerAddress[]): void {
    const wanted = new Map(
      members.filter(({ id }) => id !== this.#self).map((member) => [member.id, member]),
    );
    for (const [id, link] of [...this.#links]) {
      const member = wanted.get(id);
      const another = member !== undefined && isAnother(member, link.facts);
      if (member?.address === link.peer.address && !another) continue;
      this.#links.delete(id);
      link.close(member === undefined ? 'not a member any more' : `moved to ${member.address}`);
    }
    for (const [id, inbound] of [...this.#inbound]) {
      const member = wanted.get(id);
      if (member !== undefined && !isAnother(member, inbound.facts)) continue;
      inbound.close();
      this.#inbound.delete(id);
    }
    for (const [id, member] of wanted) {
      if (!this.#links.has(id)) this.#links.set(id, new Link(member, this.#linkHost));
    }
  }

  /**
   * Sends at the end of this turn, or at `flush`. False when the frame was dropped, because there is no link or its queue
   * is full; true does not mean that it arrives. The payload is at most `maxFrameBytes` and must not change any more.
   */
  send(to: NodeId, kind: number, payload: Uint8Array): boolean {
    assert(kind >= firstHostKind, 'a host sends frames of its own kinds');
    assert(payload.length <= maxFrameBytes, 'a payload fits a frame');
    if (this.#links.get(to)?.send({ kind, payload }) !== true) return false;
    if (!this.#flushDue) {
      this.#flushDue = true;
      this.#clock.defer(() => {
        this.#flushDue = false;
        this.flush();
      });
    }
    return true;
  }

  flush(): void {
    for (const link of this.#links.values()) link.flush();
  }

  /** Bytes that the link to `peer` takes now; 0 while it is down or congested (`writable` tells when it no longer is). */
  credit(peer: NodeId): number {
    return this.#links.get(peer)?.credit ?? 0;
  }

  /** Asks who is at `address`, expecting `to`. Calls back once, unless the transport is closed before. */
  probe(address: string, to: NodeId, callback: (outcome: ProbeOutcome) => void): void {
    const probe = dial({
      network: this.#network,
      clock: this.#clock,
      address,
      hello: this.#hello(to, 'probe'),
      judge: (welcome) => this.#judge(welcome, 'outbound', 'probe'),
      callback: (outcome) => {
        this.#streams.delete(probe);
        if (outcome.type !== 'up') {
          callback(outcome);
          return;
        }
        outcome.connection.end();
        callback({ type: 'answered', facts: outcome.welcome });
      },
    });
    this.#streams.add(probe);
  }

  /**
   * Streams what `source` gives to `to`, on a connection of its own. Calls back once, unless it was cancelled or the
   * transport closed: `done` means that the receiver has all of it and says that it is safe there.
   */
  sendBulk(
    to: NodeId,
    header: Uint8Array,
    source: BulkSource,
    callback: (outcome: BulkOutcome) => void,
  ): { cancel(): void } {
    const address = this.#links.get(to)?.peer.address;
    if (address === undefined) {
      source.close();
      this.#clock.defer(() => callback({ type: 'failed', reason: `${to} is not a member` }));
      return { cancel: () => {} };
    }
    const stream = new BulkSender({
      network: this.#network,
      clock: this.#clock,
      address,
      hello: this.#hello(to, 'bulk'),
      judge: (welcome) => this.#judge(welcome, 'outbound', 'bulk'),
      header,
      source,
      callback: (outcome) => {
        this.#streams.delete(stream);
        callback(outcome);
      },
    });
    this.#streams.add(stream);
    return {
      cancel: () => {
        this.#streams.delete(stream);
        stream.cancel();
      },
    };
  }

  status(): PeerStatus[] {
    return [...this.#links.values()].map((link) => ({
      ...link.peer,
      session: link.session,
      facts: link.facts,
      roundTripMs: link.roundTripMs,
      queuedBytes: link.queuedBytes,
      heard: this.#inbound.has(link.peer.id),
    }));
  }

  /** Ends everything; `down` is called for links that were up, and nothing after that. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tick.cancel();
    this.#listener?.close();
    this.#acceptor.close();
    this.flush();
    for (const stream of [...this.#streams]) stream.cancel();
    for (const inbound of this.#inbound.values()) inbound.close();
    for (const link of [...this.#links.values()]) link.close('we are stopping');
    this.#links.clear();
    this.#inbound.clear();
    this.#streams.clear();
  }

  #makeLinkHost(): LinkHost {
    const handlers = this.#handlers;
    return {
      network: this.#network,
      clock: this.#clock,
      random: this.#random,
      hello: (to) => this.#hello(to, 'link'),
      judge: (welcome) => this.#judge(welcome, 'outbound', 'link'),
      nextSession: () => ++this.#sessions,
      up: (peer, session, facts) => handlers.up(peer, session, facts),
      down: (peer, session, reason) => handlers.down(peer, session, reason),
      writable: (peer) => handlers.writable(peer),
      rejected: ({ id, address }, by, { code, text }) =>
        handlers.problem({
          type: 'rejected',
          direction: 'outbound',
          by,
          peer: id,
          remote: address,
          code,
          text,
        }),
      unreachable: ({ id, address }, reason) =>
        handlers.problem({ type: 'unreachable', peer: id, address, reason }),
    };
  }

  #hello(to: NodeId, purpose: Purpose): Hello {
    return { ...this.#handlers.facts(to, purpose), versions: wireVersions, to, purpose };
  }

  #judge(other: Hello | Welcome, direction: 'inbound' | 'outbound', purpose: Purpose): Verdict {
    const verdict = checkFacts(this.#handlers.facts(other.id, purpose), other);
    return verdict.type === 'reject' ? verdict : this.#handlers.judge(other, direction, purpose);
  }

  #answer(hello: Hello, version: number): Reject | Welcome {
    // Before the host hears of it: a copy must not count as the latest start while the original is there.
    if (hello.purpose === 'join') return this.#place(hello, version);
    const copy = copyOf(this.#inbound.get(hello.id)?.facts, hello);
    if (copy !== undefined) return copy;
    const verdict = this.#judge(hello, 'inbound', hello.purpose);
    if (verdict.type === 'reject') return verdict;
    const twin = twinOf(this.#inbound.get(hello.id)?.facts, hello);
    if (twin !== undefined) return twin;
    if (hello.purpose === 'bulk' && this.#inboundStreams >= maxInboundBulkStreams) {
      return reject('busy', `${this.#inboundStreams} streams are being received: try again later`);
    }
    return {
      ...this.#handlers.facts(hello.id, hello.purpose),
      version,
      to: hello.id,
      initialMembers: emptyBytes,
    };
  }

  #place(hello: Hello, version: number): Reject | Welcome {
    const place = this.#handlers.join(hello);
    if ('type' in place) return place;
    return {
      ...this.#handlers.facts(place.id, hello.purpose),
      version,
      to: place.id,
      initialMembers: place.initialMembers,
    };
  }

  #accepted(connection: FrameConnection, hello: Hello): void {
    this.#repetitions.forget(String(hello.id));
    if (hello.purpose === 'bulk') {
      this.#receiveStream(connection, hello);
      return;
    }
    this.#inbound.get(hello.id)?.close();
    const inbound = new Inbound(connection, hello, ++this.#sessions, this.#clock, {
      frame: (from, session, { kind, payload }) => this.#handlers.frame(from, session, kind, payload),
      ended: (ended) => {
        if (this.#inbound.get(hello.id) === ended) this.#inbound.delete(hello.id);
      },
    });
    this.#inbound.set(hello.id, inbound);
    this.#links.get(hello.id)?.peerIsThere();
  }

  #receiveStream(connection: FrameConnection, hello: Hello): void {
    this.#inboundStreams++;
    const stream = new BulkReceiver({
      connection,
      clock: this.#clock,
      opened: (header, incoming) => this.#handlers.bulk(hello, header, incoming),
      ended: () => {
        this.#inboundStreams--;
        this.#streams.delete(stream);
      },
    });
    this.#streams.add(stream);
  }

  #refused(remote: string, hello: Hello | undefined, { code, text }: Reject): void {
    // The port of a dialler changes with every try.
    const subject = hello === undefined ? remote.replace(/:\d+(?= |$)/, '') : String(hello.id);
    if (!this.#repetitions.isNew(subject, `${code} ${text}`)) return;
    const peer = hello?.id;
    this.#handlers.problem({ type: 'rejected', direction: 'inbound', by: 'us', peer, remote, code, text });
  }

  #ticked(): void {
    const now = this.#clock.now();
    const stalled = now - this.#tickDue > pingIntervalMs;
    for (const link of [...this.#links.values()]) link.tick(now, stalled);
    for (const inbound of [...this.#inbound.values()]) inbound.tick(now, stalled);
    this.#tickDue = millis(now + pingIntervalMs);
    this.#tick = this.#clock.setTimer(this.#tickDue, () => this.#ticked());
  }
}
