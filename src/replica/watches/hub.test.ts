import { beforeEach, describe, expect, test } from 'vitest';
import { keys, put } from '../../../test/support/key-requests.ts';
import { eventLine, WatchedWorld } from '../../../test/support/watch-world.ts';
import { maxWatchesPerStream, sweepSliceWrites, watchDeliveriesPerSlice } from '../../core/limits.ts';
import type { Watch } from './watch.ts';
import type { Added } from './watch-stream.ts';

let world: WatchedWorld;
beforeEach(() => {
  world = new WatchedWorld();
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
    expect(client.batches.map(({ events }) => events.map(eventLine))).toEqual([['2 put c=1', '2 put a=2']]);
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

  test('of what is not told yet comes after that: who is up to date misses nothing', () => {
    const client = world.client();
    client.watch(0, keys('a'));
    world.apply(put('a', '1'), put('a', '2'), put('a', '3'));
    world.compact(4, 0);
    client.watch(1, keys('a'), { start: 3 });
    world.clock.settle();
    expect(client.told(0)).toEqual(['2 put a=1', '3 put a=2', '4 put a=3']);
    expect(client.compacted).toEqual(new Map([[1n, 4]]));
  });

  test('that was swept in part is no hindrance to those who were told that part', () => {
    const client = world.client();
    world.apply(put('a', '1'), put('b', '1'));
    client.watch(0, keys('a'));
    world.apply(...Array.from({ length: sweepSliceWrites }, () => put('c')), put('a', '2'));
    world.clock.settle();
    world.apply(put('a', '3'), put('a', '4'));
    world.compact(world.revision, 1);
    world.clock.settle();
    expect(client.told(0).length).toBe(3);
    expect(client.compacted.size).toBe(0);
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

describe('a mistake of ours', () => {
  const mistake = new Error('a mistake of ours');

  test.each(['events', 'progress', 'compacted'] as const)(
    'in the sink (%s) ends its stream, and nobody else notices',
    (where) => {
      const failures: unknown[] = [];
      const raise = (): never => {
        throw mistake;
      };
      const sink = { events: () => true, progress: () => true, compacted: () => true, [where]: raise };
      const stream = world.hub.stream({ ...sink, failed: (error) => failures.push(error) });
      const other = world.client();
      const request = { puts: true, deletes: true, previous: false, progress: false };
      world.apply(put('a', '1'), put('a', '2'));
      world.compact(3);
      other.watch(0, keys('a'));
      stream.watch(0n, { range: keys('a'), start: undefined, ...request });
      if (where === 'compacted') stream.watch(1n, { range: keys('a'), start: 2, ...request });
      world.apply(put('a', '3'));
      stream.requestProgress();
      world.clock.settle();
      expect(world.faults.splice(0)).toEqual([mistake]);
      expect(failures).toEqual([mistake]);
      expect(stream.watch(2n, { range: keys('a'), start: undefined, ...request }).type).toBe('unavailable');
      world.apply(put('a', '4'));
      world.clock.settle();
      expect(other.told(0)).toEqual(['4 put a=3', '5 put a=4']);
      expect(world.hub.stats()).toEqual({ watches: 1, behind: 0, streams: 1, blocked: 0 });
    },
  );

  test('in the hub ends every stream; who watches again is told', () => {
    const [client, behind] = [world.client(), world.client()];
    world.apply(put('a', '1'));
    client.watch(0, keys('a'));
    behind.watch(0, keys('a'), { start: 1 });
    world.apply(put('a', '2'));
    const { store } = world;
    const { scan } = store;
    store.scan = () => {
      throw mistake;
    };
    world.clock.settle();
    store.scan = scan;
    expect(world.faults.splice(0)).toEqual([mistake]);
    for (const each of [client, behind]) expect(each.failures).toEqual([mistake]);
    expect(world.hub.stats()).toEqual({ watches: 0, behind: 0, streams: 0, blocked: 0 });
    const again = world.client();
    again.watch(0, keys('a'), { start: 3 });
    world.apply(put('a', '3'));
    world.clock.settle();
    expect(again.told(0)).toEqual(['3 put a=2', '4 put a=3']);
  });
});

test('a hub that was closed says so', () => {
  world.hub.close();
  expect(world.client().watch(0, keys('a')).type).toBe('unavailable');
});
