import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { Code } from '../rpc/rpc.ts';
import * as etcd from './gen/etcdserverpb/rpc.ts';
import * as pb from './gen/v3electionpb/v3election.ts';

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

const name = utf8('e');
const grant = async (ID: bigint): Promise<bigint> => {
  await client.call('/etcdserverpb.Lease/LeaseGrant', etcd.LeaseGrantRequest, etcd.LeaseGrantResponse, {
    ID,
    TTL: 60n,
  });
  return ID;
};
const revoke = (ID: bigint): Promise<unknown> =>
  client.call('/etcdserverpb.Lease/LeaseRevoke', etcd.LeaseRevokeRequest, etcd.LeaseRevokeResponse, { ID });
const campaign = async (lease: bigint, value: string): Promise<pb.LeaderKey> => {
  const path = '/v3electionpb.Election/Campaign';
  const { leader } = await client.call(path, pb.CampaignRequest, pb.CampaignResponse, {
    name,
    lease,
    value: utf8(value),
  });
  if (leader === undefined) throw new Error('a campaign was won without a key');
  return leader;
};
const proclaim = (leader: pb.LeaderKey | undefined, value: string): Promise<pb.ProclaimResponse> =>
  client.call('/v3electionpb.Election/Proclaim', pb.ProclaimRequest, pb.ProclaimResponse, {
    leader,
    value: utf8(value),
  });
const resign = (leader: pb.LeaderKey | undefined): Promise<pb.ResignResponse> =>
  client.call('/v3electionpb.Election/Resign', pb.ResignRequest, pb.ResignResponse, { leader });
const leader = (): Promise<pb.LeaderResponse> =>
  client.call('/v3electionpb.Election/Leader', pb.LeaderRequest, pb.LeaderResponse, { name });
const observe = (): AsyncGenerator<pb.LeaderResponse> =>
  client.stream('/v3electionpb.Election/Observe', pb.LeaderRequest, pb.LeaderResponse, { name });
const proclaimed = async (): Promise<string> => utf8Text((await leader()).kv?.value ?? utf8('nobody'));
const candidates = async (): Promise<bigint> =>
  (await client.range({ key: utf8('e/'), rangeEnd: utf8('e0') })).count;

test('22: a campaign that is won has name, key, revision and lease', async () => {
  await grant(0xabcn);
  expect(await campaign(0xabcn, 'a')).toEqual({
    name,
    key: utf8('e/abc'),
    rev: 2n,
    lease: 0xabcn,
  });
  expect(await proclaimed()).toBe('a');
});

test('22: the next candidate wins when the leader resigns, and the next when his lease ends', async () => {
  const first = await campaign(await grant(1n), 'a');
  const second = campaign(await grant(3n), 'b');
  await expect.poll(candidates).toBe(2n);
  const third = campaign(await grant(2n), 'c');
  await expect.poll(candidates).toBe(3n);
  expect(await proclaimed()).toBe('a');
  await resign(first);
  await second;
  expect(await proclaimed()).toBe('b');
  await revoke(3n);
  await third;
  expect(await proclaimed()).toBe('c');
});

test('22: the leader proclaims; whoever is not the leader any more does not', async () => {
  const key = await campaign(await grant(1n), 'a');
  await proclaim(key, 'b');
  expect(await proclaimed()).toBe('b');
  await resign(key);
  const expected = { code: Code.unknown, message: 'election: not leader' };
  expect(await client.failure(proclaim(key, 'c'))).toMatchObject(expected);
  const again = await campaign(1n, 'd');
  expect(again.key).toEqual(key.key);
  expect(await client.failure(proclaim(key, 'c'))).toMatchObject(expected);
  // To resign from what is over is no failure, and changes nothing.
  await resign(key);
  expect(await proclaimed()).toBe('d');
});

test('22: campaigning again with the same lease proclaims the new value', async () => {
  const key = await campaign(await grant(1n), 'a');
  expect(await campaign(1n, 'b')).toEqual(key);
  expect(await proclaimed()).toBe('b');
});

test('22: without a leader there is none, and without a key there is nothing to do', async () => {
  expect(await client.failure(leader())).toMatchObject({
    code: Code.unknown,
    message: 'election: no leader',
  });
  const missing = { code: Code.unknown, message: '"leader" field must be provided' };
  expect(await client.failure(proclaim(undefined, 'a'))).toMatchObject(missing);
  expect(await client.failure(resign(undefined))).toMatchObject(missing);
});

test('22: a candidate whose lease ends while he waits does not win', async () => {
  const first = await campaign(await grant(1n), 'a');
  const second = client.failure(campaign(await grant(2n), 'b'));
  await expect.poll(candidates).toBe(2n);
  await revoke(2n);
  await resign(first);
  expect(await second).toMatchObject({ code: Code.unknown, message: 'election: session is expired' });
});

test('22: whoever observes sees the leader, and each proclamation and change of the leader, in order', async () => {
  const first = await campaign(await grant(1n), 'a');
  const observed = observe();
  const next = async (): Promise<string> => utf8Text((await observed.next()).value?.kv.value ?? utf8('none'));
  expect(await next()).toBe('a');
  const second = campaign(await grant(2n), 'x');
  await expect.poll(candidates).toBe(2n);
  for (let i = 0; i < 20; i++) await proclaim(first, `a${i}`);
  await client.put({ key: utf8('f') });
  await resign(first);
  await proclaim(await second, 'y');
  for (let i = 0; i < 20; i++) expect(await next()).toBe(`a${i}`);
  expect([await next(), await next()]).toEqual(['x', 'y']);
  await observed.return(undefined);
});

test('22: whoever observes before there is a leader sees the first one', async () => {
  const observed = observe();
  const first = observed.next();
  await campaign(await grant(1n), 'a');
  expect(utf8Text((await first).value?.kv.value)).toBe('a');
  await observed.return(undefined);
});
