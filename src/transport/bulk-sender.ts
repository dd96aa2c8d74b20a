import { emptyBytes } from '../core/bytes.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { type Millis, millis } from '../core/ids.ts';
import { bulkSliceBytes, maxBulkChunkBytes } from '../core/limits.ts';
import { type Dial, type DialOutcome, dial } from './dial.ts';
import type { FrameConnection } from './frame-connection.ts';
import { type Frame, frameKinds } from './framing.ts';
import type { Hello, Verdict, Welcome } from './handshake.ts';
import type { Network } from './network.ts';

/** How often either end of a stream shows that it is there. */
export const bulkPingMs = 1_000;
/** A stream on which nothing was heard for so long is dead. */
export const bulkSilenceMs = 10_000;
/** A receiver that is there but takes nothing for so long is given up, since what we send stays pinned for it. */
const bulkStallMs = 60_000;

/** Where the content of a stream comes from: asked only as fast as the receiver takes it. */
export interface BulkSource {
  /** Where to begin, in bytes: 0, or what the receiver has of an earlier attempt. Once, before the first `next`. */
  start(offset: number): void;
  /** Calls back once, at once or later; pieces of any size below some megabytes. */
  next(callback: (piece: BulkPiece) => void): void;
  /** Once, when nothing more is wanted, whatever the outcome. */
  close(): void;
}

export type BulkPiece =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly reason: string };

/**
 * `done`: the receiver has the content and says that it is safe. `refused`: the receiver does not want it. `failed`: it
 * may have all, part or nothing of it; an attempt that is made again goes on where this one stopped.
 */
export type BulkOutcome =
  | { readonly type: 'done' }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'failed'; readonly reason: string };

export interface SendBulkOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly address: string;
  readonly hello: Hello;
  readonly judge: (welcome: Welcome) => Verdict;
  /** What the receiver needs to know to decide: opaque here. */
  readonly header: Uint8Array;
  readonly source: BulkSource;
  readonly callback: (outcome: BulkOutcome) => void;
}

/** The sending end of one long stream. */
export class BulkSender {
  readonly #clock: Clock;
  readonly #source: BulkSource;
  readonly #callback: (outcome: BulkOutcome) => void;
  readonly #header: Uint8Array;
  readonly #dial: Dial;
  #connection: FrameConnection | undefined;
  #state: 'dialling' | 'offered' | 'streaming' | 'sent' | 'over' = 'dialling';
  #tick: Timer | undefined;
  #heard: Millis;
  #progress: Millis;
  #offset = 0;
  #rest: Uint8Array = emptyBytes;
  #asked = false;
  #pumping = false;
  /** Sent in this turn of the event loop. */
  #sliceBytes = 0;

  constructor({ network, clock, address, hello, judge, header, source, callback }: SendBulkOptions) {
    this.#clock = clock;
    this.#source = source;
    this.#header = header;
    this.#callback = callback;
    this.#heard = clock.now();
    this.#progress = this.#heard;
    this.#dial = dial({
      network,
      clock,
      address,
      hello,
      judge,
      callback: (outcome) => this.#dialled(outcome),
    });
  }

  /** Gives the stream up; there is no callback after it. */
  cancel(): void {
    if (this.#state === 'over') return;
    if (this.#state === 'dialling') this.#dial.cancel();
    this.#stop();
  }

  #dialled(outcome: DialOutcome): void {
    if (outcome.type === 'rejected') this.#finish({ type: 'failed', reason: outcome.reject.text });
    else if (outcome.type === 'failed') this.#finish(outcome);
    else this.#offer(outcome.connection);
  }

  #offer(connection: FrameConnection): void {
    this.#connection = connection;
    this.#state = 'offered';
    this.#heard = this.#clock.now();
    connection.handlers = {
      frame: (frame) => this.#received(frame),
      drain: () => this.#drained(),
      garbage: (reason) => this.#fail(reason),
      close: (reason) => this.#fail(reason),
    };
    connection.send([{ kind: frameKinds.bulkOpen, payload: this.#header }]);
    this.#startTick();
  }

  #received({ kind, payload }: Frame): void {
    this.#heard = this.#clock.now();
    const state = this.#state;
    if (kind === frameKinds.ping) return;
    if (kind === frameKinds.bulkAccept && state === 'offered') this.#accepted(payload);
    else if (kind === frameKinds.bulkRefuse && state === 'offered') {
      this.#finish({ type: 'refused', reason: readReason(payload) });
    } else if (kind === frameKinds.bulkDone && state === 'sent') this.#finish({ type: 'done' });
    else if (kind === frameKinds.bulkFailed && state !== 'offered') this.#fail(readReason(payload));
    else this.#fail(`the receiver sent a frame of kind ${kind} out of turn`);
  }

  #accepted(payload: Uint8Array): void {
    const offset = decode(payload, (reader) => reader.uint());
    if (offset instanceof Malformed) {
      this.#fail(`unreadable acceptance: ${offset.message}`);
      return;
    }
    this.#state = 'streaming';
    this.#offset = offset;
    this.#progress = this.#clock.now();
    this.#source.start(offset);
    this.#pump();
  }

  /**
   * Moves pieces from the source to the connection until either has enough, a slice for each turn: a receiver that takes
   * everything at once must not hold up the heartbeats.
   */
  #pump(): void {
    const connection = this.#connection;
    if (this.#pumping || connection === undefined) return;
    this.#pumping = true;
    while (this.#state === 'streaming' && !connection.congested && !this.#asked) {
      if (this.#sliceBytes >= bulkSliceBytes) break;
      if (this.#rest.length > 0) this.#sendChunk(connection);
      else {
        this.#asked = true;
        this.#source.next((piece) => this.#supplied(piece));
      }
    }
    this.#pumping = false;
  }

  #sendChunk(connection: FrameConnection): void {
    const payload = this.#rest.subarray(0, maxBulkChunkBytes);
    this.#rest = this.#rest.subarray(payload.length);
    this.#offset += payload.length;
    this.#progress = this.#clock.now();
    if (this.#sliceBytes === 0) this.#clock.defer(() => this.#nextSlice());
    this.#sliceBytes += payload.length;
    connection.send([{ kind: frameKinds.bulkChunk, payload }]);
  }

  #nextSlice(): void {
    this.#sliceBytes = 0;
    this.#pump();
  }

  #supplied(piece: BulkPiece): void {
    if (this.#state !== 'streaming') return;
    this.#asked = false;
    switch (piece.type) {
      case 'bytes':
        this.#rest = piece.bytes;
        break;
      case 'end':
        this.#state = 'sent';
        this.#connection?.send([
          { kind: frameKinds.bulkEnd, payload: new Writer(8).uint(this.#offset).finish() },
        ]);
        break;
      case 'failed':
        this.#connection?.send([{ kind: frameKinds.bulkFailed, payload: writeReason(piece.reason) }]);
        this.#connection?.end();
        this.#finish(piece);
        break;
    }
    this.#pump();
  }

  #drained(): void {
    this.#heard = this.#clock.now();
    this.#progress = this.#heard;
    this.#pump();
  }

  #startTick(): void {
    const due = millis(this.#clock.now() + bulkPingMs);
    this.#tick = this.#clock.setTimer(due, () => {
      const now = this.#clock.now();
      if (now - due > bulkPingMs) this.#heard = now;
      const congested = this.#connection?.congested === true;
      if (now - this.#heard > bulkSilenceMs) this.#fail(`nothing heard for ${now - this.#heard} ms`);
      else if (congested && now - this.#progress > bulkStallMs) {
        this.#fail(`the receiver took nothing for ${now - this.#progress} ms`);
      } else {
        if (!congested) this.#connection?.send([{ kind: frameKinds.ping, payload: emptyBytes }]);
        this.#startTick();
      }
    });
  }

  #fail(reason: string): void {
    this.#finish({ type: 'failed', reason });
  }

  #finish(outcome: BulkOutcome): void {
    if (this.#state === 'over') return;
    this.#stop();
    this.#callback(outcome);
  }

  #stop(): void {
    this.#state = 'over';
    this.#tick?.cancel();
    this.#rest = emptyBytes;
    this.#connection?.destroy();
    this.#source.close();
  }
}

const maxReasonCharacters = 1024;

export const writeReason = (reason: string): Uint8Array =>
  new Writer().string(reason.slice(0, maxReasonCharacters)).finish();

export function readReason(payload: Uint8Array): string {
  const reason = decode(payload, (reader: Reader) => reader.string());
  return reason instanceof Malformed
    ? 'for a reason that cannot be read'
    : reason.slice(0, maxReasonCharacters);
}
