import { expect } from 'vitest';
import type { Clock } from '../../src/core/clock.ts';
import { clusterTime, epoch, type Index, type Millis } from '../../src/core/ids.ts';
import { Random } from '../../src/core/random.ts';
import {
  currentRevision,
  encodeCommand,
  type KeyCommand,
  type KeyRange,
  keySpace,
  machineView,
} from '../../src/machine/index.ts';
import { MachineStore } from '../../src/machine/machine-store.ts';
import { WatchHub } from '../../src/replica/watches/hub.ts';
import type { Watch, WatchEvent, WatchRequest } from '../../src/replica/watches/watch.ts';
import type { Added, WatchStream } from '../../src/replica/watches/watch-stream.ts';
import { MapStore } from './map-store.ts';

/** Time and turns of the event loop by hand. */
export class ManualClock implements Clock {
  time = 0;
  /** Milliseconds that pass whenever somebody looks. */
  stride = 0;
  #deferred: (() => void)[] = [];
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): Millis {
    this.time += this.stride;
    return this.time as Millis;
  }

  setTimer(at: Millis, callback: () => void): { cancel(): void } {
    const timer = { at, callback };
    this.#timers.push(timer);
    return { cancel: () => this.#remove(timer) };
  }

  defer(callback: () => void): void {
    this.#deferred.push(callback);
  }

  /** One turn of the event loop; false when there was nothing to do. */
  turn(): boolean {
    const due = this.#deferred;
    this.#deferred = [];
    for (const callback of due) callback();
    return due.length > 0;
  }

  settle(): void {
    while (this.turn());
  }

  pass(ms: number): void {
    this.time += ms;
    for (const timer of this.#timers.filter(({ at }) => at <= this.time)) {
      this.#remove(timer);
      timer.callback();
    }
  }

  #remove(timer: { readonly at: number }): void {
    this.#timers = this.#timers.filter((each) => each !== timer);
  }
}

/** The key space over a store in memory, and a hub that watches it. */
export class WatchedWorld {
  readonly clock = new ManualClock();
  readonly faults: unknown[] = [];
  readonly hub: WatchHub;
  running = true;
  store = new MapStore();
  #index = 0;
  #listener: () => void = () => undefined;

  constructor() {
    this.hub = new WatchHub({
      replica: {
        peek: () => (this.running ? this.store : undefined),
        onApplied: (listener) => {
          this.#listener = listener;
          return () => undefined;
        },
      },
      clock: this.clock,
      random: Random.fromSeed('hub'),
      progressIntervalMs: 1_000,
      onFault: (error) => this.faults.push(error),
    });
  }

  get revision(): number {
    return Number(currentRevision(machineView(this.store)));
  }

  apply(...commands: readonly KeyCommand[]): void {
    for (const command of commands) {
      const context = {
        index: ++this.#index as Index,
        epoch: epoch(1),
        time: clusterTime(0),
        featureLevel: keySpace.featureLevel,
      };
      keySpace.apply(encodeCommand(command), context, new MachineStore(this.store));
    }
    this.#listener();
  }

  /** And gives back at once what that made superfluous, unless told otherwise. */
  compact(revision: number, sweeps = 2): void {
    const compact = { type: 'compact', revision: BigInt(revision) } as const;
    this.apply(compact, ...Array.from({ length: sweeps }, () => ({ type: 'sweep' }) as const));
  }

  client(): WatchingClient {
    return new WatchingClient(this.hub);
  }
}

/** Somebody who watches, and how much he is willing to take. */
export class WatchingClient {
  readonly stream: WatchStream;
  /** Messages that are still taken before there is no room. */
  room = Number.POSITIVE_INFINITY;
  readonly batches: {
    readonly id: bigint;
    readonly events: readonly WatchEvent[];
    readonly through: number;
  }[] = [];
  readonly progress: { readonly id: bigint | undefined; readonly through: number }[] = [];
  readonly compacted = new Map<bigint, number>();
  /** Why the stream has ended without being asked to. */
  readonly failures: unknown[] = [];
  /** Through which a watch was told that it had been told everything. */
  readonly #floors = new Map<Watch, number>();
  #full = false;

  constructor(hub: WatchHub) {
    this.stream = hub.stream({
      events: (watch, events, through) => {
        const floor = this.#floors.get(watch) ?? 0;
        expect(events[0]?.revision, 'progress was told before an event').toBeGreaterThan(floor);
        this.batches.push({ id: watch.id, events, through });
        return this.#took();
      },
      progress: (watch, through) => {
        this.progress.push({ id: watch?.id, through });
        for (const each of watch === undefined ? this.stream.watches : [watch])
          this.#floors.set(each, through);
        return this.#took();
      },
      compacted: (watch, revision) => {
        this.compacted.set(watch.id, revision);
        return this.#took();
      },
      failed: (error) => {
        this.failures.push(error);
      },
    });
  }

  watch(id: number, range: KeyRange, more: Partial<WatchRequest> = {}): Added {
    return this.stream.watch(BigInt(id), {
      range,
      start: undefined,
      puts: true,
      deletes: true,
      previous: false,
      progress: false,
      ...more,
    });
  }

  read(room: number): void {
    this.room = room;
    this.#full = false;
    this.stream.writable();
  }

  /** "revision type key=value" of every event, in the order told. */
  told(id: number): string[] {
    return this.batches
      .filter((batch) => batch.id === BigInt(id))
      .flatMap(({ events }) => events.map(eventLine));
  }

  #took(): boolean {
    expect(this.#full, 'something was said to a stream without room').toBe(false);
    this.#full = --this.room <= 0;
    return !this.#full;
  }
}

export const eventLine = ({ type, revision, pair, previous }: WatchEvent): string => {
  const before = previous === undefined ? '' : ` was ${Buffer.from(previous.value)}`;
  return `${revision} ${type} ${Buffer.from(pair.key)}=${Buffer.from(pair.value)}${before}`;
};
