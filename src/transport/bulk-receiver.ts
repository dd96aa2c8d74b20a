import { assert } from '../core/assert.ts';
import { emptyBytes } from '../core/bytes.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { decode, Writer } from '../core/codec.ts';
import { type Millis, millis } from '../core/ids.ts';
import { bulkPingMs, bulkSilenceMs, readReason, writeReason } from './bulk-sender.ts';
import type { FrameConnection } from './frame-connection.ts';
import { type Frame, frameKinds } from './framing.ts';

/** Where the content of a stream goes. Exactly one of `end` and `failed` is called, last. */
export interface BulkSink {
  /** In order and without gaps, from the offset that was asked for. Not while paused. */
  chunk(bytes: Uint8Array): void;
  /** All of it came. Make it safe, then say `done` or `fail`. */
  end(): void;
  /** The stream broke; what came can be kept, to go on from there in a later attempt. */
  failed(reason: string): void;
}

/** A stream that a peer offers. Calls on one that has broken are harmless. */
export interface IncomingBulk {
  /** Asks for the content from byte `offset` on. */
  accept(offset: number, sink: BulkSink): void;
  refuse(reason: string): void;
  pause(): void;
  resume(): void;
  /** After `end`: the content is safe here, the sender may forget about it. */
  done(): void;
  /** Gives the stream up, at any time after `accept`; `failed` is not called. */
  fail(reason: string): void;
}

export interface ReceiveBulkOptions {
  readonly connection: FrameConnection;
  readonly clock: Clock;
  readonly opened: (header: Uint8Array, incoming: IncomingBulk) => void;
  /** Once, when the connection is not used any more. */
  readonly ended: () => void;
}

/** The receiving end of one long stream. */
export class BulkReceiver implements IncomingBulk {
  readonly #connection: FrameConnection;
  readonly #clock: Clock;
  readonly #opened: ReceiveBulkOptions['opened'];
  readonly #ended: () => void;
  #state: 'opening' | 'offered' | 'receiving' | 'received' | 'over' = 'opening';
  #sink: BulkSink | undefined;
  #offset = 0;
  #paused = false;
  #heard: Millis;
  #receivedBytes = 0;
  #tick: Timer;

  constructor({ connection, clock, opened, ended }: ReceiveBulkOptions) {
    this.#connection = connection;
    this.#clock = clock;
    this.#opened = opened;
    this.#ended = ended;
    this.#heard = clock.now();
    connection.handlers = {
      frame: (frame) => this.#received(frame),
      drain: () => {},
      garbage: (reason) => this.#broken(reason),
      close: (reason) => this.#broken(reason),
    };
    this.#tick = this.#startTick();
  }

  accept(offset: number, sink: BulkSink): void {
    if (this.#state === 'over') {
      this.#clock.defer(() => sink.failed('the stream broke before it was accepted'));
      return;
    }
    assert(this.#state === 'offered', 'a stream is accepted once, after it was offered');
    this.#state = 'receiving';
    this.#sink = sink;
    this.#offset = offset;
    this.#connection.send([{ kind: frameKinds.bulkAccept, payload: new Writer(8).uint(offset).finish() }]);
  }

  refuse(reason: string): void {
    this.#answer(frameKinds.bulkRefuse, writeReason(reason));
  }

  pause(): void {
    this.#paused = true;
    this.#connection.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#heard = this.#clock.now();
    this.#connection.resume();
  }

  done(): void {
    if (this.#state === 'over') return;
    assert(this.#state === 'received', 'a stream is done after all of it came');
    this.#answer(frameKinds.bulkDone, emptyBytes);
  }

  fail(reason: string): void {
    this.#answer(frameKinds.bulkFailed, writeReason(reason));
  }

  /** Ends the stream because we stop; `failed` is called when content was still expected. */
  cancel(): void {
    this.#broken('we are stopping');
  }

  #answer(kind: number, payload: Uint8Array): void {
    if (this.#state === 'over') return;
    this.#connection.send([{ kind, payload }]);
    this.#connection.end();
    this.#stop();
  }

  #received({ kind, payload }: Frame): void {
    const state = this.#state;
    if (kind === frameKinds.ping) return;
    if (kind === frameKinds.bulkOpen && state === 'opening') {
      this.#state = 'offered';
      this.#opened(payload, this);
    } else if (kind === frameKinds.bulkChunk && state === 'receiving') {
      this.#offset += payload.length;
      this.#sink?.chunk(payload);
    } else if (kind === frameKinds.bulkEnd && state === 'receiving') this.#complete(payload);
    else if (kind === frameKinds.bulkFailed) this.#broken(`the sender gave up: ${readReason(payload)}`);
    else this.#broken(`the sender sent a frame of kind ${kind} out of turn`);
  }

  #complete(payload: Uint8Array): void {
    const offset = decode(payload, (reader) => reader.uint());
    if (offset !== this.#offset) {
      this.#broken(`the stream should end at byte ${offset}, but ${this.#offset} came`);
      return;
    }
    this.#state = 'received';
    this.#sink?.end();
  }

  #startTick(): Timer {
    const due = millis(this.#clock.now() + bulkPingMs);
    return this.#clock.setTimer(due, () => {
      const now = this.#clock.now();
      const { receivedBytes } = this.#connection;
      if (this.#paused || receivedBytes > this.#receivedBytes || now - due > bulkPingMs) this.#heard = now;
      this.#receivedBytes = receivedBytes;
      if (now - this.#heard > bulkSilenceMs) {
        this.#broken(`nothing heard for ${now - this.#heard} ms`);
        return;
      }
      if (!this.#connection.congested)
        this.#connection.send([{ kind: frameKinds.ping, payload: emptyBytes }]);
      this.#tick = this.#startTick();
    });
  }

  #broken(reason: string): void {
    if (this.#state === 'over') return;
    const expecting = this.#state === 'receiving';
    this.#stop();
    if (expecting) this.#sink?.failed(reason);
  }

  #stop(): void {
    this.#state = 'over';
    this.#tick.cancel();
    this.#connection.destroy();
    this.#ended();
  }
}
