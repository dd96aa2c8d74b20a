import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { type CallOptions, GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { Code } from '../rpc/rpc.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { LockRequest, LockResponse, UnlockRequest, UnlockResponse } from './gen/v3lockpb/v3lock.ts';

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

const grant = async (ID: bigint): Promise<bigint> => {
  await client.call('/etcdserverpb.Lease/LeaseGrant', pb.LeaseGrantRequest, pb.LeaseGrantResponse, {
    ID,
    TTL: 60n,
  });
  return ID;
};
const revoke = (ID: bigint): Promise<unknown> =>
  client.call('/etcdserverpb.Lease/LeaseRevoke', pb.LeaseRevokeRequest, pb.LeaseRevokeResponse, { ID });
const lock = (name: string, lease: bigint, options?: CallOptions): Promise<LockResponse> =>
  client.call('/v3lockpb.Lock/Lock', LockRequest, LockResponse, { name: utf8(name), lease }, options);
const unlock = (key: Uint8Array): Promise<UnlockResponse> =>
  client.call('/v3lockpb.Lock/Unlock', UnlockRequest, UnlockResponse, { key });
const keys = async (): Promise<string[]> =>
  (await client.range({ key: utf8('\0'), rangeEnd: utf8('\0') })).kvs.map(({ key }) => utf8Text(key));

/** What has been settled so far, by name. */
function record<T>(calls: Readonly<Record<string, Promise<T>>>): string[] {
  const settled: string[] = [];
  for (const [name, call] of Object.entries(calls))
    void call.then(
      () => settled.push(name),
      () => {},
    );
  return settled;
}

test('22: the key of a lock is its name and the lease in hexadecimal', async () => {
  const { key, header } = await lock('l', await grant(0xabcn));
  expect(utf8Text(key)).toBe('l/abc');
  expect(header?.revision).toBe(2n);
  expect(await keys()).toEqual(['l/abc']);
});

test('22: those who wait get the lock in the order in which they came', async () => {
  const first = await lock('l', await grant(1n));
  const second = lock('l', await grant(3n));
  await expect.poll(keys).toEqual(['l/1', 'l/3']);
  const third = lock('l', await grant(2n));
  await expect.poll(keys).toEqual(['l/1', 'l/2', 'l/3']);
  const settled = record({ second, third });
  await lock('another', await grant(4n));
  expect(settled).toEqual([]);
  await unlock(first.key);
  const { key } = await second;
  expect(settled).toEqual(['second']);
  await unlock(key);
  await third;
});

test('22: the lock passes on when the lease of its holder ends', async () => {
  await lock('l', await grant(1n));
  const second = lock('l', await grant(2n));
  await expect.poll(keys).toEqual(['l/1', 'l/2']);
  await revoke(1n);
  expect(utf8Text((await second).key)).toBe('l/2');
});

test('22: locking again with the same lease changes nothing', async () => {
  const { key } = await lock('l', await grant(1n));
  const again = await lock('l', 1n);
  expect(again.key).toEqual(key);
  expect(again.header?.revision).toBe(2n);
});

test('22: without a lease the server grants one of a minute', async () => {
  const { key } = await lock('l', 0n);
  const lease = BigInt(`0x${utf8Text(key).slice(2)}`);
  const { TTL } = await client.call(
    '/etcdserverpb.Lease/LeaseTimeToLive',
    pb.LeaseTimeToLiveRequest,
    pb.LeaseTimeToLiveResponse,
    { ID: lease, keys: false },
  );
  expect(TTL).toBe(60n);
});

test('22: whoever loses his place while he waits does not get the lock (etcd 11408)', async () => {
  const first = await lock('l', await grant(1n));
  const second = client.failure(lock('l', await grant(2n)));
  await expect.poll(keys).toEqual(['l/1', 'l/2']);
  await revoke(2n);
  await unlock(first.key);
  expect(await second).toMatchObject({ code: Code.unknown, message: 'mutex: session is expired' });
});

test('22: a place that is lost and taken again by the same lease is another place', async () => {
  const first = await lock('l', await grant(1n));
  const second = client.failure(lock('l', await grant(2n)));
  await expect.poll(keys).toEqual(['l/1', 'l/2']);
  await client.delete({ key: utf8('l/2') });
  await client.put({ key: utf8('l/2'), lease: 2n });
  await unlock(first.key);
  expect(await second).toMatchObject({ code: Code.unknown });
});

test('22: a lease that is not there takes no lock', async () => {
  expect(await client.failure(lock('l', 7n))).toMatchObject({
    code: Code.notFound,
    message: 'etcdserver: requested lease not found',
  });
  expect(await keys()).toEqual([]);
});

test('22: whoever gives up waiting gives up the place', async () => {
  await lock('l', await grant(1n));
  const failed = await client.failure(lock('l', await grant(2n), { timeoutMs: 300 }));
  expect(failed.code).toBe(Code.deadlineExceeded);
  await expect.poll(keys).toEqual(['l/1']);
});

test('22: one of two calls with the same lease that gives up leaves the place to the other', async () => {
  const first = await lock('l', await grant(1n));
  const patient = lock('l', await grant(2n));
  await expect.poll(keys).toEqual(['l/1', 'l/2']);
  await client.failure(lock('l', 2n, { timeoutMs: 300 }));
  // Long enough for the one that gave up to have been noticed.
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(await keys()).toEqual(['l/1', 'l/2']);
  await unlock(first.key);
  await patient;
});

test('the gateway serves locks, with names in base64', async () => {
  const base = `http://${server.server.address}/v3`;
  const post = async (path: string, body: unknown): Promise<{ status: number; body: { key?: string } }> => {
    const response = await fetch(base + path, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as { key?: string } };
  };
  await grant(1n);
  const name = Buffer.from('l').toString('base64');
  const { body } = await post('/lock/lock', { name, lease: '1' });
  expect(Buffer.from(body.key ?? '', 'base64').toString()).toBe('l/1');
  expect((await post('/lock/lock', { name: 'not base64!', lease: '1' })).status).toBe(400);
  expect((await post('/lock/unlock', { key: body.key })).status).toBe(200);
  expect(await keys()).toEqual([]);
});

test('the gateway: whoever goes away while he waits gives up the place', async () => {
  await lock('l', await grant(1n));
  await grant(2n);
  const abort = new AbortController();
  const body = JSON.stringify({ name: Buffer.from('l').toString('base64'), lease: '2' });
  const waiting = fetch(`http://${server.server.address}/v3/lock/lock`, {
    method: 'POST',
    body,
    signal: abort.signal,
  });
  await expect.poll(keys).toEqual(['l/1', 'l/2']);
  abort.abort();
  await expect(waiting).rejects.toThrow();
  await expect.poll(keys, { timeout: 10_000 }).toEqual(['l/1']);
});
