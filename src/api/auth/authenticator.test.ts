import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { credentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AuthClient, as } from '../../../test/support/auth-client.ts';
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  opensslPresent,
} from '../../../test/support/certificates.ts';
import { serveClients } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { SingleReplica } from '../../../test/support/single-replica.ts';
import { utf8 } from '../../core/bytes.ts';
import {
  type AuthChange,
  encodeAuthored,
  encodeCommand,
  machineView,
  readAuthState,
} from '../../machine/index.ts';
import { etcdErrors } from '../etcd/errors.ts';
import { Permission_Type } from '../etcd/gen/authpb/auth.ts';
import * as pb from '../etcd/gen/etcdserverpb/rpc.ts';
import type { Call } from '../rpc/rpc.ts';
import { Authenticator, invalidAuthToken } from './authenticator.ts';
import { JwtTokens } from './jwt-tokens.ts';
import { SimpleTokens } from './simple-tokens.ts';

const ttlMs = 300_000;

const callWith = (metadata: Record<string, string>, certificateName?: string): Call => ({
  method: '/test',
  metadata: (key) => metadata[key],
  remainingMs: () => undefined,
  cancelled: false,
  certificateName,
});

async function order(replica: SingleReplica, ...changes: readonly AuthChange[]): Promise<void> {
  for (const change of changes) await replica.propose(encodeCommand({ type: 'auth', change }));
}

async function asRoot(replica: SingleReplica, change: AuthChange): Promise<void> {
  const authRevision = rules(replica).revision;
  await replica.propose(
    encodeAuthored({ user: 'root', authRevision }, encodeCommand({ type: 'auth', change })),
  );
}

const password = utf8('a hash');

async function replicaWithUsers(): Promise<SingleReplica> {
  const replica = new SingleReplica();
  await order(
    replica,
    { type: 'addUser', user: 'root', password },
    { type: 'grantRole', user: 'root', role: 'root' },
    { type: 'addUser', user: 'alice', password },
    { type: 'enable', secret: randomBytes(32) },
  );
  return replica;
}

const rules = (replica: SingleReplica): ReturnType<typeof readAuthState> =>
  readAuthState(machineView(replica.store));

describe('who makes a call', () => {
  const now = (): number => 0;

  test('nobody in particular, while nobody is asked', async () => {
    const replica = new SingleReplica();
    const authenticator = new Authenticator(replica, new SimpleTokens({ ttlMs, now }), true);
    expect(authenticator.identify(callWith({ token: 'nonsense' }, 'alice'))).toBeUndefined();
  });

  test('a token before a certificate, a certificate only where it counts', async () => {
    const replica = await replicaWithUsers();
    const tokens = new SimpleTokens({ ttlMs, now });
    const token = await tokens.issue('alice', rules(replica));
    const authRevision = rules(replica).revision;
    const strict = new Authenticator(replica, tokens, true);
    expect(strict.identify(callWith({ token }, 'root'))).toEqual({ user: 'alice', authRevision });
    expect(strict.identify(callWith({ authorization: `Bearer ${token}` }))).toEqual({
      user: 'alice',
      authRevision,
    });
    expect(strict.identify(callWith({}, 'root'))).toEqual({ user: 'root', authRevision });
    expect(strict.identify(callWith({ token: 'nonsense' }, 'root'))).toBe(invalidAuthToken);
    const lax = new Authenticator(replica, tokens, false);
    expect(lax.identify(callWith({}, 'root'))).toBeUndefined();
  });

  test('a replica that is behind asks the others before it judges a token', async () => {
    const replica = await replicaWithUsers();
    const tokens = new SimpleTokens({ ttlMs, now });
    const authenticator = new Authenticator(replica, tokens, false);
    const { revision, ...others } = rules(replica);
    const token = await tokens.issue('bob', { ...others, revision: revision + 1n });
    const read = replica.read.bind(replica);
    replica.read = async (consistency, timeoutMs) => {
      await asRoot(replica, { type: 'addUser', user: 'bob', password });
      return read(consistency, timeoutMs);
    };
    expect(await authenticator.identify(callWith({ token }))).toEqual({
      user: 'bob',
      authRevision: revision + 1n,
    });
    expect(replica.lastConsistency).toBe('linearizable');
  });

  test('a token that the others do not know either is none', async () => {
    const replica = await replicaWithUsers();
    const tokens = new SimpleTokens({ ttlMs, now });
    const authenticator = new Authenticator(replica, tokens, false);
    const token = await tokens.issue('alice', { ...rules(replica), revision: 99n });
    expect(await authenticator.identify(callWith({ token }))).toBe(invalidAuthToken);
    replica.readOutcome = { type: 'refused', reason: 'noLeader' };
    expect(await authenticator.identify(callWith({ token }))).toBe(invalidAuthToken);
  });
});

test('tokens that claim to be newer, however many, cost one read at a time', async () => {
  const replica = await replicaWithUsers();
  const tokens = new SimpleTokens({ ttlMs, now: () => 0 });
  const authenticator = new Authenticator(replica, tokens, false);
  const forged = { ...rules(replica), revision: 99n, secret: randomBytes(32) };
  const read = replica.read.bind(replica);
  let [underWay, most] = [0, 0];
  replica.read = async (consistency, timeoutMs) => {
    most = Math.max(most, ++underWay);
    await new Promise((resolve) => setImmediate(resolve));
    underWay--;
    return read(consistency, timeoutMs);
  };
  const call = async (): Promise<unknown> =>
    authenticator.identify(callWith({ token: await tokens.issue('root', forged) }));
  const callers = await Promise.all(Array.from({ length: 100 }, call));
  expect(new Set(callers)).toEqual(new Set([invalidAuthToken]));
  expect(most).toBe(1);
  expect(replica.reads).toBe(2);
  await call();
  expect(replica.reads).toBe(3);
});

describe('JSON Web Tokens at the door', () => {
  const pair = generateKeyPairSync('ed25519');
  const tokens = (signing: boolean): JwtTokens =>
    new JwtTokens({
      signMethod: 'EdDSA',
      signingKey: signing ? pair.privateKey : undefined,
      verifyingKey: pair.publicKey,
      ttlMs,
      now: Date.now,
    });

  test('count for the rules of their time, but for administration', async () => {
    await using server = await serveClients({ tokens: tokens(true) });
    await using client = new GrpcClient(server.server.address);
    const auth = new AuthClient(client);
    const root = await auth.enableWithRoot('secret');
    await client.put({ key: utf8('a') }, as(root));
    const alice = await auth.addMember('alice', 'a', root);
    const { code, message } = etcdErrors.authOldRevision;
    expect(await client.failure(client.put({ key: utf8('a') }, as(root)))).toMatchObject({ code, message });
    expect(await client.failure(client.range({ key: utf8('a') }, as(root)))).toMatchObject({ code, message });
    await auth.grant('alice', Permission_Type.READ, 'a', '', root);
    expect(await client.failure(client.range({ key: utf8('a') }, as(alice)))).toMatchObject({
      code,
      message,
    });
    const again = await auth.login('alice', 'a');
    expect((await client.range({ key: utf8('a') }, as(again))).count).toBe(1n);
  });

  test('a stream waits until its token was looked at', async () => {
    await using server = await serveClients({ tokens: tokens(true) });
    await using client = new GrpcClient(server.server.address);
    const auth = new AuthClient(client);
    const root = await auth.enableWithRoot('secret');
    const watch = (token: string, key: string): Promise<pb.WatchResponse> =>
      new Promise((resolve, reject) => {
        const call = client.bidi('/etcdserverpb.Watch/Watch', pb.WatchRequest, pb.WatchResponse, as(token));
        const create = { ...pb.WatchCreateRequest.fromJSON({}), key: utf8(key) };
        call.once('data', resolve).once('error', reject);
        call.write({ requestUnion: { $case: 'createRequest', value: create } });
      });
    expect(await watch(root, 'a')).toMatchObject({ created: true, canceled: false, watchId: 0n });
    const alice = await auth.addMember('alice', 'a', root);
    expect(await watch(alice, 'a')).toMatchObject({
      created: true,
      canceled: true,
      watchId: -1n,
      cancelReason: expect.stringContaining(etcdErrors.permissionDenied.message),
    });
    expect((await watch('nonsense', 'a')).cancelReason).toContain(etcdErrors.invalidAuthToken.message);
    expect((await watch('', 'a')).cancelReason).toContain(etcdErrors.invalidAuthToken.message);
    const keepAlive = new Promise((resolve, reject) => {
      client
        .bidi(
          '/etcdserverpb.Lease/LeaseKeepAlive',
          pb.LeaseKeepAliveRequest,
          pb.LeaseKeepAliveResponse,
          as('x'),
        )
        .once('data', resolve)
        .once('error', reject)
        .end({ ID: 1n });
    });
    expect(await client.failure(keepAlive)).toMatchObject({ code: etcdErrors.invalidAuthToken.code });
    expect(server.faults).toEqual([]);
  });

  test('a replica without the private key says that it cannot issue any', async () => {
    await using server = await serveClients({ tokens: tokens(false) });
    await using client = new GrpcClient(server.server.address);
    const auth = new AuthClient(client);
    expect(await client.failure(auth.enableWithRoot('secret'))).toMatchObject({
      message: 'auth: token signing attempted with verify-only key',
    });
    const token = await tokens(true).issue('root', rules(server.replica));
    await client.put({ key: utf8('a') }, as(token));
  });
});

describe.skipIf(!opensslPresent())('names in certificates', () => {
  let directory: string;
  let authority: Certificate;
  let server: Certificate;
  let alice: Certificate;

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'quorate-names-'));
    authority = makeAuthority(directory, 'authority');
    server = makeCertificate(directory, 'server', authority);
    alice = makeCertificate(directory, 'alice', authority);
  });

  afterAll(() => rmSync(directory, { recursive: true }));

  const post = (address: string, where: string, body: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const url = new URL(`https://${address}${where}`);
      request(url, { method: 'POST', ca: authority.cert, cert: alice.cert, key: alice.key }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end(body);
    });

  test.each([
    [true, 'permission denied'],
    [false, 'user name is empty'],
  ])('with client-cert-auth %s', async (clientCertAuth, refusal) => {
    const tls = { cert: server.cert, key: server.key, trustedCa: authority.cert, clientCertAuth };
    await using port = await serveClients({ tls });
    const channel = credentials.createSsl(authority.cert, alice.key, alice.cert);
    await using client = new GrpcClient(port.server.address, channel);
    const auth = new AuthClient(client);
    const root = await auth.enableWithRoot('secret');
    await auth.addMember('alice', 'a', root);
    await auth.grant('alice', Permission_Type.READWRITE, 'mine', '', root);
    const put = (key: string): Promise<unknown> => client.put({ key: utf8(key) });
    expect((await client.failure(put('yours'))).message).toContain(refusal);
    if (clientCertAuth) await put('mine');
    const key = Buffer.from('mine').toString('base64');
    const status = await post(port.server.address, '/v3/kv/put', JSON.stringify({ key }));
    expect(status).toBe(clientCertAuth ? 200 : 400);
    expect(port.faults).toEqual([]);
  });
});
