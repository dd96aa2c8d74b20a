import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { keyErrorCodes } from '../../machine/key-space/index.ts';
import type { RefusedReason, UnknownReason } from '../../replica/types.ts';
import { Code } from '../rpc/rpc.ts';
import { keyFailure } from './errors.ts';

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

const key = utf8('a');

const refusals: readonly (readonly [RefusedReason, Code, string])[] = [
  ['overloaded', Code.resourceExhausted, 'etcdserver: too many requests'],
  ['storageFull', Code.resourceExhausted, 'etcdserver: mvcc: database space exceeded'],
  ['tooLarge', Code.invalidArgument, 'etcdserver: request is too large'],
  ['noLeader', Code.unavailable, 'etcdserver: no leader'],
  ['notReady', Code.unavailable, 'etcdserver: no leader'],
  ['notLeader', Code.unavailable, 'etcdserver: leader changed'],
  ['transferring', Code.unavailable, 'etcdserver: leader changed'],
  ['stopping', Code.unavailable, 'etcdserver: server stopped'],
  ['unsupported', Code.failedPrecondition, 'etcdserver: not capable'],
];

test.each(refusals)(
  '5: a refusal, %s, has etcd’s code and text, and says in a trailer that nothing happened',
  async (reason, code, message) => {
    server.replica.writeOutcome = { type: 'refused', reason };
    server.replica.readOutcome = { type: 'refused', reason };
    const expected = { code, message, outcome: 'refused' };
    expect(await client.failure(client.put({ key }))).toEqual(expected);
    expect(await client.failure(client.range({ key }))).toEqual(expected);
  },
);

const unknowns: readonly (readonly [UnknownReason, string])[] = [
  ['timeout', 'etcdserver: request timed out'],
  ['stopped', 'etcdserver: server stopped'],
  ['resultLost', 'etcdserver: request timed out, possibly due to connection lost'],
];

test.each(unknowns)('23: an outcome that is unknown by %s says so in a trailer', async (reason, message) => {
  server.replica.writeOutcome = { type: 'unknown', reason };
  const expected = { code: Code.unavailable, message, outcome: 'unknown' };
  expect(await client.failure(client.put({ key }))).toEqual(expected);
  expect(await client.failure(client.delete({ key }))).toEqual(expected);
});

test('23: a read that timed out had no effect', async () => {
  server.replica.readOutcome = { type: 'refused', reason: 'timeout' };
  expect(await client.failure(client.range({ key }))).toEqual({
    code: Code.unavailable,
    message: 'etcdserver: request timed out',
    outcome: 'refused',
  });
});

test('every refusal of the key space has a code and a text', () => {
  for (const code of keyErrorCodes) expect(keyFailure(code).message).not.toBe('');
});

test('a client that requires a leader is told at once that there is none', async () => {
  server.replica.troubles = { leader: undefined };
  const options = { metadata: { hasleader: 'true' } };
  const expected = { code: Code.unavailable, message: 'etcdserver: no leader' };
  expect(await client.failure(client.put({ key }, options))).toMatchObject(expected);
  expect(await client.failure(client.range({ key }, options))).toMatchObject(expected);
  expect((await client.put({ key })).header?.revision).toBe(2n);
});

test('the client’s deadline bounds how long the cluster is asked', async () => {
  await client.put({ key }, { timeoutMs: 2_000 });
  expect(server.replica.lastTimeoutMs).toBeGreaterThan(0);
  expect(server.replica.lastTimeoutMs).toBeLessThanOrEqual(2_000);
  await client.put({ key }, { timeoutMs: 3_600_000 });
  expect(server.replica.lastTimeoutMs).toBe(7_000);
  await client.range({ key });
  expect(server.replica.lastTimeoutMs).toBe(7_000);
});
