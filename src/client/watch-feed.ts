import { maxWaitingWatchBytes, maxWaitingWatchEvents } from '../core/limits.ts';
import type { Change, Event, Watch } from './coordination.ts';
import type { Entry } from './entry.ts';
import { textOf } from './entry.ts';
import { CoordinationError } from './errors.ts';

/** What a driver does for a watch. */
export interface FeedSource {
  /** The reader has caught up with what it was told that it cannot take. */
  resume(): void;
  /** Nobody reads any more. Called once. */
  close(): void;
}

interface EventFields {
  readonly type: 'put' | 'delete';
  readonly key: Uint8Array;
  readonly revision: bigint;
  readonly entry: Entry | undefined;
  readonly previous: Entry | undefined;
}

export class WatchEvent implements Event {
  readonly type: 'put' | 'delete';
  readonly key: Uint8Array;
  readonly revision: bigint;
  readonly entry: Entry | undefined;
  readonly previous: Entry | undefined;

  constructor(fields: EventFields) {
    this.type = fields.type;
    this.key = fields.key;
    this.revision = fields.revision;
    this.entry = fields.entry;
    this.previous = fields.previous;
  }

  get name(): string {
    return textOf(this.key);
  }
}

/** Between a driver, which pushes, and a reader, who pulls: bounded, and never losing what it was given. */
export class WatchFeed implements Watch {
  readonly ready: Promise<bigint>;
  readonly #source: FeedSource;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.close();
  #opened: (revision: bigint) => void = () => undefined;
  #neverOpened: (error: Error) => void = () => undefined;
  #waiting: Change[] = [];
  #events = 0;
  #bytes = 0;
  #parked = false;
  #ended = false;
  #error: Error | undefined;
  #taken = false;
  #wake: (() => void) | undefined;

  constructor(source: FeedSource, signal: AbortSignal | undefined) {
    this.#source = source;
    this.#signal = signal;
    this.ready = new Promise((resolve, reject) => {
      this.#opened = resolve;
      this.#neverOpened = reject;
    });
    // Whoever does not ask for it must not die of it: the error comes out of the iteration too.
    this.ready.catch(() => undefined);
    if (signal?.aborted === true) queueMicrotask(this.#onAbort);
    else signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get ended(): boolean {
    return this.#ended;
  }

  opened(revision: bigint): void {
    this.#opened(revision);
  }

  /** False: taken, but no more until `resume`. */
  push(change: Change): boolean {
    if (this.#ended) return true;
    this.#waiting.push(change);
    this.#events += change.events.length;
    this.#bytes += bytesIn(change);
    this.#parked = this.#events >= maxWaitingWatchEvents || this.#bytes >= maxWaitingWatchBytes;
    this.#wake?.();
    return !this.#parked;
  }

  /** Up to `revision` there is nothing that was not pushed. */
  progress(revision: bigint): void {
    if (this.#ended) return;
    // One that was not read yet says less than this one.
    if (this.#waiting.at(-1)?.events.length === 0) this.#waiting.pop();
    this.#waiting.push({ revision, events: [] });
    this.#wake?.();
  }

  /** What was pushed before is still read; then the reader gets the error. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#error = error;
    this.#end(error);
  }

  close(): void {
    if (this.#ended) return;
    this.#waiting = [];
    this.#end(new CoordinationError('closed', 'refused', 'the watch was closed before it was opened'));
  }

  async *changes(): AsyncIterableIterator<Change> {
    if (this.#taken) {
      throw new CoordinationError('invalid', 'refused', 'a watch is read once: open another one');
    }
    this.#taken = true;
    try {
      for (;;) {
        const change = this.#waiting.shift();
        if (change !== undefined) {
          this.#account(change);
          yield change;
        } else if (this.#ended) {
          if (this.#error !== undefined) throw this.#error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.close();
    }
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Event> {
    for await (const change of this.changes()) yield* change.events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #account(change: Change): void {
    this.#events -= change.events.length;
    this.#bytes -= bytesIn(change);
    // Half of it, so that a reader at the limit does not make the server start and stop for each event.
    const low = this.#events <= maxWaitingWatchEvents / 2 && this.#bytes <= maxWaitingWatchBytes / 2;
    if (this.#parked && low && !this.#ended) {
      this.#parked = false;
      this.#source.resume();
    }
  }

  #end(why: Error): void {
    this.#ended = true;
    this.#neverOpened(why);
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#source.close();
    this.#wake?.();
  }
}

function bytesIn(change: Change): number {
  let bytes = 0;
  for (const { key, entry, previous } of change.events) {
    bytes += key.length + (entry?.value.length ?? 0) + (previous?.value.length ?? 0);
  }
  return bytes;
}
