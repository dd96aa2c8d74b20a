import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { Code } from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { Event } from './gen/mvccpb/kv.ts';

// Wire contract, section 3: all that the Kubernetes API server asks of etcd.

let server: TestServer;
let client: GrpcClient;

beforeEach(async () => {
  server = await serveClients({ progressIntervalMs: 100 });
  client = new GrpcClient(server.server.address);
  return async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.faults).toEqual([]);
  };
});

const prefix = '/registry/pods/';
const prefixEnd = utf8('/registry/pods0');
const keyOf = (name: string): Uint8Array => utf8(prefix + name);

const modRevisionIs = (key: Uint8Array, revision: bigint): pb.Compare => ({
  key,
  rangeEnd: new Uint8Array(0),
  target: pb.Compare_CompareTarget.MOD,
  result: pb.Compare_CompareResult.EQUAL,
  targetUnion: { $case: 'modRevision', value: revision },
});
const put = (key: Uint8Array, value: string, lease = 0n): pb.RequestOp => ({
  request: {
    $case: 'requestPut',
    value: { ...pb.PutRequest.fromJSON({}), key, value: utf8(value), lease },
  },
});
const get = (key: Uint8Array): pb.RequestOp => ({
  request: { $case: 'requestRange', value: { ...pb.RangeRequest.fromJSON({}), key, limit: 1n } },
});
const remove = (key: Uint8Array): pb.RequestOp => ({
  request: { $case: 'requestDeleteRange', value: { ...pb.DeleteRangeRequest.fromJSON({}), key } },
});

const optimisticPut = (name: string, value: string, expected: bigint, lease = 0n): Promise<pb.TxnResponse> =>
  client.txn({
    compare: [modRevisionIs(keyOf(name), expected)],
    success: [put(keyOf(name), value, lease)],
    failure: [get(keyOf(name))],
  });
const optimisticDelete = (name: string, expected: bigint): Promise<pb.TxnResponse> =>
  client.txn({
    compare: [modRevisionIs(keyOf(name), expected)],
    success: [remove(keyOf(name))],
    failure: [get(keyOf(name))],
  });
const created = async (...names: string[]): Promise<bigint> => {
  let revision = 0n;
  for (const name of names) revision = (await optimisticPut(name, name, 0n)).header?.revision ?? 0n;
  return revision;
};

/** The pair that a failed transaction answers with. */
const found = ({ responses }: pb.TxnResponse): string => {
  const [operation] = responses;
  if (operation?.response?.$case !== 'responseRange') throw new Error('not a range');
  return operation.response.value.kvs.map(({ value }) => utf8Text(value)).join();
};

const names = ({ kvs }: pb.RangeResponse): string[] =>
  kvs.map(({ key }) => utf8Text(key).slice(prefix.length));

test('get: a range of one key, with a limit of 1', async () => {
  const revision = await created('a');
  const answer = await client.range({ key: keyOf('a'), limit: 1n });
  expect(answer.kvs).toMatchObject([{ modRevision: revision, version: 1n }]);
  expect(answer.header?.revision).toBe(revision);
  expect((await client.range({ key: keyOf('b'), limit: 1n })).kvs).toEqual([]);
});

test('list: in pages of one revision, whatever is written between them', async () => {
  const all = Array.from({ length: 25 }, (_, at) => `pod-${String(at).padStart(2, '0')}`);
  await created(...all);
  const first = await client.range({ key: utf8(prefix), rangeEnd: prefixEnd, limit: 10n });
  const revision = first.header?.revision ?? 0n;
  expect([first.more, first.count]).toEqual([true, 25n]);
  const seen = names(first);
  for (let more = first.more; more; ) {
    await created(`${seen.at(-1)}-later`);
    const key = utf8(`${prefix}${seen.at(-1)}\0`);
    const page = await client.range({ key, rangeEnd: prefixEnd, limit: 10n, revision });
    seen.push(...names(page));
    more = page.more;
  }
  expect(seen).toEqual(all);
});

test('count, keys and the current revision', async () => {
  const revision = await created('a', 'b', 'c');
  const range = { key: utf8(prefix), rangeEnd: prefixEnd };
  expect(await client.range({ ...range, countOnly: true })).toMatchObject({ count: 3n, kvs: [] });
  const { kvs } = await client.range({ ...range, keysOnly: true });
  expect(kvs.map(({ key, value }) => [utf8Text(key), value.length])).toEqual(
    ['a', 'b', 'c'].map((name) => [prefix + name, 0]),
  );
  const { header } = await client.range({ ...range, limit: 1n });
  expect(header?.revision).toBe(revision);
});

describe('optimistic writes', () => {
  test('create: the second one finds the first', async () => {
    expect((await optimisticPut('a', '1', 0n)).succeeded).toBe(true);
    const second = await optimisticPut('a', '2', 0n);
    expect(second.succeeded).toBe(false);
    expect(found(second)).toBe('1');
  });

  test('update: with the revision that was read, or not at all', async () => {
    const revision = await created('a');
    const updated = await optimisticPut('a', '2', revision);
    expect(updated.succeeded).toBe(true);
    expect(updated.header?.revision).toBe(revision + 1n);
    const late = await optimisticPut('a', '3', revision);
    expect([late.succeeded, found(late)]).toEqual([false, '2']);
  });

  test('delete: the same', async () => {
    const revision = await created('a');
    expect(found(await optimisticDelete('a', revision - 1n))).toBe('a');
    const deleted = await optimisticDelete('a', revision);
    expect([deleted.succeeded, deleted.header?.revision]).toEqual([true, revision + 1n]);
    expect(found(await optimisticDelete('a', revision))).toBe('');
  });

  test('events live by a lease of their own', async () => {
    const path = '/etcdserverpb.Lease/LeaseGrant';
    const { ID } = await client.call(path, pb.LeaseGrantRequest, pb.LeaseGrantResponse, {
      ID: 0n,
      TTL: 3660n,
    });
    await optimisticPut('event', 'e', 0n, ID);
    expect((await client.range({ key: keyOf('event'), limit: 1n })).kvs[0]?.lease).toBe(ID);
  });
});

test('compaction: the one of several servers whose turn it is compacts, once', async () => {
  const lock = utf8('compact_rev_key');
  const versionIs = (version: bigint): pb.Compare => ({
    key: lock,
    rangeEnd: new Uint8Array(0),
    target: pb.Compare_CompareTarget.VERSION,
    result: pb.Compare_CompareResult.EQUAL,
    targetUnion: { $case: 'version', value: version },
  });
  const turn = (version: bigint, revision: bigint): Promise<pb.TxnResponse> =>
    client.txn({
      compare: [versionIs(version)],
      success: [put(lock, String(revision))],
      failure: [get(lock)],
    });
  const compact = (revision: bigint): Promise<pb.CompactionResponse> =>
    client.call('/etcdserverpb.KV/Compact', pb.CompactionRequest, pb.CompactionResponse, {
      revision,
      physical: false,
    });
  const before = await created('a', 'b');
  expect((await turn(0n, before)).succeeded).toBe(true);
  const other = await turn(0n, before);
  expect([other.succeeded, found(other)]).toEqual([false, String(before)]);
  expect((await turn(1n, before)).succeeded).toBe(true);
  await compact(before);
  const list = { key: utf8(prefix), rangeEnd: prefixEnd };
  expect(names(await client.range({ ...list, revision: before }))).toEqual(['a', 'b']);
  // A page of a list that was begun too long ago: the client begins again.
  expect(await client.failure(client.range({ ...list, revision: before - 1n }))).toMatchObject({
    code: Code.outOfRange,
    message: 'etcdserver: mvcc: required revision has been compacted',
  });
});

test('health is a read of /registry/health', async () => {
  expect((await client.range({ key: utf8('/registry/health') })).kvs).toEqual([]);
});

test('status: the version from which progress of watches is trusted', async () => {
  const path = '/etcdserverpb.Maintenance/Status';
  const { version, dbSize } = await client.call(path, pb.StatusRequest, pb.StatusResponse, {});
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  expect([major, minor]).toEqual([3, 5]);
  expect(patch).toBeGreaterThanOrEqual(13);
  expect(dbSize).toBeGreaterThan(0n);
});

test('watch: from a listed revision on, with what was there before, and progress when nothing happens', async () => {
  const listed = await created('a');
  const call = client.bidi('/etcdserverpb.Watch/Watch', pb.WatchRequest, pb.WatchResponse);
  const events: Event[] = [];
  const progress: bigint[] = [];
  call.on('error', () => {});
  call.on('data', (response: pb.WatchResponse) => {
    events.push(...response.events);
    if (response.events.length === 0 && !response.created) progress.push(response.header?.revision ?? 0n);
  });
  const value: pb.WatchCreateRequest = {
    ...pb.WatchCreateRequest.fromJSON({}),
    key: utf8(prefix),
    rangeEnd: prefixEnd,
    startRevision: listed + 1n,
    prevKv: true,
    progressNotify: true,
  };
  call.write({ requestUnion: { $case: 'createRequest', value } });
  const updated = (await optimisticPut('a', '2', listed)).header?.revision ?? 0n;
  await optimisticDelete('a', updated);
  await client.put({ key: utf8('/registry/other') });
  await expect.poll(() => events.length).toBe(2);
  expect(events.map(({ type, prevKv }) => [type, utf8Text(prevKv?.value ?? utf8('none'))])).toEqual([
    [0, 'a'],
    [1, '2'],
  ]);
  // Above the last event, since something else was written: what the cache of the API server waits for.
  await expect.poll(() => progress.at(-1)).toBe(updated + 2n);
  const asked = progress.length;
  call.write({ requestUnion: { $case: 'progressRequest', value: {} } });
  await expect.poll(() => progress.length).toBeGreaterThan(asked);
  call.cancel();
});
