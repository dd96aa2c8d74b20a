import { createHash } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { concatBytes, utf8 } from '../../core/bytes.ts';
import { Code } from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { HealthCheckRequest, HealthCheckResponse } from './gen/grpc/health/v1/health.ts';

let server: TestServer;
let client: GrpcClient;

beforeEach(async () => {
  server = await serveClients();
  client = new GrpcClient(server.server.address);
  return async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  };
});

const status = (): Promise<pb.StatusResponse> =>
  client.call('/etcdserverpb.Maintenance/Status', pb.StatusRequest, pb.StatusResponse, {});
const memberList = (linearizable: boolean): Promise<pb.MemberListResponse> =>
  client.call('/etcdserverpb.Cluster/MemberList', pb.MemberListRequest, pb.MemberListResponse, {
    linearizable,
  });

test('16: members have URLs, those that never started have no name, and the revision is 0', async () => {
  const { members, header } = await memberList(true);
  expect(members).toEqual([
    {
      ID: 7n,
      name: 'n1',
      peerURLs: ['http://127.0.0.1:2380'],
      clientURLs: ['http://127.0.0.1:2379'],
      isLearner: false,
    },
    { ID: 8n, name: '', peerURLs: ['http://127.0.0.1:22380'], clientURLs: [], isLearner: false },
  ]);
  expect(header).toMatchObject({ revision: 0n, memberId: 7n });
});

test('16: a member list is linearizable when asked for', async () => {
  await memberList(true);
  expect(server.replica.lastConsistency).toBe('linearizable');
  await memberList(false);
  expect(server.replica.lastConsistency).toBe('local');
});

test('19: status', async () => {
  await client.put({ key: utf8('a') });
  expect(await status()).toEqual({
    header: { clusterId: 0xc1a5_7e12n, memberId: 7n, revision: 2n, raftTerm: 3n },
    version: '3.5.13',
    dbSize: 4096n,
    dbSizeInUse: 2048n,
    leader: 7n,
    raftIndex: 1n,
    raftTerm: 3n,
    raftAppliedIndex: 1n,
    errors: [],
    isLearner: false,
    storageVersion: '',
    dbSizeQuota: 0n,
    downgradeInfo: undefined,
  });
});

test('19: status lists what is wrong, and answers when nothing else does', async () => {
  server.replica.troubles = { leader: undefined, storageFull: true, role: 'learner' };
  server.replica.readOutcome = { type: 'refused', reason: 'stopping' };
  const answer = await status();
  expect(answer).toMatchObject({ leader: 0n, isLearner: true });
  expect(answer.errors).toEqual(['etcdserver: no leader', 'memberID:7 alarm:NOSPACE ']);
});

test('20: a snapshot comes in chunks of at most 32 KiB, its hash last', async () => {
  for (let i = 0; i < 3; i++) await client.put({ key: utf8(`k${i}`), value: new Uint8Array(50_000).fill(i) });
  const blobs: Uint8Array[] = [];
  const path = '/etcdserverpb.Maintenance/Snapshot';
  for await (const { blob } of client.stream(path, pb.SnapshotRequest, pb.SnapshotResponse, {}))
    blobs.push(blob);
  expect(Math.max(...blobs.map((blob) => blob.length))).toBe(32 * 1024);
  const hash = blobs.pop();
  const content = concatBytes(blobs);
  expect(content.length % 512).toBe(0);
  expect(hash).toEqual(Buffer.from(createHash('sha256').update(content).digest()));
  const expected: Uint8Array[] = [];
  for await (const part of server.replica.snapshot()) expected.push(part);
  const bytes = concatBytes(expected);
  expect(content.subarray(0, bytes.length)).toEqual(bytes);
  expect(content.subarray(bytes.length).every((byte) => byte === 0)).toBe(true);
});

test('20: a snapshot that nobody reads any more is let go', async () => {
  let closed = false;
  server.replica.snapshot = async function* () {
    try {
      for (;;) yield new Uint8Array(1024 * 1024);
    } finally {
      closed = true;
    }
  };
  const path = '/etcdserverpb.Maintenance/Snapshot';
  for await (const _ of client.stream(path, pb.SnapshotRequest, pb.SnapshotResponse, {})) break;
  await expect.poll(() => closed).toBe(true);
});

test('20: a snapshot that ends early is a failure, not an end', async () => {
  server.replica.snapshot = async function* () {
    yield new Uint8Array(10);
    throw new Error('the disk is gone');
  };
  const stream = client.stream(
    '/etcdserverpb.Maintenance/Snapshot',
    pb.SnapshotRequest,
    pb.SnapshotResponse,
    {},
  );
  const read = async (): Promise<void> => {
    for await (const _ of stream);
  };
  expect(await client.failure(read())).toMatchObject({ code: Code.unavailable });
  expect(server.faults).toEqual([]);
});

const check = (service: string): Promise<HealthCheckResponse> =>
  client.call('/grpc.health.v1.Health/Check', HealthCheckRequest, HealthCheckResponse, { service });

test('health: serving with a leader, not without; other services are unknown', async () => {
  expect(await check('')).toEqual({ status: 1 });
  server.replica.troubles = { leader: undefined };
  expect(await check('')).toEqual({ status: 2 });
  expect(await client.failure(check('x'))).toMatchObject({ code: Code.notFound });
});

test('health: a watcher hears of every change', async () => {
  const watch = client.stream('/grpc.health.v1.Health/Watch', HealthCheckRequest, HealthCheckResponse, {
    service: '',
  });
  expect((await watch.next()).value).toEqual({ status: 1 });
  server.replica.troubles = { phase: 'stopping' };
  expect((await watch.next()).value).toEqual({ status: 2 });
  await watch.return(undefined);
});

test('a client that pings more often than etcd allows keeps its connection', async () => {
  const options = { 'grpc.keepalive_time_ms': 20, 'grpc.keepalive_permit_without_calls': 1 };
  await using eager = new GrpcClient(server.server.address, undefined, options);
  const path = '/grpc.health.v1.Health/Watch';
  const watch = eager.stream(path, HealthCheckRequest, HealthCheckResponse, { service: '' });
  expect((await watch.next()).value).toEqual({ status: 1 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(server.server.connections).toBe(1);
  server.replica.troubles = { phase: 'stopping' };
  expect((await watch.next()).value).toEqual({ status: 2 });
  await watch.return(undefined);
});

test.each(['/etcdserverpb.KV/RangeStream'])('%s is named as not served yet', async (path) => {
  const failed = await client.failure(client.raw(path, Buffer.alloc(0)));
  expect(failed.code).toBe(Code.unimplemented);
  expect(failed.message).toBe(
    `${path.slice(1)} of the etcd API is not served yet by this version of quorate`,
  );
});

test('a method that nobody knows is unknown', async () => {
  for (const path of ['/etcdserverpb.KV/Frobnicate', '/__proto__/constructor', '/x']) {
    const failed = await client.failure(client.raw(path, Buffer.alloc(0)));
    expect(failed).toMatchObject({ code: Code.unimplemented, message: `unknown method ${path}` });
  }
});

test('an exception in a service is reported, and the client is told that it does not know', async () => {
  const mistake = new Error('a mistake of ours');
  server.replica.propose = () => Promise.reject(mistake);
  const failed = await client.failure(client.put({ key: utf8('a') }));
  expect(failed).toMatchObject({ code: Code.internal, outcome: 'unknown' });
  expect(server.faults).toEqual([mistake]);
});
