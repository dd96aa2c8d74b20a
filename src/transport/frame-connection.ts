import { assert } from '../core/assert.ts';
import { encodeFrames, type Frame, FrameDecoder } from './framing.ts';
import type { Connection, ConnectionHandlers, Network } from './network.ts';

export interface FrameHandlers {
  frame(frame: Frame): void;
  /** Room again after `send` returned false. */
  drain(): void;
  /** What came is not frames. The connection is still open: end it. */
  garbage(reason: string): void;
  /** Once, unless we ended the connection ourselves; `reason` is for people. */
  close(reason: string): void;
}

/**
 * A connection that speaks in frames. Its handlers change as it goes through life: greeting, then link or bulk stream.
 * After `end` or `destroy` no handler is called.
 */
export class FrameConnection {
  handlers: FrameHandlers;
  readonly #connection: Connection;
  readonly #decoder: FrameDecoder;
  #open = true;
  #paused = false;
  #delivering = false;
  #congested = false;
  #receivedBytes = 0;

  private constructor(
    attach: (handlers: ConnectionHandlers) => Connection,
    maxPayload: number,
    handlers: FrameHandlers,
    opened: () => void,
  ) {
    this.#decoder = new FrameDecoder(maxPayload);
    this.handlers = handlers;
    this.#connection = attach(this.#connectionHandlers(opened));
  }

  /** Frames up to `maxPayload` bytes; `opened` is called when the other side has taken the connection. */
  static dial(
    network: Network,
    address: string,
    maxPayload: number,
    handlers: FrameHandlers,
    opened: () => void,
  ): FrameConnection {
    return new FrameConnection((own) => network.connect(address, own), maxPayload, handlers, opened);
  }

  static accept(connection: Connection, maxPayload: number, handlers: FrameHandlers): FrameConnection {
    const attach = (own: ConnectionHandlers): Connection => {
      connection.handlers = own;
      return connection;
    };
    return new FrameConnection(attach, maxPayload, handlers, () => {});
  }

  get remote(): string {
    return this.#connection.remote;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Rises with whatever comes, also in the middle of a frame that takes long. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** True from a `send` that returned false until the next `drain`. */
  get congested(): boolean {
    return this.#congested;
  }

  setLimit(maxPayload: number): void {
    this.#decoder.setLimit(maxPayload);
  }

  /** False when the connection has taken enough for now. The frames are queued all the same. */
  send(frames: readonly Frame[]): boolean {
    if (!this.#open) return false;
    if (!this.#connection.write(encodeFrames(frames))) this.#congested = true;
    return !this.#congested;
  }

  pause(): void {
    if (this.#paused || !this.#open) return;
    this.#paused = true;
    this.#connection.pause();
  }

  resume(): void {
    if (!this.#paused || !this.#open) return;
    this.#paused = false;
    this.#connection.resume();
    this.#deliver();
  }

  /** Sends what is queued, then ends. */
  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#connection.end();
  }

  destroy(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#connection.destroy();
  }

  #connectionHandlers(opened: () => void): ConnectionHandlers {
    return {
      open: () => {
        if (this.#open) opened();
      },
      data: (chunk) => {
        if (!this.#open) return;
        this.#receivedBytes += chunk.length;
        this.#decoder.push(chunk);
        this.#deliver();
      },
      drain: () => {
        if (!this.#open || !this.#congested) return;
        this.#congested = false;
        this.handlers.drain();
      },
      close: (reason) => {
        if (!this.#open) return;
        this.#open = false;
        this.handlers.close(reason);
      },
    };
  }

  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#open && !this.#paused) {
        const frame = this.#decoder.next();
        if (frame === undefined) break;
        if ('type' in frame) {
          this.handlers.garbage(frame.reason);
          assert(!this.#open, 'a connection that carried garbage was ended');
          break;
        }
        this.handlers.frame(frame);
      }
    } finally {
      this.#delivering = false;
    }
  }
}
