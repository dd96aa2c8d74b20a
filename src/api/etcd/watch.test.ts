import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { lines, text, WatchClient } from '../../../test/support/watch-client.ts';
import { emptyBytes, utf8 } from '../../core/bytes.ts';
import { maxRequestBytes } from '../limits.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

let server: TestServer;
let client: GrpcClient;
const opened: WatchClient[] = [];

beforeEach(async () => {
  server = await serveClients({ progressIntervalMs: 100 });
  client = new GrpcClient(server.server.address);
  return async () => {
    for (const each of opened.splice(0)) each.call.cancel();
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.faults).toEqual([]);
  };
});

function watching(metadata?: Readonly<Record<string, string>>): WatchClient {
  const watcher = new WatchClient(client, metadata);
  opened.push(watcher);
  return watcher;
}

const key = utf8('a');
const put = (name: string, value: string): Promise<pb.PutResponse> =>
  client.put({ key: utf8(name), value: utf8(value) });

describe('10: creating', () => {
  test('10: ids from 0 upward per stream, the header has the revision, events come after the answer', async () => {
    await put('a', '0');
    const watcher = watching();
    watcher.create({ key });
    watcher.create({ key: utf8('b') });
    expect(await watcher.next()).toEqual({
      ...pb.WatchResponse.fromJSON({}),
      header: { clusterId: 0xc1a5_7e12n, memberId: 7n, revision: 2n, raftTerm: 3n },
      watchId: 0n,
      created: true,
    });
    expect(await watcher.next()).toMatchObject({ watchId: 1n, created: true, canceled: false });
    await put('a', '1');
    const told = await watcher.next();
    expect(told).toMatchObject({ watchId: 0n, created: false, header: { revision: 3n } });
    expect(lines([told])).toEqual(['PUT a=1@3']);
    expect(await watching().created({ key })).toMatchObject({ watchId: 0n });
  });

  test('10: an id of the client’s own; one in use is refused with id -1; those of the server pass over it', async () => {
    const watcher = watching();
    expect(await watcher.created({ key, watchId: 1n })).toMatchObject({ watchId: 1n, created: true });
    expect(await watcher.created({ key, watchId: 1n })).toMatchObject({
      watchId: -1n,
      created: true,
      canceled: true,
      cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream',
    });
    expect(await watcher.created({ key })).toMatchObject({ watchId: 0n });
    expect(await watcher.created({ key })).toMatchObject({ watchId: 2n });
    await put('a', '1');
    for (const watchId of [0n, 1n, 2n]) {
      const told = await watcher.next();
      expect(lines([told])).toEqual(['PUT a=1@2']);
      expect([0n, 1n, 2n]).toContain(told.watchId);
      expect(watchId).toBeDefined();
    }
    expect(new Set(watcher.responses.slice(-3).map((each) => each.watchId)).size).toBe(3);
  });

  test('10: ranges: an empty key is the first, "\\0" as the end is no end, an empty range is refused', async () => {
    const watcher = watching();
    await watcher.created({ key: emptyBytes, rangeEnd: Uint8Array.of(0) });
    await watcher.created({ key: utf8('b'), rangeEnd: Uint8Array.of(0) });
    await watcher.created({ key: utf8('a'), rangeEnd: utf8('b') });
    for (const rangeEnd of [utf8('a'), utf8('b')]) {
      expect(await watcher.created({ key: utf8('b'), rangeEnd })).toMatchObject({
        watchId: -1n,
        created: true,
        canceled: true,
        cancelReason: 'mvcc: watcher range is empty',
      });
    }
    await put('a', '1');
    await put('b', '2');
    await watcher.settle();
    const told = watcher.rest();
    const of = (id: bigint): string[] => lines(told.filter(({ watchId }) => watchId === id));
    expect(of(0n)).toEqual(['PUT a=1@2', 'PUT b=2@3']);
    expect(of(1n)).toEqual(['PUT b=2@3']);
    expect(of(2n)).toEqual(['PUT a=1@2']);
  });

  test('10: from a revision in the past, the present and the future; nothing earlier, not even progress (20221)', async () => {
    for (const value of ['1', '2', '3']) await put('a', value);
    const past = watching();
    await past.created({ key, startRevision: 3n });
    expect(lines([await past.next()])).toEqual(['PUT a=2@3', 'PUT a=3@4']);
    const future = watching();
    expect(await future.created({ key, startRevision: 7n, progressNotify: true })).toMatchObject({
      created: true,
      header: { revision: 4n },
    });
    future.askProgress();
    await put('a', '4');
    await put('a', '5');
    future.askProgress();
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(future.rest()).toEqual([]);
    await put('a', '6');
    expect(lines([await future.next()])).toEqual(['PUT a=6@7']);
  });

  test('10: a negative revision is refused as compacted', async () => {
    expect(await watching().created({ key, startRevision: -1n })).toMatchObject({
      watchId: -1n,
      created: true,
      canceled: true,
      cancelReason: 'etcdserver: mvcc: required revision has been compacted',
    });
  });
});

describe('11: compaction and permission', () => {
  const compact = (revision: bigint): Promise<pb.CompactionResponse> =>
    client.call('/etcdserverpb.KV/Compact', pb.CompactionRequest, pb.CompactionResponse, {
      revision,
      physical: false,
    });

  test('11: a compacted start is created first and then cancelled with the compacted revision; at it all is well', async () => {
    for (const value of ['1', '2', '3', '4']) await put('a', value);
    await compact(4n);
    const watcher = watching();
    expect(await watcher.created({ key, startRevision: 2n })).toMatchObject({
      created: true,
      canceled: false,
    });
    expect(await watcher.next()).toMatchObject({
      header: { revision: 0n },
      watchId: 0n,
      created: false,
      canceled: true,
      compactRevision: 4n,
    });
    await watcher.created({ key, startRevision: 4n });
    expect(lines([await watcher.next()])).toEqual(['PUT a=3@4', 'PUT a=4@5']);
  });

  test('11: a deletion at the compacted revision is told (19179)', async () => {
    await put('a', '1');
    await client.delete({ key });
    await put('b', '1');
    await compact(3n);
    const watcher = watching();
    await watcher.created({ key, startRevision: 3n });
    expect(lines([await watcher.next()])).toEqual(['DELETE a=@3']);
  });
});

describe('12: events', () => {
  test('12: all events of one transaction in one response, in its order', async () => {
    const watcher = watching();
    await watcher.created({ key, rangeEnd: utf8('z') });
    const putOf = (name: string): pb.RequestOp => ({
      request: {
        $case: 'requestPut',
        value: { ...pb.PutRequest.fromJSON({}), key: utf8(name), value: utf8('1') },
      },
    });
    await client.txn({ success: [putOf('c'), putOf('a'), putOf('b')] });
    expect(lines([await watcher.next()])).toEqual(['PUT c=1@2', 'PUT a=1@2', 'PUT b=1@2']);
  });

  test('12: kinds of events: creation, change, deletion with key and revision alone; previous pairs', async () => {
    const watcher = watching();
    await watcher.created({ key, prevKv: true });
    await watcher.created({ key });
    await put('a', '1');
    await put('a', '2');
    await client.delete({ key });
    await watcher.settle();
    const told = watcher.rest();
    const events = told.filter(({ watchId }) => watchId === 0n).flatMap((each) => each.events);
    expect(events).toMatchObject([
      { type: 0, kv: { createRevision: 2n, modRevision: 2n, version: 1n }, prevKv: undefined },
      { type: 0, kv: { createRevision: 2n, modRevision: 3n, version: 2n }, prevKv: { modRevision: 2n } },
      { type: 1, kv: { key, createRevision: 0n, modRevision: 4n, version: 0n }, prevKv: { modRevision: 3n } },
    ]);
    expect(text(events[2]?.prevKv?.value)).toBe('2');
    const plain = told.filter(({ watchId }) => watchId === 1n).flatMap((each) => each.events);
    expect(plain.map(({ prevKv }) => prevKv)).toEqual([undefined, undefined, undefined]);
  });

  test('12: filters leave out puts, or deletions', async () => {
    const { NOPUT, NODELETE } = pb.WatchCreateRequest_FilterType;
    const watcher = watching();
    await watcher.created({ key, filters: [NOPUT] });
    await watcher.created({ key, filters: [NODELETE] });
    await watcher.created({ key, filters: [NOPUT, NODELETE] });
    await put('a', '1');
    await client.delete({ key });
    await watcher.settle();
    const told = watcher.rest();
    const of = (id: bigint): string[] => lines(told.filter(({ watchId }) => watchId === id));
    expect([of(0n), of(1n), of(2n)]).toEqual([['DELETE a=@3'], ['PUT a=1@2'], []]);
  });

  test('12: a history of 2,500 revisions comes in batches of at most 1,000', async () => {
    await Promise.all(Array.from({ length: 2_500 }, (_, i) => put('a', `${i}`)));
    const watcher = watching();
    await watcher.created({ key, startRevision: 2n });
    await expect.poll(() => lines(watcher.responses).length, { timeout: 20_000 }).toBe(2_500);
    const sizes = watcher.responses.map(({ events }) => events.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1_000);
    expect(sizes.length).toBeLessThan(20);
    const revisions = watcher.responses.flatMap(({ events }) => events.map(({ kv }) => kv?.modRevision));
    expect(revisions).toEqual(Array.from({ length: 2_500 }, (_, i) => BigInt(i + 2)));
  });

  test('12: a large revision in fragments, for those who want that', async () => {
    const value = new Uint8Array(maxRequestBytes - 2_000).fill(120);
    for (const name of ['a', 'b', 'c']) await client.put({ key: utf8(name), value });
    const watcher = watching();
    await watcher.created({ key, rangeEnd: utf8('z'), prevKv: true, fragment: true });
    await watcher.created({ key, rangeEnd: utf8('z'), prevKv: true });
    await client.delete({ key, rangeEnd: utf8('z') });
    await expect.poll(() => lines(watcher.responses).length, { timeout: 20_000 }).toBe(6);
    const told = watcher.rest();
    const parts = told.filter(({ watchId }) => watchId === 0n);
    expect(parts.map(({ fragment, events }) => [fragment, events.length])).toEqual([
      [true, 1],
      [true, 1],
      [false, 1],
    ]);
    expect(told.filter(({ watchId }) => watchId === 1n).map(({ events }) => events.length)).toEqual([3]);
  });
});

describe('13: progress', () => {
  test('13: from time to time to those who asked for it and heard nothing', async () => {
    const watcher = watching();
    await watcher.created({ key, progressNotify: true });
    await watcher.created({ key });
    const progress = await watcher.next();
    expect(progress).toMatchObject({ watchId: 0n, events: [], created: false, header: { revision: 1n } });
    await put('b', '1');
    expect(await watcher.next()).toMatchObject({ watchId: 0n, events: [], header: { revision: 2n } });
  });

  test('13: on request one message for all, with id -1, behind events that wait (15220)', async () => {
    const watcher = watching();
    await watcher.created({ key });
    await watcher.created({ key: utf8('b'), rangeEnd: utf8('c') });
    for (let i = 0; i < 50; i++) {
      void put('a', `${i}`);
      watcher.askProgress();
    }
    await expect.poll(() => lines(watcher.responses).length).toBe(50);
    await watcher.settle();
    let told = 1n;
    let answers = 0;
    for (const { watchId, events, header } of watcher.rest()) {
      if (watchId === -1n) {
        answers++;
        expect(header?.revision).toBeGreaterThanOrEqual(told);
        told = header?.revision ?? 0n;
      } else for (const { kv } of events) expect(kv?.modRevision).toBeGreaterThan(told);
    }
    expect(answers).toBeGreaterThan(0);
    const { header } = await put('x', '1');
    watcher.askProgress();
    expect(await watcher.next()).toMatchObject({
      watchId: -1n,
      events: [],
      header: { revision: header?.revision },
    });
  });

  test('13: on request without watches: nothing', async () => {
    const watcher = watching();
    watcher.askProgress();
    await watcher.settle();
    expect(watcher.responses).toEqual([]);
  });
});

describe('14: cancelling', () => {
  test('14: is answered, and nothing comes after it; an unknown id is passed over', async () => {
    const watcher = watching();
    await watcher.created({ key });
    watcher.cancel(5n);
    watcher.cancel(0n);
    expect(await watcher.next()).toMatchObject({
      watchId: 0n,
      canceled: true,
      cancelReason: '',
      compactRevision: 0n,
    });
    watcher.cancel(0n);
    await put('a', '1');
    await watcher.settle();
    expect(watcher.rest()).toEqual([]);
    expect(server.server.watches()).toMatchObject({ watches: 0, streams: 1 });
  });

  test('14: a client that goes away leaves nothing behind', async () => {
    const watcher = watching();
    await watcher.created({ key });
    watcher.call.cancel();
    await expect.poll(() => server.server.watches().streams).toBe(0);
    expect(server.server.watches()).toMatchObject({ watches: 0 });
  });

  test('14: after the client has ended its side, its watches go on', async () => {
    const watcher = watching();
    await watcher.created({ key });
    watcher.call.end();
    await put('a', '1');
    expect(lines([await watcher.next()])).toEqual(['PUT a=1@2']);
  });
});
