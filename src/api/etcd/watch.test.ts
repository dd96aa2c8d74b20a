import type { ClientDuplexStream } from '@grpc/grpc-js';
import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { emptyBytes, utf8 } from '../../core/bytes.ts';
import { Random } from '../../core/random.ts';
import { nodeClock } from '../../replica/node-clock.ts';
import { WatchHub } from '../../replica/watches/hub.ts';
import { maxRequestBytes, maxWatchMessageBytes } from '../limits.ts';
import { type BidiReceiver, Code, type Failure } from '../rpc/rpc.ts';
import { SendBudget } from '../send-budget.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { Event } from './gen/mvccpb/kv.ts';
import { ResponseHeaders } from './header.ts';
import { WatchService } from './watch.ts';

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

/** One watch stream of a foreign gRPC library, and all that came over it. */
class WatchClient {
  readonly call: ClientDuplexStream<pb.WatchRequest, pb.WatchResponse>;
  readonly responses: pb.WatchResponse[] = [];
  readonly status: Promise<{ readonly code: number; readonly details: string }>;
  #taken = 0;
  #arrived: () => void = () => undefined;

  constructor(metadata: Readonly<Record<string, string>> = {}) {
    this.call = client.bidi('/etcdserverpb.Watch/Watch', pb.WatchRequest, pb.WatchResponse, { metadata });
    this.call.on('data', (response: pb.WatchResponse) => {
      this.responses.push(response);
      this.#arrived();
    });
    this.call.on('error', () => {});
    this.status = new Promise((resolve) => this.call.on('status', resolve));
    opened.push(this);
  }

  create(request: Partial<pb.WatchCreateRequest>): void {
    const value = { ...pb.WatchCreateRequest.fromJSON({}), ...request };
    this.call.write({ requestUnion: { $case: 'createRequest', value } });
  }

  /** Creates a watch, and waits for the answer to that. */
  async created(request: Partial<pb.WatchCreateRequest>): Promise<pb.WatchResponse> {
    this.create(request);
    return this.next();
  }

  cancel(watchId: bigint): void {
    this.call.write({ requestUnion: { $case: 'cancelRequest', value: { watchId } } });
  }

  askProgress(): void {
    this.call.write({ requestUnion: { $case: 'progressRequest', value: {} } });
  }

  /** The next response. */
  async next(): Promise<pb.WatchResponse> {
    while (this.responses.length === this.#taken)
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    return this.responses[this.#taken++] as pb.WatchResponse;
  }

  /** Whatever came up to now and was not asked for. */
  rest(): pb.WatchResponse[] {
    const rest = this.responses.slice(this.#taken);
    this.#taken = this.responses.length;
    return rest;
  }

  /** Goes there and back, so that whatever was to come before has come. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await client.range({ key: utf8('settle') });
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const key = utf8('a');
const put = (name: string, value: string): Promise<pb.PutResponse> =>
  client.put({ key: utf8(name), value: utf8(value) });
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? emptyBytes).toString();
/** "PUT a=1@2", for a deletion "DELETE a=@3". */
const line = ({ type, kv }: Event): string =>
  `${type === 0 ? 'PUT' : 'DELETE'} ${text(kv?.key)}=${text(kv?.value)}@${kv?.modRevision}`;
const lines = (responses: readonly pb.WatchResponse[]): string[] =>
  responses.flatMap(({ events }) => events.map(line));

describe('10: creating', () => {
  test('10: ids from 0 upward per stream, the header has the revision, events come after the answer', async () => {
    await put('a', '0');
    const watcher = new WatchClient();
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
    expect(await new WatchClient().created({ key })).toMatchObject({ watchId: 0n });
  });

  test('10: an id of the client’s own; one in use is refused with id -1; those of the server pass over it', async () => {
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
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
    const past = new WatchClient();
    await past.created({ key, startRevision: 3n });
    expect(lines([await past.next()])).toEqual(['PUT a=2@3', 'PUT a=3@4']);
    const future = new WatchClient();
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
    expect(await new WatchClient().created({ key, startRevision: -1n })).toMatchObject({
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
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
    await watcher.created({ key, startRevision: 3n });
    expect(lines([await watcher.next()])).toEqual(['DELETE a=@3']);
  });
});

describe('12: events', () => {
  test('12: all events of one transaction in one response, in its order', async () => {
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
    await watcher.created({ key, progressNotify: true });
    await watcher.created({ key });
    const progress = await watcher.next();
    expect(progress).toMatchObject({ watchId: 0n, events: [], created: false, header: { revision: 1n } });
    await put('b', '1');
    expect(await watcher.next()).toMatchObject({ watchId: 0n, events: [], header: { revision: 2n } });
  });

  test('13: on request one message for all, with id -1, behind events that wait (15220)', async () => {
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
    watcher.askProgress();
    await watcher.settle();
    expect(watcher.responses).toEqual([]);
  });
});

describe('14: cancelling', () => {
  test('14: is answered, and nothing comes after it; an unknown id is passed over', async () => {
    const watcher = new WatchClient();
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
    const watcher = new WatchClient();
    await watcher.created({ key });
    watcher.call.cancel();
    await expect.poll(() => server.server.watches().streams).toBe(0);
    expect(server.server.watches()).toMatchObject({ watches: 0 });
  });

  test('14: after the client has ended its side, its watches go on', async () => {
    const watcher = new WatchClient();
    await watcher.created({ key });
    watcher.call.end();
    await put('a', '1');
    expect(lines([await watcher.next()])).toEqual(['PUT a=1@2']);
  });
});

test('a stream that requires a leader ends when there is none for a while, not by an election; others go on', async () => {
  const strict = new WatchClient({ hasleader: 'true' });
  const lenient = new WatchClient();
  await strict.created({ key });
  await lenient.created({ key });
  server.replica.lead({ leader: undefined });
  server.replica.lead({});
  server.replica.lead({ leader: undefined });
  await put('a', '0');
  expect(lines([await strict.next()])).toEqual(['PUT a=0@2']);
  expect(lines([await lenient.next()])).toEqual(['PUT a=0@2']);
  expect(await strict.status).toMatchObject({ code: Code.unavailable, details: 'etcdserver: no leader' });
  server.replica.lead({});
  await put('a', '1');
  expect(lines([await lenient.next()])).toEqual(['PUT a=1@3']);
});

test('when the server stops, streams end with the reason', async () => {
  const watcher = new WatchClient();
  await watcher.created({ key });
  await server.server.close(1_000);
  expect(await watcher.status).toMatchObject({
    code: Code.unavailable,
    details: 'etcdserver: server stopped',
  });
});

test('a slow watcher keeps a revision: others go on, it gets everything when it reads', async () => {
  const slow = new WatchClient();
  const quick = new WatchClient();
  await slow.created({ key });
  await quick.created({ key });
  slow.call.pause();
  const value = new Uint8Array(100_000).fill(120);
  for (let i = 0; i < 300; i++) await client.put({ key, value });
  await expect.poll(() => lines(quick.responses).length, { timeout: 20_000 }).toBe(300);
  await expect.poll(() => server.server.watches().behind).toBe(1);
  slow.call.resume();
  await expect.poll(() => lines(slow.responses).length, { timeout: 20_000 }).toBe(300);
  expect(lines(slow.responses)).toEqual(lines(quick.responses));
  await expect.poll(() => server.server.watches()).toMatchObject({ behind: 0, blocked: 0 });
});

test('requests that no client should make end the stream, and nothing else', async () => {
  const call = client.bidi<Uint8Array, Uint8Array>(
    '/etcdserverpb.Watch/Watch',
    {
      encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
      decode: (bytes: Uint8Array) => bytes,
    } as never,
    {
      encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
      decode: (bytes: Uint8Array) => bytes,
    } as never,
  );
  call.on('error', () => {});
  const status = new Promise<{ code: number }>((resolve) => call.on('status', resolve));
  call.resume();
  call.write(emptyBytes);
  call.write(Uint8Array.of(0x0a, 0xff));
  expect((await status).code).toBe(Code.internal);
});

test('a revision that is too large for one message ends the streams of those who do not want fragments', async () => {
  const watch = async (fragment: boolean): Promise<WatchClient> => {
    const watcher = new WatchClient();
    await watcher.created({ key, rangeEnd: utf8('z'), prevKv: true, fragment });
    return watcher;
  };
  const value = new Uint8Array(maxRequestBytes - 2_000);
  const count = Math.ceil(maxWatchMessageBytes / value.length);
  for (let at = 0; at < count; at++) await client.put({ key: utf8(`a${at}`), value });
  const [whole, parts] = [await watch(false), await watch(true)];
  await client.delete({ key, rangeEnd: utf8('b') });
  expect(await whole.status).toMatchObject({ code: Code.resourceExhausted });
  await expect.poll(() => lines(parts.responses).length, { timeout: 30_000 }).toBe(count);
  expect(parts.responses.filter(({ fragment }) => fragment).length).toBe(count - 1);
}, 120_000);

test('the gateway: created, then events, a line each', async () => {
  const abort = new AbortController();
  const create = { create_request: { key: Buffer.from('a').toString('base64') } };
  const response = await fetch(`http://${server.server.address}/v3/watch`, {
    method: 'POST',
    body: JSON.stringify(create),
    signal: abort.signal,
  });
  const reader = response.body?.getReader();
  const read = async (): Promise<unknown> =>
    JSON.parse(Buffer.from((await reader?.read())?.value ?? []).toString());
  expect(await read()).toMatchObject({ result: { header: { revision: '1' }, created: true } });
  await put('a', '1');
  expect(await read()).toEqual({
    result: {
      header: { cluster_id: '3248848402', member_id: '7', revision: '2', raft_term: '3' },
      events: [
        {
          kv: { key: 'YQ==', create_revision: '2', mod_revision: '2', version: '1', value: 'MQ==' },
        },
      ],
    },
  });
  abort.abort();
  await expect.poll(() => server.server.watches().streams).toBe(0);
});

test('watchers who do not read and hold what others wait for are sent away', async () => {
  const budget = new SendBudget(1_000_000, 100);
  const { replica } = server;
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => void faults.push(error);
  const random = Random.fromSeed('budget');
  const hub = new WatchHub({ replica, clock: nodeClock, random, progressIntervalMs: 60_000, onFault });
  const headers = new ResponseHeaders(replica);
  const service = new WatchService({ replica, headers, hub, budget, authorize: () => undefined });
  const taken = { slow: 0, quick: 0 };
  let ended: Failure | undefined;
  const open = (name: 'slow' | 'quick', room: boolean): BidiReceiver => {
    const [method] = service.streams();
    if (method?.method.type !== 'bidi') throw new Error('watches are bidirectional');
    const receiver = method.method.open({
      method: name,
      metadata: () => undefined,
      remainingMs: () => undefined,
      cancelled: false,
      certificateName: undefined,
      get queuedBytes() {
        return taken[name];
      },
      send: (...parts) => {
        for (const part of parts) taken[name] += part.length;
        return room;
      },
      end: (failure) => {
        ended = failure;
        receiver.closed();
      },
      pause: () => {},
      resume: () => {},
    });
    const value = { ...pb.WatchCreateRequest.fromJSON({}), key };
    receiver.message(pb.WatchRequest.encode({ requestUnion: { $case: 'createRequest', value } }).finish());
    receiver.writable();
    return receiver;
  };
  open('slow', false);
  const quick = open('quick', true);
  await client.put({ key, value: new Uint8Array(1_100_000) });
  await expect.poll(() => ended).toMatchObject({ code: Code.resourceExhausted });
  await client.put({ key, value: new Uint8Array(1_100_000) });
  await expect.poll(() => taken.quick).toBeGreaterThan(2_200_000);
  expect(faults).toEqual([]);
  quick.closed();
  hub.close();
});
