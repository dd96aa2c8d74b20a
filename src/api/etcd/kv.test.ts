import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { deleteRequest, GrpcClient, putRequest, rangeRequest } from '../../../test/support/grpc-client.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { Code } from '../rpc/rpc.ts';
import {
  Compare,
  type RangeResponse,
  type RequestOp,
  TxnRequest as Txn,
  type TxnRequest,
} from './gen/etcdserverpb/rpc.ts';

// Numbers are those of the list of semantics that etcd's clients depend on.

let server: TestServer;
let client: GrpcClient;

beforeEach(async () => {
  server = await serveClients();
  client = new GrpcClient(server.server.address);
  return async () => {
    expect(server.faults).toEqual([]);
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
});

const key = utf8;
const everything = { key: key('\0'), rangeEnd: key('\0') };
const put = (name: string, value = '') => client.put({ key: key(name), value: utf8(value) });
const keysOf = (response: RangeResponse): string[] => response.kvs.map((pair) => utf8Text(pair.key));
const requestPut = (name: string, value = ''): RequestOp => ({
  request: { $case: 'requestPut', value: putRequest({ key: key(name), value: utf8(value) }) },
});
const requestDelete = (from: string, to = ''): RequestOp => ({
  request: { $case: 'requestDeleteRange', value: deleteRequest({ key: key(from), rangeEnd: key(to) }) },
});
const requestRange = (name: string): RequestOp => ({
  request: { $case: 'requestRange', value: rangeRequest({ key: key(name) }) },
});
const requestTxn = (value: Partial<TxnRequest>): RequestOp => ({
  request: { $case: 'requestTxn', value: { ...Txn.fromJSON({}), ...value } },
});
/** In the gateway's JSON, with the key as text. */
const compare = (name: string, json: Record<string, unknown>, to = ''): Compare => ({
  ...Compare.fromJSON(json),
  key: key(name),
  rangeEnd: key(to),
});
const holds = async (...compares: Compare[]): Promise<boolean> =>
  (await client.txn({ compare: compares })).succeeded;

describe('1: revisions', () => {
  test('an empty store has revision 1, the first write gets 2', async () => {
    expect((await client.range({ key: key('a') })).header?.revision).toBe(1n);
    expect((await put('a')).header?.revision).toBe(2n);
  });

  test('a transaction is one revision whatever it writes', async () => {
    const written = await client.txn({ success: [requestPut('a'), requestPut('b'), requestPut('c')] });
    expect(written.header?.revision).toBe(2n);
    const { kvs } = await client.range(everything);
    expect(kvs.map((pair) => pair.modRevision)).toEqual([2n, 2n, 2n]);
  });

  test('what writes nothing has no revision of its own', async () => {
    await put('a');
    expect((await client.delete({ key: key('none') })).header?.revision).toBe(2n);
    expect((await client.txn({ success: [requestRange('a')] })).header?.revision).toBe(2n);
    const failed = client.txn({ success: [{ request: undefined }] });
    await expect(failed).rejects.toThrow();
    expect((await client.range({ key: key('a') })).header?.revision).toBe(2n);
  });

  test('the header of a read tells the present, also when the read is of the past', async () => {
    await put('a', 'old');
    await put('a', 'new');
    const past = await client.range({ key: key('a'), revision: 2n });
    expect(past.header?.revision).toBe(3n);
    expect(past.kvs.map((pair) => utf8Text(pair.value))).toEqual(['old']);
  });
});

test('2: every header carries cluster, member and term', async () => {
  const expected = { clusterId: 0xc1a5_7e12n, memberId: 7n, raftTerm: 3n };
  const answers = [
    await put('a'),
    await client.range({ key: key('a') }),
    await client.delete({ key: key('a') }),
    await client.txn({ success: [requestPut('a')] }),
  ];
  for (const { header } of answers) expect(header).toMatchObject(expected);
});

describe('3: range_end', () => {
  beforeEach(async () => {
    for (const name of ['\0', 'a', 'aa', 'ab', 'b']) await put(name);
  });

  test('empty means the key alone', async () => {
    expect(keysOf(await client.range({ key: key('a') }))).toEqual(['a']);
  });

  test('one zero byte means all keys from the key on', async () => {
    expect(keysOf(await client.range({ key: key('ab'), rangeEnd: key('\0') }))).toEqual(['ab', 'b']);
  });

  test('zero byte to zero byte means everything', async () => {
    expect(keysOf(await client.range(everything))).toEqual(['\0', 'a', 'aa', 'ab', 'b']);
  });

  test('a prefix is the key with its last byte one higher', async () => {
    expect(keysOf(await client.range({ key: key('a'), rangeEnd: key('b') }))).toEqual(['a', 'aa', 'ab']);
    await client.put({ key: Uint8Array.of(0x61, 0xff, 1) });
    const carried = await client.range({ key: Uint8Array.of(0x61, 0xff), rangeEnd: key('b') });
    expect(carried.count).toBe(1n);
  });

  test('a range that ends before it begins is empty', async () => {
    expect(await client.range({ key: key('b'), rangeEnd: key('a') })).toMatchObject({ kvs: [], count: 0n });
  });

  test('deletes take the same ranges', async () => {
    expect((await client.delete({ key: key('a'), rangeEnd: key('b') })).deleted).toBe(3n);
    expect((await client.delete(everything)).deleted).toBe(2n);
  });

  test('an empty key is refused', async () => {
    const expected = { code: Code.invalidArgument, message: 'etcdserver: key is not provided' };
    expect(await client.failure(client.range({}))).toMatchObject(expected);
    expect(await client.failure(client.put({}))).toMatchObject(expected);
    expect(await client.failure(client.delete({}))).toMatchObject(expected);
    expect(await client.failure(client.txn({ success: [requestPut('')] }))).toMatchObject(expected);
    expect(await client.failure(client.txn({ compare: [compare('', {})] }))).toMatchObject(expected);
  });
});

describe('4: ranges', () => {
  beforeEach(async () => {
    for (const [name, value] of [
      ['a', '3'],
      ['b', '2'],
      ['c', '1'],
      ['b', '0'],
    ] as const)
      await put(name, value);
  });

  test('count ignores limit and revision bounds, and more says that the limit left some out', async () => {
    const limited = await client.range({ ...everything, limit: 2n });
    expect(limited).toMatchObject({ count: 3n, more: true });
    expect(keysOf(limited)).toEqual(['a', 'b']);
    const bounded = await client.range({ ...everything, minModRevision: 4n });
    expect(bounded).toMatchObject({ count: 3n, more: false });
    expect(keysOf(bounded)).toEqual(['b', 'c']);
    expect(await client.range({ ...everything, limit: 3n })).toMatchObject({ count: 3n, more: false });
  });

  test('the limit is applied after bounds and sorting', async () => {
    const sorted = { ...everything, limit: 1n, sortTarget: 4, sortOrder: 1 } as const;
    expect(keysOf(await client.range(sorted))).toEqual(['b']);
    expect(keysOf(await client.range({ ...sorted, maxModRevision: 4n }))).toEqual(['c']);
  });

  test('every target sorts both ways', async () => {
    const sorted = async (sortTarget: 0 | 1 | 2 | 3 | 4, sortOrder: 0 | 1 | 2): Promise<string> =>
      keysOf(await client.range({ ...everything, sortTarget, sortOrder })).join('');
    expect(await sorted(0, 2)).toBe('cba');
    expect(await sorted(1, 2)).toBe('bac');
    expect(await sorted(2, 2)).toBe('cba');
    expect(await sorted(3, 1)).toBe('acb');
    expect(await sorted(4, 2)).toBe('acb');
  });

  test('a target other than the key without an order means ascending', async () => {
    expect(keysOf(await client.range({ ...everything, sortTarget: 4, sortOrder: 0 }))).toEqual([
      'b',
      'c',
      'a',
    ]);
  });

  test('count_only returns no pairs, keys_only strips values', async () => {
    expect(await client.range({ ...everything, countOnly: true })).toMatchObject({ count: 3n, kvs: [] });
    const { kvs } = await client.range({ ...everything, keysOnly: true });
    expect(kvs.map((pair) => pair.value.length)).toEqual([0, 0, 0]);
    expect(kvs[0]).toMatchObject({ createRevision: 2n, modRevision: 2n, version: 1n });
  });

  test('an unknown sort option is refused', async () => {
    // Field 5, sort_order, as a number that nobody knows.
    const bytes = Buffer.from([0x0a, 0x01, 0x61, 0x28, 0x09]);
    const failed = await client.failure(client.raw('/etcdserverpb.KV/Range', bytes));
    expect(failed).toMatchObject({ code: Code.invalidArgument, message: 'etcdserver: invalid sort option' });
  });

  test('a serializable range asks nobody else', async () => {
    await client.range({ key: key('a') });
    expect(server.replica.lastConsistency).toBe('linearizable');
    await client.range({ key: key('a'), serializable: true });
    expect(server.replica.lastConsistency).toBe('local');
  });

  test('a range of many keys is read in slices, all of one revision', async () => {
    const { replica } = server;
    for (let batch = 0; batch < 40; batch++) {
      const success = Array.from({ length: 128 }, (_, i) => requestPut(`k${batch * 128 + i + 10_000}`));
      await client.txn({ success });
    }
    const before = replica.reads;
    const [whole] = await Promise.all([client.range({ key: key('k'), rangeEnd: key('l') }), put('k0')]);
    expect(replica.reads).toBeGreaterThan(before + 1);
    const revision = whole.header?.revision ?? 0n;
    expect(whole.kvs.every((pair) => pair.modRevision <= revision)).toBe(true);
    expect(whole.count).toBe(BigInt(whole.kvs.length));
    expect([5120, 5121]).toContain(whole.kvs.length);
  });
});

describe('5: errors of the key space', () => {
  test('a future revision', async () => {
    expect(await client.failure(client.range({ key: key('a'), revision: 99n }))).toMatchObject({
      code: Code.outOfRange,
      message: 'etcdserver: mvcc: required revision is a future revision',
    });
  });

  test('a lease that does not exist', async () => {
    expect(await client.failure(client.put({ key: key('a'), lease: 5n }))).toMatchObject({
      code: Code.notFound,
      message: 'etcdserver: requested lease not found',
    });
  });

  test('a request above 1.5 MiB', async () => {
    const value = new Uint8Array(1536 * 1024 + 1);
    expect(await client.failure(client.put({ key: key('a'), value }))).toMatchObject({
      code: Code.invalidArgument,
      message: 'etcdserver: request is too large',
    });
    await client.put({ key: key('a'), value: value.subarray(0, 1535 * 1024) });
    expect((await client.range({ key: key('a') })).kvs[0]?.value.length).toBe(1535 * 1024);
  });
});

describe('7: put', () => {
  test('ignore_value and ignore_lease need an existing key and forbid what they ignore', async () => {
    const invalid = (message: string) => ({ code: Code.invalidArgument, message });
    const missing = client.put({ key: key('a'), ignoreValue: true });
    expect(await client.failure(missing)).toMatchObject(invalid('etcdserver: key not found'));
    const valued = client.put({ key: key('a'), ignoreValue: true, value: utf8('x') });
    expect(await client.failure(valued)).toMatchObject(invalid('etcdserver: value is provided'));
    const leased = client.put({ key: key('a'), ignoreLease: true, lease: 1n });
    expect(await client.failure(leased)).toMatchObject(invalid('etcdserver: lease is provided'));
    await put('a', 'kept');
    await client.put({ key: key('a'), ignoreValue: true });
    expect((await client.range({ key: key('a') })).kvs[0]).toMatchObject({
      value: utf8('kept'),
      version: 2n,
    });
  });

  test('prev_kv answers with what was there', async () => {
    expect((await client.put({ key: key('a'), value: utf8('1'), prevKv: true })).prevKv).toBeUndefined();
    const { prevKv } = await client.put({ key: key('a'), value: utf8('2'), prevKv: true });
    expect(prevKv).toMatchObject({ key: key('a'), value: utf8('1'), version: 1n, modRevision: 2n });
    const { prevKvs, deleted } = await client.delete({ key: key('a'), prevKv: true });
    expect(deleted).toBe(1n);
    expect(prevKvs).toMatchObject([{ value: utf8('2'), version: 2n }]);
  });
});

describe('8: transactions', () => {
  test('no comparison is success, and a failed one takes the other branch', async () => {
    const none = await client.txn({ success: [requestPut('a')], failure: [requestPut('b')] });
    expect(none.succeeded).toBe(true);
    const failed = await client.txn({
      compare: [compare('a', { target: 'VERSION', result: 'EQUAL', version: '9' })],
      failure: [requestRange('a')],
    });
    expect(failed.succeeded).toBe(false);
    const [response] = failed.responses;
    expect(response?.response?.$case).toBe('responseRange');
  });

  test('every target and relation', async () => {
    await put('a', 'x');
    await put('a', 'x');
    for (const [json, expected] of [
      [{ target: 'VERSION', result: 'EQUAL', version: '2' }, true],
      [{ target: 'VERSION', result: 'GREATER', version: '2' }, false],
      [{ target: 'CREATE', result: 'LESS', create_revision: '3' }, true],
      [{ target: 'CREATE', result: 'NOT_EQUAL', create_revision: '2' }, false],
      [{ target: 'MOD', result: 'EQUAL', mod_revision: '3' }, true],
      [{ target: 'VALUE', result: 'EQUAL', value: 'eA==' }, true],
      [{ target: 'VALUE', result: 'GREATER', value: 'dw==' }, true],
      [{ target: 'LEASE', result: 'EQUAL', lease: '0' }, true],
      [{ target: 'LEASE', result: 'GREATER', lease: '0' }, false],
    ] as const) {
      expect(await holds(compare('a', json)), JSON.stringify(json)).toBe(expected);
    }
  });

  test('a missing key compares as zero, except that its value equals nothing', async () => {
    expect(await holds(compare('no', { target: 'CREATE', result: 'EQUAL', create_revision: '0' }))).toBe(
      true,
    );
    expect(await holds(compare('no', { target: 'MOD', result: 'GREATER', mod_revision: '0' }))).toBe(false);
    expect(await holds(compare('no', { target: 'VALUE', result: 'EQUAL', value: '' }))).toBe(false);
    expect(await holds(compare('no', { target: 'VALUE', result: 'NOT_EQUAL', value: 'eA==' }))).toBe(false);
  });

  test('comparisons hold for every key of a range, and all of them have to', async () => {
    for (const name of ['a', 'b']) await put(name, 'x');
    const same = { target: 'VALUE', result: 'EQUAL', value: 'eA==' };
    expect(await holds(compare('a', same, 'c'))).toBe(true);
    await put('b', 'y');
    expect(await holds(compare('a', same, 'c'))).toBe(false);
    expect(await holds(compare('a', same), compare('b', same))).toBe(false);
  });

  test('an operand for another target counts as zero', async () => {
    expect(await holds(compare('no', { target: 'VERSION', result: 'EQUAL', mod_revision: '5' }))).toBe(true);
  });

  test('operations see the earlier writes of their transaction', async () => {
    const { responses } = await client.txn({
      success: [
        requestPut('a', '1'),
        requestRange('a'),
        requestDelete('b'),
        requestTxn({ success: [requestRange('a')] }),
      ],
    });
    const ranges = responses.map(({ response }) => response?.$case);
    expect(ranges).toEqual(['responsePut', 'responseRange', 'responseDeleteRange', 'responseTxn']);
    const [, second] = responses;
    if (second?.response?.$case !== 'responseRange') throw new Error('no range');
    expect(second.response.value.kvs[0]).toMatchObject({ value: utf8('1'), modRevision: 2n });
    expect(second.response.value.header?.revision).toBe(2n);
  });

  test('answers before the first write carry the revision before it, and nested transactions none', async () => {
    await put('b', '1');
    const { header, responses } = await client.txn({
      success: [
        requestRange('a'),
        requestDelete('no'),
        requestTxn({ success: [requestPut('a')] }),
        requestRange('a'),
      ],
    });
    expect(header?.revision).toBe(3n);
    expect(responses.map(({ response }) => response?.value.header?.revision)).toEqual([2n, 2n, 0n, 3n]);
  });

  test('of several reasons the same is told as by etcd', async () => {
    const failureOf = async (...success: RequestOp[]) =>
      (await client.failure(client.txn({ success }))).message.replace('etcdserver: ', '');
    const request = {
      $case: 'requestPut',
      value: putRequest({ key: key('a'), lease: 5n, ignoreValue: true }),
    } as const;
    const ranged = (revision: bigint): RequestOp => ({
      request: { $case: 'requestRange', value: rangeRequest({ key: key('a'), revision }) },
    });
    expect((await client.failure(client.put(request.value))).code).toBe(Code.notFound);
    expect(await failureOf(ranged(99n), { request })).toBe('key not found');
    expect(await failureOf(ranged(99n), requestPut('b'))).toBe(
      'mvcc: required revision is a future revision',
    );
    // Alone it would be the present.
    expect(await failureOf(ranged(-1n))).toBe('mvcc: required revision has been compacted');
  });

  test('the comparisons of nested transactions are made before any write', async () => {
    const inner = requestTxn({
      compare: [compare('a', { target: 'VERSION', result: 'EQUAL', version: '0' })],
      success: [requestPut('inner')],
    });
    await client.txn({ success: [requestPut('a'), inner] });
    expect((await client.range({ key: key('inner') })).count).toBe(1n);
  });

  test('writing a key twice on one path is refused, on two branches it is not', async () => {
    const duplicate = {
      code: Code.invalidArgument,
      message: 'etcdserver: duplicate key given in txn request',
    };
    const twice = client.txn({ success: [requestPut('a'), requestPut('a')] });
    expect(await client.failure(twice)).toMatchObject(duplicate);
    const overlapping = client.txn({ success: [requestDelete('a', 'c'), requestPut('b')] });
    expect(await client.failure(overlapping)).toMatchObject(duplicate);
    await client.txn({ success: [requestPut('a')], failure: [requestPut('a')] });
  });

  test('at most 128 operations, fewer inside of others', async () => {
    const tooMany = { code: Code.invalidArgument, message: 'etcdserver: too many operations in txn request' };
    const puts = (count: number) => Array.from({ length: count }, (_, i) => requestPut(`k${i}`));
    expect((await client.txn({ success: puts(128) })).responses).toHaveLength(128);
    expect(await client.failure(client.txn({ success: puts(129) }))).toMatchObject(tooMany);
    const nested = client.txn({ success: [...puts(100), requestTxn({ success: puts(28) })] });
    expect(await client.failure(nested)).toMatchObject(tooMany);
  });

  test('all or nothing: a lease that is missing undoes the rest', async () => {
    const withLease: RequestOp = {
      request: { $case: 'requestPut', value: putRequest({ key: key('b'), lease: 9n }) },
    };
    const failed = await client.failure(client.txn({ success: [requestPut('a'), withLease] }));
    expect(failed.message).toBe('etcdserver: requested lease not found');
    expect(await client.range(everything)).toMatchObject({ count: 0n, header: { revision: 1n } });
  });

  test('an empty operation is a key that was not found', async () => {
    const failed = await client.failure(client.txn({ success: [{ request: undefined }] }));
    expect(failed).toMatchObject({ code: Code.invalidArgument, message: 'etcdserver: key not found' });
  });

  test('reading alone needs no agreement on an order, and serializable reads none at all', async () => {
    await client.txn({ success: [requestRange('a')] });
    expect(server.replica.lastConsistency).toBe('linearizable');
    const serializable: RequestOp = {
      request: { $case: 'requestRange', value: rangeRequest({ key: key('a'), serializable: true }) },
    };
    await client.txn({ success: [serializable], failure: [requestTxn({ success: [serializable] })] });
    expect(server.replica.lastConsistency).toBe('local');
    await client.txn({ success: [serializable, requestRange('b')] });
    expect(server.replica.lastConsistency).toBe('linearizable');
  });
});

test('9: a version counts from 1 again after a delete, and a create has equal revisions', async () => {
  await put('a');
  await put('a');
  expect((await client.range({ key: key('a') })).kvs[0]).toMatchObject({ version: 2n, createRevision: 2n });
  await client.delete({ key: key('a') });
  await put('a');
  const [pair] = (await client.range({ key: key('a') })).kvs;
  expect(pair).toMatchObject({ version: 1n, createRevision: 5n, modRevision: 5n });
});
