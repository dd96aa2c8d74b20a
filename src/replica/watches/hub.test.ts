import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { keys, put } from '../../../test/support/key-requests.ts';
import { MapStore } from '../../../test/support/map-store.ts';
import type { Clock } from '../../core/clock.ts';
import { clusterTime, epoch, type Index, type Millis } from '../../core/ids.ts';
import { maxWatchesPerStream, watchDeliveriesPerSlice } from '../../core/limits.ts';
import { Random } from '../../core/random.ts';
import {
  compactedRevision,
  currentRevision,
  encodeCommand,
  type KeyCommand,
  type KeyRange,
  keySpace,
  machineView,
} from '../../machine/index.ts';
import { MachineStore } from '../../machine/machine-store.ts';
import { WatchHub } from './hub.ts';
import type { Watch, WatchEvent, WatchRequest } from './watch.ts';
import type { Added, WatchStream } from './watch-stream.ts';

/** Time and turns of the event loop by hand. */
class ManualClock implements Clock {
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
class World {
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

  compact(revision: number): void {
    this.apply({ type: 'compact', revision: BigInt(revision) }, { type: 'sweep' }, { type: 'sweep' });
  }

  client(): Client {
    return new Client(this.hub);
  }
}

/** Somebody who watches, and how much he is willing to take. */
class Client {
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
    return this.batches.filter((batch) => batch.id === BigInt(id)).flatMap(({ events }) => events.map(line));
  }

  #took(): boolean {
    expect(this.#full, 'something was said to a stream without room').toBe(false);
    this.#full = --this.room <= 0;
    return !this.#full;
  }
}

const line = ({ type, revision, pair, previous }: WatchEvent): string => {
  const before = previous === undefined ? '' : ` was ${Buffer.from(previous.value)}`;
  return `${revision} ${type} ${Buffer.from(pair.key)}=${Buffer.from(pair.value)}${before}`;
};

let world: World;
beforeEach(() => {
  world = new World();
  return () => expect(world.faults).toEqual([]);
});

const watchOf = (added: Added): Watch => {
  if (added.type !== 'watching') throw new Error(added.type);
  return added.watch;
};

describe('a watch', () => {
  test('of a key is told what comes after it', () => {
    world.apply(put('a', '1'));
    const client = world.client();
    expect(client.watch(0, keys('a'))).toMatchObject({ type: 'watching', revision: 2 });
    world.apply(put('a', '2'), put('b', 'x'), { type: 'delete', range: keys('a'), previous: false });
    expect(client.batches).toEqual([]);
    world.clock.settle();
    expect(client.told(0)).toEqual(['3 put a=2', '5 delete a=']);
  });

  test('of a range is told of its keys, from a revision in the past on', () => {
    world.apply(put('a', '1'), put('b', '2'), put('c', '3'), put('b', '4'));
    const client = world.client();
    client.watch(0, keys('a', 'c'), { start: 3 });
    client.watch(1, keys('c', null), { start: 1 });
    world.clock.settle();
    world.apply(put('b', '5'), put('d', '6'));
    world.clock.settle();
    expect(client.told(0)).toEqual(['3 put b=2', '5 put b=4', '6 put b=5']);
    expect(client.told(1)).toEqual(['4 put c=3', '7 put d=6']);
  });

  test('gets the events of one revision together, in the order of the transaction', () => {
    const client = world.client();
    client.watch(0, keys('a', 'z'));
    world.apply({ type: 'txn', compare: [], success: [put('c', '1'), put('a', '2')], failure: [] });
    world.clock.settle();
    expect(client.batches.map(({ events }) => events.map(line))).toEqual([['2 put c=1', '2 put a=2']]);
  });

  test('filters, and previous values', () => {
    world.apply(put('a', '1'));
    const client = world.client();
    client.watch(0, keys('a'), { puts: false, previous: true });
    client.watch(1, keys('a'), { deletes: false, previous: true });
    world.apply(put('a', '2'), { type: 'delete', range: keys('a'), previous: false }, put('a', '3'));
    world.clock.settle();
    expect(client.told(0)).toEqual(['4 delete a= was 2']);
    expect(client.told(1)).toEqual(['3 put a=2 was 1', '5 put a=3']);
  });

  test('from a revision in the future hears nothing earlier, not even progress', () => {
    const client = world.client();
    client.watch(0, keys('a'), { start: 4, progress: true });
    world.apply(put('a', '2'), put('a', '3'));
    world.clock.settle();
    client.stream.requestProgress();
    world.clock.pass(1_200);
    world.clock.settle();
    expect(client.progress).toEqual([]);
    world.apply(put('a', '4'));
    world.clock.settle();
    expect(client.told(0)).toEqual(['4 put a=4']);
    client.stream.requestProgress();
    world.clock.settle();
    expect(client.progress).toEqual([{ id: undefined, through: 4 }]);
  });

  test('that is cancelled hears nothing more; an id is used once', () => {
    const client = world.client();
    client.watch(0, keys('a'));
    expect(client.watch(0, keys('b')).type).toBe('duplicate');
    world.apply(put('a', '1'));
    expect(client.stream.cancel(0n)).toBe(true);
    expect(client.stream.cancel(0n)).toBe(false);
    world.clock.settle();
    expect(client.batches).toEqual([]);
    expect(client.watch(0, keys('b')).type).toBe('watching');
    expect(world.hub.stats()).toEqual({ watches: 1, behind: 0, streams: 1, blocked: 0 });
  });

  test('is told of what is applied while a round that takes several turns is under way', () => {
    const client = world.client();
    for (let id = 0; id < 3 * watchDeliveriesPerSlice; id++) client.watch(id, keys('a'));
    world.clock.stride = 1_000;
    world.apply(put('a', '1'));
    world.clock.turn();
    expect(client.batches.length).toBe(watchDeliveriesPerSlice);
    world.apply(put('a', '2'));
    world.clock.settle();
    for (const id of [0, watchDeliveriesPerSlice])
      expect(client.told(id)).toEqual(['2 put a=1', '3 put a=2']);
  });

  test('of a replica that does not run is refused', () => {
    world.running = false;
    expect(world.client().watch(0, keys('a')).type).toBe('unavailable');
  });
});

describe('compaction', () => {
  test('a watch that would begin below it ends, one that begins at it does not', () => {
    world.apply(put('a', '1'), put('a', '2'), put('a', '3'));
    world.compact(3);
    const client = world.client();
    client.watch(0, keys('a'), { start: 2 });
    client.watch(1, keys('a'), { start: 3 });
    world.clock.settle();
    expect(client.compacted).toEqual(new Map([[0n, 3]]));
    expect(client.told(1)).toEqual(['3 put a=2', '4 put a=3']);
    expect(client.stream.has(0n)).toBe(false);
  });

  test('a deletion at the compacted revision is still told', () => {
    world.apply(put('a', '1'), { type: 'delete', range: keys('a'), previous: false }, put('b'));
    world.compact(3);
    const client = world.client();
    client.watch(0, keys('a'), { start: 3 });
    world.clock.settle();
    expect(client.told(0)).toEqual(['3 delete a=']);
  });

  test('that overtakes a slow watch ends it when it has room; others do not notice', () => {
    const [slow, quick] = [world.client(), world.client()];
    slow.room = 1;
    slow.watch(0, keys('a'));
    quick.watch(0, keys('a'));
    for (let i = 0; i < 5; i++) {
      world.apply(put('a', `${i}`));
      world.clock.settle();
    }
    world.compact(5);
    world.clock.settle();
    expect(slow.compacted.size).toBe(0);
    slow.read(10);
    world.clock.settle();
    expect(slow.told(0)).toEqual(['2 put a=0']);
    expect(slow.compacted).toEqual(new Map([[0n, 5]]));
    expect(quick.told(0).length).toBe(5);
    expect(quick.compacted.size).toBe(0);
  });

  test('before anybody was told ends those who needed what is gone', () => {
    const client = world.client();
    client.watch(0, keys('a'));
    client.watch(1, keys('a'), { start: 4 });
    world.apply(put('a', '1'), put('a', '2'), put('a', '3'));
    world.compact(4);
    world.clock.settle();
    expect(client.compacted).toEqual(new Map([[0n, 4]]));
    expect(client.told(1)).toEqual(['4 put a=3']);
  });
});

describe('room', () => {
  test('a watch without room holds a revision, and catches up in batches', () => {
    const client = world.client();
    client.room = 1;
    const watch = watchOf(client.watch(0, keys('a', 'b')));
    for (let i = 0; i < 20; i++) {
      world.apply(put('a', `${i}`));
      world.clock.settle();
    }
    expect(watch).toMatchObject({ state: 'parked', next: 3 });
    expect(world.hub.stats()).toMatchObject({ behind: 1, blocked: 1 });
    client.read(Number.POSITIVE_INFINITY);
    world.clock.settle();
    expect(client.told(0)).toEqual(Array.from({ length: 20 }, (_, i) => `${i + 2} put a=${i}`));
    expect(client.batches.length).toBe(2);
    expect(watch.state).toBe('synced');
  });

  test('watches of a stream without room that nothing happens to stay where they are', () => {
    const client = world.client();
    client.room = 1;
    const idle = watchOf(client.watch(1, keys('b')));
    client.watch(0, keys('a'));
    world.apply(put('a'), put('a'));
    world.clock.settle();
    world.apply(put('a'));
    world.clock.settle();
    expect(idle.state).toBe('synced');
  });
});

describe('progress', () => {
  test('on request: one message, behind what is to be told, and only when every watch is up to date', () => {
    const client = world.client();
    client.stream.requestProgress();
    world.clock.settle();
    expect(client.progress).toEqual([]);
    client.watch(0, keys('a'));
    client.watch(1, keys('b'));
    world.apply(put('a'), put('c'));
    client.stream.requestProgress();
    world.clock.settle();
    expect(client.told(0)).toEqual(['2 put a=']);
    expect(client.progress).toEqual([{ id: undefined, through: 3 }]);
    client.room = 1;
    world.apply(put('a'), put('a'));
    world.clock.settle();
    world.apply(put('a'));
    client.stream.requestProgress();
    world.clock.settle();
    expect(client.progress.length).toBe(1);
  });

  test('under constant load is answered all the same', () => {
    const client = world.client();
    client.watch(0, keys('a'));
    world.clock.stride = 10;
    client.stream.requestProgress();
    for (let i = 0; i < 20; i++) {
      world.apply(put('a'));
      world.clock.turn();
    }
    expect(client.progress.length).toBe(1);
  });

  test('from time to time: those who want it and were told nothing meanwhile', () => {
    const client = world.client();
    client.watch(0, keys('a'), { progress: true });
    client.watch(1, keys('b'), { progress: true });
    client.watch(2, keys('c'));
    world.apply(put('a'));
    world.clock.settle();
    world.clock.pass(1_100);
    world.clock.settle();
    expect(client.progress).toEqual([{ id: 1n, through: 2 }]);
    world.clock.pass(1_100);
    world.clock.settle();
    expect(client.progress.slice(1)).toEqual([
      { id: 0n, through: 2 },
      { id: 1n, through: 2 },
    ]);
    client.stream.cancel(0n);
    client.stream.cancel(1n);
    world.clock.pass(5_000);
    world.clock.settle();
    expect(client.progress.length).toBe(3);
  });
});

test('more watches on one stream than there may be are refused; cancelling makes room', () => {
  const client = world.client();
  for (let id = 0; id < maxWatchesPerStream; id++) client.watch(id, keys('a'));
  const refused = { type: 'tooMany', scope: 'stream', limit: maxWatchesPerStream };
  expect(client.watch(maxWatchesPerStream, keys('a'))).toEqual(refused);
  client.stream.cancel(5n);
  expect(client.watch(maxWatchesPerStream, keys('a')).type).toBe('watching');
  client.stream.close();
  expect(world.hub.stats()).toEqual({ watches: 0, behind: 0, streams: 0, blocked: 0 });
});

test('an exception of a sink closes the hub and is told', () => {
  const mistake = new Error('a mistake of ours');
  const stream = world.hub.stream({
    events: () => {
      throw mistake;
    },
    progress: () => true,
    compacted: () => true,
  });
  const request = { start: undefined, puts: true, deletes: true, previous: false, progress: false };
  stream.watch(0n, { range: keys('a'), ...request });
  world.apply(put('a'));
  world.clock.settle();
  expect(world.faults.splice(0)).toEqual([mistake]);
  expect(world.hub.stats().watches).toBe(0);
});

/** What a client does, and what happens around it. */
type Step =
  | { readonly type: 'put' | 'delete'; readonly key: number }
  | { readonly type: 'txn'; readonly keys: readonly number[] }
  | { readonly type: 'compact'; readonly back: number }
  | {
      readonly type: 'watch';
      readonly client: number;
      readonly from: number;
      readonly to: number;
      readonly start: number;
    }
  | { readonly type: 'cancel'; readonly client: number; readonly watch: number }
  | { readonly type: 'read'; readonly client: number; readonly room: number }
  | { readonly type: 'progress'; readonly client: number }
  | { readonly type: 'turn' };

const names = ['a', 'a\0', 'b', 'ba', 'c', '\u00ff'];
const nameOf = (at: number): Uint8Array => Buffer.from(names[at % names.length] ?? '', 'latin1');
const small = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constantFrom('put' as const, 'delete' as const), key: small }),
  },
  fc.record({ type: fc.constant('txn' as const), keys: fc.uniqueArray(small, { minLength: 1 }) }),
  fc.record({ type: fc.constant('compact' as const), back: fc.nat(20) }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('watch' as const),
      client: fc.nat(2),
      from: small,
      to: fc.nat(7),
      start: fc.nat(20),
    }),
  },
  fc.record({ type: fc.constant('cancel' as const), client: fc.nat(2), watch: fc.nat(6) }),
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('read' as const), client: fc.nat(2), room: fc.nat(3) }),
  },
  fc.record({ type: fc.constant('progress' as const), client: fc.nat(2) }),
  { weight: 5, arbitrary: fc.constant({ type: 'turn' as const }) },
);

interface Expected {
  readonly client: Client;
  readonly id: number;
  readonly range: KeyRange;
  readonly start: number;
  cancelled: boolean;
}

const inRange = (key: Uint8Array, { from, to }: KeyRange): boolean =>
  Buffer.compare(key, from) >= 0 && (to === undefined || Buffer.compare(key, to) < 0);

test('whatever happens: every watch is told the events of its range, each once, in order, whole revisions at a time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.nat(4), (steps, stride) => {
      const random = new World();
      random.clock.stride = stride;
      const clients = [random.client(), random.client(), random.client()];
      const log: { readonly revision: number; readonly key: Uint8Array; readonly line: string }[] = [];
      const live = new Set<string>();
      const expected: Expected[] = [];
      let ids = 0;
      const write = (type: 'put' | 'delete', at: number, revision: number): void => {
        const key = nameOf(at);
        const text = Buffer.from(key).toString('latin1');
        if (type === 'put') live.add(text);
        else live.delete(text);
        const value = type === 'put' ? String(revision) : '';
        log.push({ revision, key, line: `${revision} ${type} ${Buffer.from(key)}=${value}` });
      };
      for (const each of steps) {
        const next = random.revision + 1;
        const client = clients['client' in each ? each.client : 0] as Client;
        switch (each.type) {
          case 'put':
            random.apply(put(nameOf(each.key), String(next)));
            write('put', each.key, next);
            break;
          case 'delete':
            random.apply({ type: 'delete', range: keys(nameOf(each.key)), previous: false });
            if (random.revision === next) write('delete', each.key, next);
            break;
          case 'txn':
            random.apply({
              type: 'txn',
              compare: [],
              success: each.keys.map((key) => put(nameOf(key), String(next))),
              failure: [],
            });
            for (const key of each.keys) write('put', key, next);
            break;
          case 'compact':
            random.compact(Math.max(1, random.revision - each.back));
            break;
          case 'watch': {
            const range = keys(nameOf(each.from), each.to > 5 ? null : nameOf(each.to));
            const start = Math.max(1, random.revision + 5 - each.start);
            client.watch(ids, range, { start: each.start === 0 ? undefined : start });
            expected.push({
              client,
              id: ids,
              range,
              start: each.start === 0 ? next : start,
              cancelled: false,
            });
            ids++;
            break;
          }
          case 'cancel': {
            const cancelled = expected[each.watch];
            if (cancelled === undefined) break;
            cancelled.cancelled = true;
            cancelled.client.stream.cancel(BigInt(cancelled.id));
            break;
          }
          case 'read':
            client.read(each.room + 1);
            break;
          case 'progress':
            client.stream.requestProgress();
            break;
          case 'turn':
            random.clock.turn();
            break;
        }
      }
      for (const client of clients) client.read(Number.POSITIVE_INFINITY);
      random.clock.settle();
      expect(random.faults).toEqual([]);
      for (const { client, id, range, start, cancelled } of expected) {
        const all = log.filter(({ key, revision }) => revision >= start && inRange(key, range));
        const told = client.told(id);
        expect(told).toEqual(all.map((entry) => entry.line).slice(0, told.length));
        const overtaken = client.compacted.get(BigInt(id));
        const missing = all[told.length];
        if (overtaken !== undefined) {
          // The most that can have been lost begins below what is compacted.
          expect(Number(compactedRevision(machineView(random.store)))).toBeGreaterThanOrEqual(overtaken);
          expect(start).toBeLessThan(overtaken);
        } else if (!cancelled) expect(missing).toBeUndefined();
        // A revision is told in one message.
        const revisions = client.batches
          .filter((batch) => batch.id === BigInt(id))
          .map(({ events }) => events);
        const last = revisions.map((events) => events.at(-1)?.revision);
        const first = revisions.map((events) => events[0]?.revision);
        for (let at = 1; at < revisions.length; at++)
          expect(first[at]).toBeGreaterThan(last[at - 1] as number);
        const end = last.at(-1);
        if (end !== undefined) expect(missing?.revision).not.toBe(end);
      }
      expect(random.hub.stats().behind).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});
