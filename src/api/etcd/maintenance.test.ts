import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { nodeId } from '../../core/ids.ts';
import { encodeCommand } from '../../machine/index.ts';
import { quotaSampleMs } from '../limits.ts';
import { Code } from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

const quotaBytes = 1024 * 1024;

let server: TestServer;
let client: GrpcClient;

beforeEach(async () => {
  server = await serveClients({ quotaBytes });
  client = new GrpcClient(server.server.address);
  return async () => {
    expect(server.faults).toEqual([]);
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
});

const key = utf8('a');
const put = (value = ''): Promise<pb.PutResponse> => client.put({ key, value: utf8(value) });
const status = (): Promise<pb.StatusResponse> =>
  client.call('/etcdserverpb.Maintenance/Status', pb.StatusRequest, pb.StatusResponse, {});
const grant = (): Promise<pb.LeaseGrantResponse> =>
  client.call('/etcdserverpb.Lease/LeaseGrant', pb.LeaseGrantRequest, pb.LeaseGrantResponse, {
    ID: 0n,
    TTL: 60n,
  });
const compact = (revision: bigint, physical = false): Promise<pb.CompactionResponse> =>
  client.call('/etcdserverpb.KV/Compact', pb.CompactionRequest, pb.CompactionResponse, {
    revision,
    physical,
  });
const alarm = (
  action: keyof typeof pb.AlarmRequest_AlarmAction,
  type: keyof typeof pb.AlarmType,
  memberID = 7n,
): Promise<pb.AlarmResponse> =>
  client.call('/etcdserverpb.Maintenance/Alarm', pb.AlarmRequest, pb.AlarmResponse, {
    action: pb.AlarmRequest_AlarmAction[action],
    memberID,
    alarm: pb.AlarmType[type],
  });
const hashKv = (revision: bigint): Promise<pb.HashKVResponse> =>
  client.call('/etcdserverpb.Maintenance/HashKV', pb.HashKVRequest, pb.HashKVResponse, { revision });
const moveLeader = (targetID: bigint): Promise<pb.MoveLeaderResponse> =>
  client.call('/etcdserverpb.Maintenance/MoveLeader', pb.MoveLeaderRequest, pb.MoveLeaderResponse, {
    targetID,
  });

const noSpace = { code: Code.resourceExhausted, message: 'etcdserver: mvcc: database space exceeded' };

describe('6: compaction', () => {
  test('at or below the last one, and above the present, is refused', async () => {
    for (let i = 0; i < 5; i++) await put(String(i));
    expect((await compact(4n)).header?.revision).toBe(6n);
    const compacted = {
      code: Code.outOfRange,
      message: 'etcdserver: mvcc: required revision has been compacted',
    };
    for (const revision of [4n, 3n, 0n, -1n]) {
      expect(await client.failure(compact(revision))).toMatchObject(compacted);
    }
    expect(await client.failure(compact(7n))).toMatchObject({
      code: Code.outOfRange,
      message: 'etcdserver: mvcc: required revision is a future revision',
    });
    expect(await client.failure(client.range({ key, revision: 3n }))).toMatchObject(compacted);
    expect((await client.range({ key, revision: 4n })).kvs[0]?.modRevision).toBe(4n);
  });

  test('physical ones are answered when the space has been given back', async () => {
    for (let i = 0; i < 5; i++) await put(String(i));
    let answered = false;
    const physical = compact(6n, true).then(() => {
      answered = true;
    });
    await expect
      .poll(() => client.failure(client.range({ key, revision: 5n })).catch(() => undefined))
      .toBeDefined();
    expect(answered).toBe(false);
    // What the leader of a cluster orders on its own account.
    await server.replica.propose(encodeCommand({ type: 'sweep' }));
    await physical;
    expect(server.replica.flushes).toBe(1);
  });

  test('physical ones end with the deadline of the client', async () => {
    await put();
    const options = { timeoutMs: 300 };
    const path = '/etcdserverpb.KV/Compact';
    const message = { revision: 2n, physical: true };
    const call = client.call(path, pb.CompactionRequest, pb.CompactionResponse, message, options);
    expect((await client.failure(call)).code).toBe(Code.deadlineExceeded);
  });
});

describe('18: alarms', () => {
  const noSpaceOf7 = { memberID: 7n, alarm: pb.AlarmType.NOSPACE };

  test('are raised, listed and taken back', async () => {
    expect((await alarm('GET', 'NONE')).alarms).toEqual([]);
    expect((await alarm('ACTIVATE', 'NOSPACE')).alarms).toEqual([noSpaceOf7]);
    expect((await alarm('GET', 'NONE')).alarms).toEqual([noSpaceOf7]);
    expect((await alarm('GET', 'CORRUPT')).alarms).toEqual([]);
    expect((await alarm('DEACTIVATE', 'NONE', 0n)).alarms).toEqual([]);
    for (const stranger of [0n, 9n, 2n ** 64n - 1n]) {
      expect(await client.failure(alarm('ACTIVATE', 'NOSPACE', stranger))).toMatchObject({
        code: Code.notFound,
        message: 'etcdserver: member not found',
      });
      expect((await alarm('DEACTIVATE', 'NOSPACE', stranger)).alarms).toEqual([]);
    }
    expect((await alarm('DEACTIVATE', 'NOSPACE')).alarms).toEqual([noSpaceOf7]);
    expect((await alarm('GET', 'NONE')).alarms).toEqual([]);
  });

  test('NOSPACE: puts, grants and transactions with puts are refused, all else goes on', async () => {
    await put('1');
    await alarm('ACTIVATE', 'NOSPACE', 8n);
    expect(await client.failure(put('2'))).toMatchObject(noSpace);
    expect(await client.failure(grant())).toMatchObject(noSpace);
    const requestPut = { $case: 'requestPut' as const, value: pb.PutRequest.fromJSON({ key: 'YQ==' }) };
    expect(await client.failure(client.txn({ failure: [{ request: requestPut }] }))).toMatchObject(noSpace);
    expect((await client.range({ key })).count).toBe(1n);
    expect((await client.delete({ key })).deleted).toBe(1n);
    await compact(2n);
    expect((await status()).errors).toEqual(['memberID:8 alarm:NOSPACE ']);
    await alarm('DEACTIVATE', 'NOSPACE', 8n);
    await put('3');
    expect((await status()).errors).toEqual([]);
  });

  test('CORRUPT: nothing is answered, but for status and alarms', async () => {
    await put('1');
    await alarm('ACTIVATE', 'CORRUPT');
    const corrupt = { code: Code.dataLoss, message: 'etcdserver: corrupt cluster' };
    for (const call of [put(), client.range({ key }), client.delete({ key }), compact(2n), grant()]) {
      expect(await client.failure(call)).toMatchObject(corrupt);
    }
    expect((await status()).errors).toEqual(['memberID:7 alarm:CORRUPT ']);
    await alarm('DEACTIVATE', 'CORRUPT');
    expect((await client.range({ key })).count).toBe(1n);
  });
});

describe('18: the quota', () => {
  test('is in the status, and a write beyond it raises the alarm', async () => {
    expect((await status()).dbSizeQuota).toBe(BigInt(quotaBytes));
    await put('1');
    server.replica.troubles = { stateBytesInUse: quotaBytes };
    await expect.poll(() => client.failure(put('2')).catch(() => undefined)).toMatchObject(noSpace);
    const raised = [{ memberID: 7n, alarm: pb.AlarmType.NOSPACE }];
    expect((await alarm('GET', 'NONE')).alarms).toEqual(raised);
    expect(await client.failure(grant())).toMatchObject(noSpace);
    // Room alone does not take the alarm back: an operator does.
    server.replica.troubles = {};
    expect(await client.failure(put('3'))).toMatchObject(noSpace);
    expect((await client.delete({ key })).deleted).toBe(1n);
    await alarm('DEACTIVATE', 'NOSPACE');
    await put('4');
  });

  test('counts what was given back before the alarm is raised', async () => {
    await put('1');
    server.replica.troubles = { stateBytesInUse: quotaBytes };
    server.replica.flush = async () => {
      server.replica.troubles = {};
      return true;
    };
    await setTimeout(quotaSampleMs + 50);
    await put('2');
    expect(server.replica.troubles).toEqual({});
    expect((await alarm('GET', 'NONE')).alarms).toEqual([]);
  });

  test('counts what was admitted since it was last looked at', async () => {
    await put('1');
    const value = 'x'.repeat(300_000);
    server.replica.flush = async () => {
      server.replica.troubles = { stateBytesInUse: quotaBytes };
      return true;
    };
    const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6, 7, 8].map(() => put(value)));
    expect(outcomes.some(({ status: settled }) => settled === 'rejected')).toBe(true);
  });
});

describe('20: hashes', () => {
  test('of the key space depend on what is in it, up to the revision, and on nothing that came later', async () => {
    await put('1');
    const { hash, hashRevision, compactRevision, header } = await hashKv(0n);
    expect({ hashRevision, compactRevision }).toEqual({ hashRevision: 2n, compactRevision: 0n });
    expect(header?.revision).toBe(2n);
    await put('2');
    expect((await hashKv(2n)).hash).toBe(hash);
    expect((await hashKv(3n)).hash).not.toBe(hash);
    expect((await hashKv(0n)).hash).toBe((await hashKv(3n)).hash);
  });

  test('of revisions that are gone or to come are refused', async () => {
    await put('1');
    await put('2');
    await compact(3n);
    expect((await client.failure(hashKv(2n))).message).toBe(
      'etcdserver: mvcc: required revision has been compacted',
    );
    expect((await client.failure(hashKv(4n))).message).toBe(
      'etcdserver: mvcc: required revision is a future revision',
    );
  });

  test('of the whole state', async () => {
    server.replica.troubles = { digest: '89abcdef01234567' };
    const path = '/etcdserverpb.Maintenance/Hash';
    expect((await client.call(path, pb.HashRequest, pb.HashResponse, {})).hash).toBe(0x89ab_cdef);
  });
});

describe('17: moving the leader', () => {
  test('is asked of the leader, and of a voter', async () => {
    const moved: unknown[] = [];
    server.replica.transferLeadership = async (to?: unknown) => moved.push(to) > 0;
    expect(await moveLeader(8n)).toEqual({ header: undefined });
    expect(await moveLeader(7n)).toEqual({ header: undefined });
    expect(moved).toEqual([nodeId(8)]);
    expect(await client.failure(moveLeader(9n))).toMatchObject({
      code: Code.failedPrecondition,
      message: 'etcdserver: bad leader transferee',
    });
    server.replica.troubles = { leader: nodeId(8) };
    expect(await client.failure(moveLeader(7n))).toMatchObject({
      code: Code.failedPrecondition,
      message: 'etcdserver: not leader',
    });
  });

  test('may not succeed in time', async () => {
    expect(await client.failure(moveLeader(8n))).toMatchObject({
      code: Code.unavailable,
      message: 'etcdserver: request timed out, leader transfer took too long',
    });
  });
});

test('defragmentation makes durable what was given back, and stops nothing for it', async () => {
  const path = '/etcdserverpb.Maintenance/Defragment';
  expect(await client.call(path, pb.DefragmentRequest, pb.DefragmentResponse, {})).toEqual({
    header: undefined,
  });
  expect(server.replica.flushes).toBe(1);
});

test.each([
  ['VALIDATE', '3.4', Code.invalidArgument, 'etcdserver: invalid downgrade target version'],
  ['ENABLE', '3.4.0', Code.invalidArgument, 'etcdserver: invalid downgrade target version'],
  ['ENABLE', 'three', Code.invalidArgument, 'etcdserver: wrong downgrade target version format'],
  ['CANCEL', '', Code.failedPrecondition, 'etcdserver: no inflight downgrade job'],
] as const)('a downgrade is refused: %s "%s"', async (action, version, code, message) => {
  const call = client.call('/etcdserverpb.Maintenance/Downgrade', pb.DowngradeRequest, pb.DowngradeResponse, {
    action: pb.DowngradeRequest_DowngradeAction[action],
    version,
  });
  expect(await client.failure(call)).toMatchObject({ code, message });
});
