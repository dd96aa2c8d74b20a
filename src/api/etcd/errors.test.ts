import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { keyErrorCodes } from '../../machine/key-space/index.ts';
import type { RefusedReason, UnknownReason } from '../../replica/types.ts';
import { Code } from '../rpc/rpc.ts';
import { etcdErrors, keyFailure } from './errors.ts';

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

/** What clients match on, as published; a change here breaks them. */
const published: Readonly<Record<string, readonly string[]>> = {
  invalidArgument: [
    'etcdserver: key is not provided',
    'etcdserver: key not found',
    'etcdserver: value is provided',
    'etcdserver: lease is provided',
    'etcdserver: too many operations in txn request',
    'etcdserver: duplicate key given in txn request',
    'etcdserver: invalid sort option',
    'etcdserver: request is too large',
    'etcdserver: given member URLs are invalid',
    'etcdserver: user name is empty',
    'etcdserver: role name is empty',
    'etcdserver: authentication failed, invalid user ID or password',
    'etcdserver: permission not given',
    'etcdserver: invalid auth management',
    'etcdserver: revision of auth store is old',
    'etcdserver: wrong downgrade target version format',
    'etcdserver: invalid downgrade target version',
  ],
  outOfRange: [
    'etcdserver: mvcc: required revision has been compacted',
    'etcdserver: mvcc: required revision is a future revision',
    'etcdserver: too large lease TTL',
  ],
  resourceExhausted: ['etcdserver: mvcc: database space exceeded', 'etcdserver: too many requests'],
  dataLoss: ['etcdserver: corrupt cluster'],
  notFound: ['etcdserver: requested lease not found', 'etcdserver: member not found'],
  failedPrecondition: [
    'etcdserver: lease already exists',
    'etcdserver: member ID already exist',
    'etcdserver: Peer URLs already exists',
    'etcdserver: re-configuration failed due to not enough started members',
    'etcdserver: can only promote a learner member',
    'etcdserver: can only promote a learner member which is in sync with leader',
    'etcdserver: too many learner members in cluster',
    'etcdserver: rpc not supported for learner',
    'etcdserver: bad leader transferee',
    'etcdserver: root user does not exist',
    'etcdserver: root user does not have root role',
    'etcdserver: user name already exists',
    'etcdserver: user name not found',
    'etcdserver: role name already exists',
    'etcdserver: role name not found',
    'etcdserver: role is not granted to the user',
    'etcdserver: permission is not granted to the role',
    'etcdserver: authentication is not enabled',
    'etcdserver: not leader',
    'etcdserver: not capable',
    'etcdserver: no inflight downgrade job',
  ],
  permissionDenied: ['etcdserver: permission denied'],
  unauthenticated: ['etcdserver: invalid auth token'],
  unavailable: [
    'etcdserver: no leader',
    'etcdserver: leader changed',
    'etcdserver: server stopped',
    'etcdserver: request timed out',
    'etcdserver: request timed out, possibly due to connection lost',
    'etcdserver: unhealthy cluster',
    'etcdserver: request timed out, leader transfer took too long',
  ],
  cancelled: ['etcdserver: request canceled'],
  unknown: [
    'mutex: session is expired',
    'election: session is expired',
    'election: not leader',
    'election: no leader',
    '"leader" field must be provided',
  ],
};

test('5: every error has the code and the text that clients match on', () => {
  const ours: Record<string, string[]> = {};
  for (const { code, message } of Object.values(etcdErrors)) {
    const name = Object.entries(Code).find(([, number]) => number === code)?.[0] ?? '';
    ours[name] = [...(ours[name] ?? []), message];
  }
  expect(ours).toEqual(published);
});
