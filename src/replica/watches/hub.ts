import type { Clock } from '../../core/clock.ts';
import { millis } from '../../core/ids.ts';
import {
  maxStoreKeyBytes,
  maxWatches,
  maxWatchesPerStream,
  watchDeliveriesPerSlice,
  watchPassRevisions,
  watchPassWatches,
  watchSliceMs,
} from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import type { ReadStore } from '../../core/store.ts';
import { compactedRevision, currentRevision, eventsHeldFrom, machineView } from '../../machine/index.ts';
import { gather } from './gather.ts';
import { keyText } from './key-text.ts';
import type { RangeGroup } from './range-group.ts';
import { RangeIndex } from './range-index.ts';
import { Watch, type WatchEvent, type WatchRequest, type WatchSink } from './watch.ts';
import { type Added, WatchStream, type WatchStreamHost } from './watch-stream.ts';

/** The replica whose changes are watched. */
export interface WatchedReplica {
  peek(): ReadStore | undefined;
  onApplied(listener: () => void): () => void;
}

export interface WatchHubOptions {
  readonly replica: WatchedReplica;
  readonly clock: Clock;
  /** Spreads periodic progress. */
  readonly random: Random;
  /** Milliseconds between two messages of periodic progress, and up to a tenth more. */
  readonly progressIntervalMs: number;
  /**
   * An exception of a sink, whose stream has ended, or of our own: then all streams have ended, and who watches again is
   * served as before.
   */
  readonly onFault: (error: unknown) => void;
}

export interface WatchStats {
  readonly watches: number;
  /** Watches that were not told yet what has happened. */
  readonly behind: number;
  readonly streams: number;
  /** Streams that have no room. */
  readonly blocked: number;
}

/** Work that lets others have their turn wherever it yields. */
type Steps = Generator<undefined, void, undefined>;

/**
 * Tells watchers what has changed, from the history in the store. Watchers that are up to date are found by the keys
 * that an event changes; those that are behind catch up in passes; one whose stream has no room keeps a revision and
 * nothing else. Callbacks only, no promises: it runs in the simulator as it does in a replica.
 */
export class WatchHub implements WatchStreamHost {
  readonly #options: WatchHubOptions;
  readonly #stopListening: () => void;
  readonly #streams = new Set<WatchStream>();
  #synced = new RangeIndex();
  /** Behind, and with room; first come, first served. */
  readonly #queue = new Set<Watch>();
  /** Streams whose progress is wanted once everybody has been told everything through a revision. */
  readonly #progress = new Map<WatchStream, number>();
  #watches = 0;
  /** Synced watches have been told everything through this revision. */
  #told = 0;
  /** Through which they may be being told just now. */
  #telling = 0;
  #work: Steps | undefined;
  #scheduled = false;
  #closed = false;

  constructor(options: WatchHubOptions) {
    this.#options = options;
    this.#stopListening = options.replica.onApplied(() => {
      if (this.#watches > 0) this.#schedule();
    });
  }

  stats(): WatchStats {
    let blocked = 0;
    for (const stream of this.#streams) if (stream.blocked) blocked++;
    return {
      watches: this.#watches,
      behind: this.#watches - this.#synced.size,
      streams: this.#streams.size,
      blocked,
    };
  }

  stream(sink: WatchSink): WatchStream {
    const stream = new WatchStream(this, sink);
    this.#streams.add(stream);
    return stream;
  }

  /** Tells nobody anything any more. */
  close(): void {
    this.#closed = true;
    this.#stopListening();
    for (const stream of this.#streams) stream.close();
  }

  add(stream: WatchStream, id: bigint, request: WatchRequest): Added {
    const store = this.#peek();
    if (store === undefined || this.#closed) return { type: 'unavailable' };
    if (stream.size >= maxWatchesPerStream)
      return { type: 'tooMany', scope: 'stream', limit: maxWatchesPerStream };
    if (this.#watches >= maxWatches) return { type: 'tooMany', scope: 'replica', limit: maxWatches };
    const present = Number(currentRevision(store));
    if (this.#watches === 0 && this.#work === undefined) this.#skipTo(present);
    const { from, to } = request.range;
    const bounds = { from: boundText(from), to: to && boundText(to) };
    const watch = new Watch(id, stream, request, bounds, request.start ?? present + 1);
    this.#watches++;
    if (watch.next > this.#telling && watch.next >= firstLeft(store)) this.#sync(watch);
    else this.#enqueue(watch);
    return { type: 'watching', watch, revision: present };
  }

  remove(watch: Watch): void {
    switch (watch.state) {
      case 'synced':
        this.#synced.delete(watch);
        break;
      case 'queued':
        this.#queue.delete(watch);
        break;
      case 'parked':
        watch.stream.parked.delete(watch);
        break;
      case 'passing':
        break;
      case 'ended':
        return;
    }
    watch.state = 'ended';
    this.#watches--;
  }

  unpark(stream: WatchStream): void {
    for (const watch of stream.parked) this.#enqueue(watch);
    stream.parked.clear();
  }

  lookAtProgress(stream: WatchStream): void {
    const store = this.#peek();
    if (store === undefined) return;
    this.#progress.set(stream, Number(currentRevision(store)));
    this.#schedule();
  }

  later(callback: () => void): ReturnType<Clock['setTimer']> {
    const { clock, random, progressIntervalMs } = this.#options;
    const jitter = random.below(Math.floor(progressIntervalMs / 10) + 1);
    return clock.setTimer(millis(clock.now() + progressIntervalMs + jitter), callback);
  }

  closed(stream: WatchStream): void {
    this.#streams.delete(stream);
    this.#progress.delete(stream);
  }

  fault(error: unknown): void {
    this.#options.onFault(error);
  }

  #peek(): ReadStore | undefined {
    const store = this.#options.replica.peek();
    return store && machineView(store);
  }

  /** Asked anew each time: what is applied between two steps of a round wakes nobody, as the round is under way. */
  #present(): number | undefined {
    const store = this.#peek();
    return store && Number(currentRevision(store));
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => {
      this.#scheduled = false;
      if (this.#closed) return;
      try {
        this.#turn();
      } catch (error) {
        this.#beginAnew(error);
      }
    });
  }

  /** A mistake of ours may have left anything behind: nothing of it is used again, and nobody waits for what never comes. */
  #beginAnew(error: unknown): void {
    this.#work = undefined;
    this.#synced = new RangeIndex();
    this.#queue.clear();
    this.#progress.clear();
    const streams = [...this.#streams];
    this.#options.onFault(error);
    for (const stream of streams) stream.fail(error);
  }

  #turn(): void {
    const { clock } = this.#options;
    const deadline = clock.now() + watchSliceMs;
    this.#work ??= this.#rounds();
    do {
      if (this.#work.next().done === true) {
        this.#work = undefined;
        return;
      }
    } while (clock.now() < deadline);
    this.#schedule();
  }

  /** Until everybody who has room has been told everything. */
  *#rounds(): Steps {
    for (;;) {
      const present = this.#present();
      if (present === undefined) return;
      if (this.#synced.size === 0) this.#skipTo(present);
      if (this.#told < present) yield* this.#tell(present);
      this.#answerProgress();
      if (this.#queue.size > 0) yield* this.#catchUp();
      else if (this.#told === this.#present() && this.#progress.size === 0) return;
      yield;
    }
  }

  #skipTo(revision: number): void {
    this.#told = revision;
    this.#telling = revision;
  }

  /** One round of news for those who are up to date. */
  *#tell(present: number): Steps {
    this.#telling = present;
    const from = this.#told + 1;
    // As in etcd, a compaction does not come before what it was ordered after: that is told as long as it is held.
    const gathered = yield* gather(() => this.#peek(), this.#synced, from, present, eventsHeldFrom);
    if (gathered.type === 'stopped') return;
    if (gathered.type === 'compacted') {
      // Whoever is here has seen everything through `from - 1`, and what comes next is gone.
      for (const watch of [...this.#synced.watches()])
        if (watch.next < gathered.revision) watch.stream.compacted(watch, gathered.revision);
      return this.#skipTo(gathered.revision - 1);
    }
    yield* this.#deliver(gathered.groups, gathered.revision);
    this.#skipTo(gathered.revision);
  }

  /** One pass over the history for those who are behind. */
  *#catchUp(): Steps {
    const pass = this.#takePass();
    const [first] = pass;
    if (first === undefined) return;
    const index = new RangeIndex();
    let from = first.next;
    for (const watch of pass) {
      index.add(watch);
      from = Math.min(from, watch.next);
    }
    const upTo = Math.min(this.#told, from + watchPassRevisions - 1);
    const gathered = yield* gather(() => this.#peek(), index, from, upTo, firstLeft);
    // What is compacted is found out when their turn comes again.
    const through = gathered.type === 'through' ? gathered.revision : 0;
    if (gathered.type === 'through') yield* this.#deliver(gathered.groups, through);
    for (const watch of pass) {
      if (watch.state !== 'passing') continue;
      watch.next = Math.max(watch.next, through + 1);
      if (watch.next > this.#told) this.#sync(watch);
      else this.#enqueue(watch);
    }
  }

  /** Who is next, and who else can use the same stretch of history. */
  #takePass(): Watch[] {
    const store = this.#peek();
    if (store === undefined) return [];
    const compacted = firstLeft(store);
    const pass: Watch[] = [];
    for (const watch of this.#queue) {
      if (watch.stream.blocked) this.#park(watch);
      else if (watch.next < compacted) watch.stream.compacted(watch, compacted);
      else if (watch.next > this.#told) this.#sync(watch);
      else if (sharesPass(pass[0], watch)) {
        pass.push(watch);
        this.#queue.delete(watch);
        watch.state = 'passing';
        if (pass.length === watchPassWatches) break;
      }
    }
    return pass;
  }

  *#deliver(groups: ReadonlySet<RangeGroup>, through: number): Steps {
    let deliveries = 0;
    for (const group of groups) {
      for (const watch of group.watches) {
        this.#hand(watch, group.events, through);
        if (++deliveries % watchDeliveriesPerSlice === 0) yield;
      }
      group.events = [];
    }
  }

  #hand(watch: Watch, events: readonly WatchEvent[], through: number): void {
    if (watch.state !== 'synced' && watch.state !== 'passing') return;
    const chosen = watch.choose(events);
    const [first] = chosen;
    if (first === undefined) return;
    if (watch.stream.blocked) {
      watch.next = first.revision;
      return this.#park(watch);
    }
    watch.active = true;
    watch.stream.tell((sink) => sink.events(watch, chosen, through));
  }

  #sync(watch: Watch): void {
    this.#queue.delete(watch);
    watch.state = 'synced';
    this.#synced.add(watch);
  }

  #enqueue(watch: Watch): void {
    watch.state = 'queued';
    this.#queue.add(watch);
    this.#schedule();
  }

  #park(watch: Watch): void {
    if (watch.state === 'synced') this.#synced.delete(watch);
    this.#queue.delete(watch);
    watch.state = 'parked';
    watch.stream.parked.add(watch);
  }

  /** Between rounds, when nobody has been told a part of anything. */
  #answerProgress(): void {
    for (const [stream, revision] of this.#progress) {
      if (revision > this.#told) continue;
      this.#progress.delete(stream);
      if (stream.blocked) continue; // it is looked at again when it has room
      if (stream.progressAsked) this.#answerRequest(stream);
      if (stream.progressDue) this.#tellPeriodic(stream);
    }
  }

  #answerRequest(stream: WatchStream): void {
    stream.progressAsked = false;
    if (stream.size === 0) return;
    for (const watch of stream.watches) if (!this.#isCurrent(watch)) return;
    stream.tell((sink) => sink.progress(undefined, this.#told));
  }

  #tellPeriodic(stream: WatchStream): void {
    stream.progressDue = false;
    for (const watch of stream.watches) {
      const due = watch.progress && !watch.active && this.#isCurrent(watch) && !stream.blocked;
      if (due) stream.tell((sink) => sink.progress(watch, this.#told));
      watch.active = false;
    }
  }

  /** Has been told everything that the others have been told, and does not begin later only: until then it hears nothing. */
  #isCurrent(watch: Watch): boolean {
    return watch.state === 'synced' && watch.next <= this.#told + 1 && watch.start <= this.#told;
  }
}

function sharesPass(first: Watch | undefined, watch: Watch): boolean {
  if (first === undefined) return true;
  return watch.next >= first.next && watch.next < first.next + watchPassRevisions;
}

const firstLeft = (store: ReadStore): number => Number(compactedRevision(store));

/** No key is as long as this: the rest of a longer bound could not part any keys. */
const boundText = (bound: Uint8Array): string => keyText(bound.subarray(0, maxStoreKeyBytes));
