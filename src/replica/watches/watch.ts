import type { KeyRange, KeyValue } from '../../machine/index.ts';
import type { WatchStream } from './watch-stream.ts';

/** What is to be watched, and how. */
export interface WatchRequest {
  readonly range: KeyRange;
  /** The first revision of interest; undefined means what comes next. */
  readonly start: number | undefined;
  readonly puts: boolean;
  readonly deletes: boolean;
  /** With each event, the pair that it replaced or deleted. */
  readonly previous: boolean;
  /** To be told from time to time how far the watch has come, also when nothing happens. */
  readonly progress: boolean;
}

/** One change of one key. Watchers of the same keys are handed the same object. */
export interface WatchEvent {
  readonly type: 'put' | 'delete';
  readonly revision: number;
  /** For a delete the key and the revision alone. */
  readonly pair: KeyValue;
  /** What was replaced or deleted, when a watcher of the event wants it and it is not compacted. */
  readonly previous: KeyValue | undefined;
}

/**
 * Where the watchers of one stream are told. Each call answers whether there is room for more: after `false`, nothing
 * is said until `WatchStream.writable` is called, and what happens meanwhile is read again from the history.
 */
export interface WatchSink {
  /**
   * Events in order, with all events of each revision that the watch asks for. Through `through` the watch has now been
   * told everything. The list is shared and does not change.
   */
  events(watch: Watch, events: readonly WatchEvent[], through: number): boolean;
  /** This watch, or every watch of the stream when undefined, has been told everything through this revision. */
  progress(watch: Watch | undefined, through: number): boolean;
  /** The watch has ended, since what it had to be told next is compacted. `revision`: the first that is not. */
  compacted(watch: Watch, revision: number): boolean;
  /** By a mistake of ours, of the sink or of the hub, the stream has ended. Called once, last, and not after `close`. */
  failed(error: unknown): void;
}

/**
 * Where a watch stands. `synced`: it is told of revisions as they are applied. `queued`: it is behind, and waits for its
 * turn to catch up. `passing`: it is catching up. `parked`: it is behind, and its stream has no room. `ended`: it is told nothing.
 */
export type WatchState = 'synced' | 'queued' | 'passing' | 'parked' | 'ended';

/** One watch. It holds no events: what it was not told yet is read from the history when there is room. */
export class Watch {
  readonly id: bigint;
  readonly stream: WatchStream;
  /** The bounds of its range, one character for each byte; `to` undefined means no upper end. */
  readonly from: string;
  readonly to: string | undefined;
  readonly puts: boolean;
  readonly deletes: boolean;
  readonly previous: boolean;
  readonly progress: boolean;
  /** The first revision of interest that was asked for; 0 for what came next. */
  readonly start: number;
  /** Events before this revision are not for it, or were told; as long as it is synced, those told are not counted here. */
  next: number;
  state: WatchState = 'queued';
  /** Whether it was told anything since the last periodic look at its progress. */
  active = false;

  constructor(
    id: bigint,
    stream: WatchStream,
    request: WatchRequest,
    bounds: { readonly from: string; readonly to: string | undefined },
    next: number,
  ) {
    this.id = id;
    this.stream = stream;
    this.from = bounds.from;
    this.to = bounds.to;
    this.puts = request.puts;
    this.deletes = request.deletes;
    this.previous = request.previous;
    this.progress = request.progress;
    this.start = request.start ?? 0;
    this.next = next;
  }

  /** Those of the events that are for this watch; the same list when all are. */
  choose(events: readonly WatchEvent[]): readonly WatchEvent[] {
    const [first] = events;
    if (this.puts && this.deletes && (first === undefined || this.next <= first.revision)) return events;
    return events.filter(
      ({ type, revision }) => revision >= this.next && (type === 'put' ? this.puts : this.deletes),
    );
  }
}
