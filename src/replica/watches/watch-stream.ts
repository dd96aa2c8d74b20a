import type { Timer } from '../../core/clock.ts';
import type { Watch, WatchRequest, WatchSink } from './watch.ts';

/** What a stream needs of its hub. */
export interface WatchStreamHost {
  add(stream: WatchStream, id: bigint, request: WatchRequest): Added;
  /** Takes the watch from wherever it is. */
  remove(watch: Watch): void;
  /** The watches of the stream that are behind have room again. */
  unpark(stream: WatchStream): void;
  /** Looks at the progress of the stream when everything that is applied by now has been told. */
  lookAtProgress(stream: WatchStream): void;
  /** Calls back after the interval of periodic progress. */
  later(callback: () => void): Timer;
  closed(stream: WatchStream): void;
  /** The sink has thrown, and the stream is over. */
  fault(error: unknown): void;
}

export type Added =
  | { readonly type: 'watching'; readonly watch: Watch; readonly revision: number }
  /** This many watches are as many as there may be, on this stream or in all. */
  | { readonly type: 'tooMany'; readonly scope: 'stream' | 'replica'; readonly limit: number }
  /** The id is in use. */
  | { readonly type: 'duplicate' }
  /** The replica does not run, or the stream has ended. */
  | { readonly type: 'unavailable' };

/** Watches that share one way to their client, and so its room. */
export class WatchStream {
  readonly #sink: WatchSink;
  readonly #host: WatchStreamHost;
  readonly #watches = new Map<bigint, Watch>();
  /** Watches that are behind, and wait for room. */
  readonly parked = new Set<Watch>();
  /** The client has no room: nothing is said. */
  blocked = false;
  /** Somebody has asked how far the watches of this stream have come. */
  progressAsked = false;
  /** It is time to tell the watches that want it. */
  progressDue = false;
  #timer: Timer | undefined;
  #wantProgress = 0;
  #closed = false;

  constructor(host: WatchStreamHost, sink: WatchSink) {
    this.#host = host;
    this.#sink = sink;
  }

  get size(): number {
    return this.#watches.size;
  }

  get watches(): IterableIterator<Watch> {
    return this.#watches.values();
  }

  has(id: bigint): boolean {
    return this.#watches.has(id);
  }

  /**
   * Begins to watch. `revision` is the present: what the watch is told when it asked for what comes next is what comes
   * after that. Nothing is told before this returns.
   */
  watch(id: bigint, request: WatchRequest): Added {
    if (this.#closed) return { type: 'unavailable' };
    if (this.#watches.has(id)) return { type: 'duplicate' };
    const added = this.#host.add(this, id, request);
    if (added.type !== 'watching') return added;
    this.#watches.set(id, added.watch);
    if (request.progress && this.#wantProgress++ === 0) this.#arm();
    return added;
  }

  /** Ends a watch: it is told nothing more. False when there is none of this id. */
  cancel(id: bigint): boolean {
    const watch = this.#watches.get(id);
    if (watch === undefined) return false;
    this.#forget(watch);
    this.#host.remove(watch);
    return true;
  }

  /** Asks to be told once how far all watches of the stream have come; not answered while any of them is behind. */
  requestProgress(): void {
    if (this.#closed) return;
    this.progressAsked = true;
    this.#host.lookAtProgress(this);
  }

  /** There is room again. */
  writable(): void {
    if (!this.blocked || this.#closed) return;
    this.blocked = false;
    this.#host.unpark(this);
    if (this.progressAsked || this.progressDue) this.#host.lookAtProgress(this);
  }

  /** Ends everything; the sink is not called any more. */
  close(): void {
    this.#closed = true;
    for (const watch of this.#watches.values()) this.#host.remove(watch);
    this.#watches.clear();
    this.#timer?.cancel();
    this.#host.closed(this);
  }

  /** The watch was overtaken by a compaction. */
  compacted(watch: Watch, revision: number): void {
    if (watch.state === 'ended') return;
    this.#forget(watch);
    this.#host.remove(watch);
    this.tell((sink) => sink.compacted(watch, revision));
  }

  /** Says something. What the sink throws ends this stream, and is no matter of the others. */
  tell(say: (sink: WatchSink) => boolean): void {
    try {
      this.said(say(this.#sink));
    } catch (error) {
      this.fail(error);
      this.#host.fault(error);
    }
  }

  /** Ends everything by a mistake of ours. */
  fail(error: unknown): void {
    if (this.#closed) return;
    this.close();
    try {
      this.#sink.failed(error);
    } catch (second) {
      this.#host.fault(second);
    }
  }

  /** Takes note of what the sink has answered. */
  said(room: boolean): void {
    if (!room) this.blocked = true;
  }

  #forget(watch: Watch): void {
    this.#watches.delete(watch.id);
    if (!watch.progress || --this.#wantProgress > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(): void {
    this.#timer = this.#host.later(() => {
      this.progressDue = true;
      this.#host.lookAtProgress(this);
      this.#arm();
    });
  }
}
