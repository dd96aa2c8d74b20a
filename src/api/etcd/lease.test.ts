import { setTimeout as delay } from 'node:timers/promises';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { encodeCommand } from '../../machine/index.ts';
import { Code } from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

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

const grant = (TTL: bigint, ID = 0n): Promise<pb.LeaseGrantResponse> =>
  client.call('/etcdserverpb.Lease/LeaseGrant', pb.LeaseGrantRequest, pb.LeaseGrantResponse, { TTL, ID });
const revoke = (ID: bigint): Promise<pb.LeaseRevokeResponse> =>
  client.call('/etcdserverpb.Lease/LeaseRevoke', pb.LeaseRevokeRequest, pb.LeaseRevokeResponse, { ID });
const timeToLive = (ID: bigint, keys = false): Promise<pb.LeaseTimeToLiveResponse> =>
  client.call('/etcdserverpb.Lease/LeaseTimeToLive', pb.LeaseTimeToLiveRequest, pb.LeaseTimeToLiveResponse, {
    ID,
    keys,
  });
const leases = (): Promise<pb.LeaseLeasesResponse> =>
  client.call('/etcdserverpb.Lease/LeaseLeases', pb.LeaseLeasesRequest, pb.LeaseLeasesResponse, {});

type KeepAlives = ClientDuplexStream<pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse>;
const keepAlive = (metadata?: Record<string, string>): KeepAlives =>
  client.bidi(
    '/etcdserverpb.Lease/LeaseKeepAlive',
    pb.LeaseKeepAliveRequest,
    pb.LeaseKeepAliveResponse,
    metadata && { metadata },
  );

/** The next so many answers. */
async function answers(stream: KeepAlives, count: number): Promise<pb.LeaseKeepAliveResponse[]> {
  const got: pb.LeaseKeepAliveResponse[] = [];
  for (; got.length < count; ) {
    const answer: pb.LeaseKeepAliveResponse | null = stream.read();
    if (answer !== null) got.push(answer);
    else await new Promise<void>((resolve) => stream.once('readable', resolve));
  }
  return got;
}

/** The server ends the stream when the client has nothing more to ask. */
async function finish(stream: KeepAlives): Promise<void> {
  stream.end();
  await new Promise<void>((resolve) => stream.on('end', resolve).resume());
}

const failureOf = (stream: KeepAlives): Promise<{ readonly code: number; readonly details: string }> =>
  new Promise((resolve) => {
    stream.resume();
    stream.on('error', (error) => resolve(error as unknown as { code: number; details: string }));
  });

test('1: granting and revoking a lease without keys makes no revision; one with keys makes one', async () => {
  const { ID, header } = await grant(60n);
  expect(header?.revision).toBe(1n);
  expect((await revoke(ID)).header?.revision).toBe(1n);
  const { ID: other } = await grant(60n);
  for (const key of ['b', 'a']) await client.put({ key: utf8(key), lease: other });
  expect((await revoke(other)).header?.revision).toBe(4n);
  expect((await client.range({ key: utf8('a'), rangeEnd: utf8('z') })).count).toBe(0n);
});

test('15: the server chooses a positive id of 63 bits for 0, and takes the one it is given', async () => {
  const chosen = await Promise.all(Array.from({ length: 20 }, () => grant(60n)));
  const ids = new Set(chosen.map(({ ID }) => ID));
  expect(ids.size).toBe(20);
  for (const id of ids) expect(id > 0n && id < 2n ** 63n).toBe(true);
  expect(await grant(60n, 7n)).toMatchObject({ ID: 7n, TTL: 60n, error: '' });
  expect(await client.failure(grant(60n, 7n))).toMatchObject({
    code: Code.failedPrecondition,
    message: 'etcdserver: lease already exists',
  });
});

test('15: a short time to live is raised to the minimum, one that is too long is refused', async () => {
  for (const ttl of [-5n, 0n, 1n]) expect((await grant(ttl)).TTL).toBe(2n);
  expect((await grant(9_000_000_000n)).TTL).toBe(9_000_000_000n);
  for (const ttl of [9_000_000_001n, 2n ** 63n - 1n]) {
    expect(await client.failure(grant(ttl))).toMatchObject({
      code: Code.outOfRange,
      message: 'etcdserver: too large lease TTL',
    });
  }
});

test('15: a lease that is gone cannot be revoked, and has -1 seconds to live', async () => {
  expect(await client.failure(revoke(7n))).toMatchObject({
    code: Code.notFound,
    message: 'etcdserver: requested lease not found',
  });
  expect(await client.failure(revoke(0n))).toMatchObject({ code: Code.notFound });
  expect(await timeToLive(7n)).toMatchObject({ ID: 7n, TTL: -1n, grantedTTL: 0n, keys: [] });
});

test('15: the time to live goes down, and lists keys when asked', async () => {
  await grant(60n, 7n);
  for (const key of ['b', 'a']) await client.put({ key: utf8(key), lease: 7n });
  server.replica.pass(12_500);
  const answer = await timeToLive(7n, true);
  expect(answer).toMatchObject({ ID: 7n, TTL: 47n, grantedTTL: 60n });
  expect(answer.keys.map(String)).toEqual([utf8('a'), utf8('b')].map(String));
  expect((await timeToLive(7n)).keys).toEqual([]);
});

test('15: all leases are listed', async () => {
  expect((await leases()).leases).toEqual([]);
  for (const id of [3n, 1n, 2n]) await grant(60n, id);
  expect((await leases()).leases).toEqual([{ ID: 1n }, { ID: 2n }, { ID: 3n }]);
});

test('15: very many leases are listed all the same', async () => {
  const ids = Array.from({ length: 4_500 }, (_, at) => BigInt(at - 500)).filter((id) => id !== 0n);
  for (const lease of ids) await server.replica.propose(encodeCommand({ type: 'grant', lease, ttl: 60 }));
  const listed = (await leases()).leases.map(({ ID }) => ID);
  expect(listed.sort((a, b) => Number(a - b))).toEqual(ids);
});

test('15: keep-alives are answered one by one, in order, with 0 for a lease that is gone', async () => {
  await grant(60n, 7n);
  await grant(30n, 8n);
  server.replica.pass(20_000);
  const stream = keepAlive();
  for (const ID of [7n, 9n, 0n, 8n, 7n]) stream.write({ ID });
  expect((await answers(stream, 5)).map(({ ID, TTL }) => [ID, TTL])).toEqual([
    [7n, 60n],
    [9n, 0n],
    [0n, 0n],
    [8n, 30n],
    [7n, 60n],
  ]);
  expect((await timeToLive(7n)).TTL).toBe(60n);
  await finish(stream);
});

test('15: the header of a keep-alive is taken before the renewal', async () => {
  await grant(60n, 7n);
  const stream = keepAlive();
  let revision = 0n;
  const propose = server.replica.propose.bind(server.replica);
  server.replica.propose = async (command, timeoutMs) => {
    server.replica.propose = propose;
    revision = (await client.put({ key: utf8('a') })).header?.revision ?? 0n;
    return propose(command, timeoutMs);
  };
  stream.write({ ID: 7n });
  const [answer] = await answers(stream, 1);
  expect(revision).toBe(2n);
  expect(answer?.header?.revision).toBe(1n);
  await finish(stream);
});

test('15: keep-alives that arrive while one is being ordered go together in the next command', async () => {
  await grant(60n, 7n);
  let commands = 0;
  const propose = server.replica.propose.bind(server.replica);
  server.replica.propose = async (command, timeoutMs) => {
    commands++;
    await delay(20);
    return propose(command, timeoutMs);
  };
  const stream = keepAlive();
  for (let i = 0; i < 5_000; i++) stream.write({ ID: 7n });
  expect(await answers(stream, 5_000)).toHaveLength(5_000);
  expect(commands).toBeLessThan(500);
  await finish(stream);
});

test('a stream of keep-alives ends with the reason when renewals are refused', async () => {
  await grant(60n, 7n);
  server.replica.writeOutcome = { type: 'refused', reason: 'noLeader' };
  const stream = keepAlive();
  stream.write({ ID: 7n });
  expect(await failureOf(stream)).toMatchObject({ code: Code.unavailable, details: 'etcdserver: no leader' });
});

test('hasleader: a stream of keep-alives is cancelled when the leader is lost', async () => {
  await grant(60n, 7n);
  const stream = keepAlive({ hasleader: 'true' });
  stream.write({ ID: 7n });
  await answers(stream, 1);
  const failed = failureOf(stream);
  server.replica.lead({ leader: undefined });
  expect(await failed).toMatchObject({ code: Code.unavailable, details: 'etcdserver: no leader' });
});
