import { utf8, utf8Text } from '../core/bytes.ts';
import type { Random } from '../core/random.ts';
import type { Watch, WatchEvent, WatchSink } from '../replica/watches/watch.ts';
import type { WatchStream } from '../replica/watches/watch-stream.ts';
import type { Chronicle, ChronicleEvent } from './chronicle.ts';
import type { Scheduler } from './scheduler.ts';
import type { Trace } from './trace.ts';
import type { Report } from './violation.ts';

/** A replica as watchers reach it. */
export interface Watched {
  readonly name: string;
  /** Undefined when it cannot be watched now. `lost` is called once, when the replica is gone. */
  openStream(sink: WatchSink, lost: () => void): WatchStream | undefined;
  /** The chronicle is to know what this replica has applied. */
  chronicled(): void;
  /** `callback` for as long as this process lives, later when it is stopped. */
  guard(callback: () => void): () => void;
}

interface WatchersContext {
  readonly count: number;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly replicas: readonly Watched[];
  readonly chronicle: Chronicle;
  readonly report: Report;
}

const tryAgainMs = 100;

/** Clients that watch, lose their replica, and go on at another one where they were. */
export class Watchers {
  readonly #watchers: Watcher[];

  constructor(context: WatchersContext) {
    this.#watchers = Array.from(
      { length: context.count },
      (_, at) => new Watcher(`w${at + 1}`, context, context.random.stream(`watcher ${at}`)),
    );
  }

  start(): void {
    for (const watcher of this.#watchers) watcher.start();
  }

  /** Every watcher was told everything that has happened. */
  get toldAll(): boolean {
    return this.#watchers.every((watcher) => watcher.toldAll);
  }
}

/**
 * One client with one watch. What it is told has to be what the chronicle holds, from where it was and through where it is
 * told to be now: in order, without gap or double, each revision at once, with what was there before.
 */
class Watcher implements WatchSink {
  readonly #name: string;
  readonly #context: WatchersContext;
  readonly #random: Random;
  readonly #puts: boolean;
  readonly #deletes: boolean;
  readonly #previous: boolean;
  readonly #from: string;
  readonly #to: string;
  /** The first revision that it was not told of; undefined before it began. */
  #next: number | undefined;
  #stream: WatchStream | undefined;
  #replica: Watched | undefined;
  #attempts = 0n;

  constructor(name: string, context: WatchersContext, random: Random) {
    this.#name = name;
    this.#context = context;
    this.#random = random;
    const filter = random.pick(['all', 'all', 'puts', 'deletes'] as const);
    this.#puts = filter !== 'deletes';
    this.#deletes = filter !== 'puts';
    this.#previous = random.chance(1, 2);
    [this.#from, this.#to] = random.pick([
      ['key-', 'key.'],
      ['key-1', 'key-5'],
      ['a', 'z'],
      ['lease-', 'lease.'],
    ] as const);
  }

  get toldAll(): boolean {
    const { chronicle } = this.#context;
    const next = this.#next;
    return (
      next !== undefined &&
      chronicle.events.slice(chronicle.placeOf(next)).every((event) => !this.#wants(event))
    );
  }

  start(): void {
    const { random, scheduler } = this.#context;
    scheduler.schedule(random.between(0, 2_000), () => this.#attach());
  }

  #attach(): void {
    const { replicas, scheduler, chronicle, trace } = this.#context;
    const replica = this.#random.pick(replicas);
    const attempt = ++this.#attempts;
    const stream = replica.openStream(this, () => {
      if (this.#attempts !== attempt || this.#stream === undefined) return;
      this.#stream = undefined;
      scheduler.schedule(this.#random.between(1, tryAgainMs), () => this.#attach());
    });
    if (stream === undefined) {
      scheduler.schedule(tryAgainMs, () => this.#attach());
      return;
    }
    this.#stream = stream;
    this.#replica = replica;
    const added = stream.watch(this.#attempts, {
      range: { from: utf8(this.#from), to: utf8(this.#to) },
      start: this.#next,
      puts: this.#puts,
      deletes: this.#deletes,
      previous: this.#previous,
      progress: true,
    });
    trace.event(
      scheduler.now,
      'watches',
      replica.name,
      () => `${this.#name} from ${this.#next}: ${added.type}`,
    );
    replica.chronicled();
    if (added.type === 'watching') {
      this.#next ??= added.revision + 1;
      if (added.revision > chronicle.revision)
        this.#wrong('ordered', `it began at ${added.revision}, which nobody has`);
    } else {
      stream.close();
      this.#stream = undefined;
      scheduler.schedule(tryAgainMs, () => this.#attach());
    }
  }

  events(_watch: Watch, events: readonly WatchEvent[], through: number): boolean {
    const { trace, scheduler } = this.#context;
    trace.event(scheduler.now, 'watched', this.#name, () => `${events.length} events, through ${through}`);
    trace.number(through);
    this.#compare(events, through);
    return this.#room();
  }

  progress(_watch: Watch | undefined, through: number): boolean {
    this.#compare([], through);
    return this.#room();
  }

  compacted(_watch: Watch, revision: number): boolean {
    if (this.#next !== undefined && revision <= this.#next)
      this.#wrong('reliable', `it was ended at ${this.#next} by a compaction up to ${revision}`);
    this.#next = revision;
    const { scheduler } = this.#context;
    const stream = this.#stream;
    scheduler.schedule(1, () => {
      // Whoever lost its replica meanwhile is on its way to another one already.
      if (stream === undefined || this.#stream !== stream) return;
      stream.close();
      this.#stream = undefined;
      this.#attach();
    });
    return true;
  }

  /** The hub has reported what has happened, and the run has failed by it. */
  failed(): void {}

  /** Told now: `events`, and nothing else, happened from where it was through `through`. */
  #compare(events: readonly WatchEvent[], through: number): void {
    // It may be told in the very turn in which something was applied.
    this.#replica?.chronicled();
    const { chronicle } = this.#context;
    const next = this.#next ?? 0;
    // What was told on the way between two replicas may be behind what the first one had told.
    if (through < next) {
      if (events.length > 0)
        this.#wrong('unique', `it was at ${next}, and was told what came through ${through}`);
      return;
    }
    this.#next = through + 1;
    const expected: ChronicleEvent[] = [];
    for (let revision = next; revision <= through; revision++) {
      for (const event of chronicle.eventsOf(revision)) if (this.#wants(event)) expected.push(event);
    }
    for (const [at, wanted] of expected.entries()) {
      const told = events[at];
      if (told === undefined) return this.#wrong('reliable', `it was not told of ${describe(wanted)}`);
      if (!this.#same(told, wanted))
        return this.#wrong('ordered', `it was told ${describeTold(told)} instead of ${describe(wanted)}`);
    }
    const more = events[expected.length];
    if (more !== undefined)
      this.#wrong('unique', `it was told ${describeTold(more)}, which it should not be`);
  }

  #wants({ type, key }: ChronicleEvent): boolean {
    return key >= this.#from && key < this.#to && (type === 'put' ? this.#puts : this.#deletes);
  }

  #same(told: WatchEvent, wanted: ChronicleEvent): boolean {
    const value = told.type === 'put' ? utf8Text(told.pair.value) : undefined;
    const shown = { key: utf8Text(told.pair.key), type: told.type, revision: told.revision };
    if (shown.key !== wanted.key || shown.type !== wanted.type || shown.revision !== wanted.revision)
      return false;
    if (value !== wanted.value) return false;
    // One that was compacted away is left out.
    if (!this.#previous || told.previous === undefined) return true;
    return utf8Text(told.previous.value) === wanted.previous;
  }

  /** Now and then there is none for a while. */
  #room(): boolean {
    if (!this.#random.chance(1, 8)) return true;
    const { scheduler } = this.#context;
    const stream = this.#stream;
    const replica = this.#replica;
    if (stream === undefined || replica === undefined) return true;
    scheduler.schedule(
      this.#random.between(1, 500),
      replica.guard(() => {
        if (this.#stream === stream) stream.writable();
      }),
    );
    return false;
  }

  #wrong(which: 'ordered' | 'unique' | 'reliable', detail: string): void {
    this.#context.report({
      type: 'wrong',
      property: `watches are ${which}`,
      detail: `${this.#name}: ${detail}`,
    });
  }
}

const describe = ({ type, key, value, revision }: ChronicleEvent): string =>
  `${type} of ${key} ${value ?? ''} at ${revision}`;

const describeTold = ({ type, pair, revision }: WatchEvent): string =>
  `${type} of ${utf8Text(pair.key)} at ${revision}`;
