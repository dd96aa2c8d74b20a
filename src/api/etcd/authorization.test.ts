import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AuthClient, as } from '../../../test/support/auth-client.ts';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { deleteRequest, GrpcClient, putRequest, rangeRequest } from '../../../test/support/grpc-client.ts';
import { SingleReplica } from '../../../test/support/single-replica.ts';
import { utf8 } from '../../core/bytes.ts';
import { encodeAuthored, encodeCommand, putOf } from '../../machine/index.ts';
import { SimpleTokens } from '../auth/simple-tokens.ts';
import { leasesSlice } from '../limits.ts';
import { etcdErrors } from './errors.ts';
import { Permission_Type } from './gen/authpb/auth.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { type Policy, policyOf } from './policies.ts';
import { etcdDoor } from './services.ts';

const { READ, WRITE, READWRITE } = Permission_Type;
const ttlMs = 300_000;

let now: number;
let server: TestServer;
let client: GrpcClient;
let auth: AuthClient;
let root: string;

async function start(): Promise<() => Promise<void>> {
  now = 1_000_000;
  server = await serveClients({ tokens: new SimpleTokens({ ttlMs, now: () => now }) });
  client = new GrpcClient(server.server.address);
  auth = new AuthClient(client);
  root = await auth.enableWithRoot('secret');
  return async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.faults).toEqual([]);
  };
}

const key = utf8('a');

const expectFailure = async (answer: Promise<unknown>, expected: keyof typeof etcdErrors): Promise<void> => {
  const { code, message } = etcdErrors[expected];
  expect(await client.failure(answer)).toMatchObject({ code, message });
};

/** The first message of the answer to an empty one, whatever kind of method it is. */
function answerOf(path: string, token?: string): Promise<unknown> {
  const nothing = pb.AuthStatusRequest;
  const call = client.bidi(path, nothing, nothing, as(token));
  return new Promise((resolve, reject) => {
    call.once('data', resolve).once('error', reject).once('end', resolve);
    call.end({});
  }).finally(() => {
    call.on('error', () => undefined);
    call.cancel();
  });
}

/** All methods that the door has, by who may call them. */
function methods(...policies: Policy[]): string[] {
  const { services } = etcdDoor({
    replica: new SingleReplica(),
    schemes: { peer: 'http', client: 'http' },
    tokens: new SimpleTokens({ ttlMs, now: () => 0 }),
    certificateNames: false,
    quotaBytes: undefined,
    progressIntervalMs: 600_000,
    fault: () => undefined,
  });
  return [...services.methods.keys()].filter((path) => policies.includes(policyOf(path)));
}

describe('every method', () => {
  let alice: string;

  beforeAll(async () => {
    const stop = await start();
    await auth.addUser('alice', 'a', root);
    alice = await auth.login('alice', 'a');
    return stop;
  });

  test.each(methods('user', 'root', 'keys'))(
    '%s refuses those who say not who they are, or lie',
    async (path) => {
      await expectFailure(answerOf(path), 'userEmpty');
      await expectFailure(answerOf(path, 'nonsense'), 'invalidAuthToken');
      await expectFailure(answerOf(path, `${root}x`), 'invalidAuthToken');
    },
  );

  test.each(['nonsense', undefined])(
    'a watch is answered, and not its stream ended: token %s',
    async (token) => {
      const call = client.bidi(
        '/etcdserverpb.Watch/Watch',
        pb.WatchRequest,
        pb.WatchResponse,
        token === undefined ? {} : as(token),
      );
      const told: pb.WatchResponse[] = [];
      call.on('error', () => undefined).on('data', (response: pb.WatchResponse) => told.push(response));
      const value = { ...pb.WatchCreateRequest.fromJSON({}), key };
      for (const count of [1, 2]) {
        call.write({ requestUnion: { $case: 'createRequest', value } });
        await expect.poll(() => told.length).toBe(count);
        expect(told.at(-1)).toMatchObject({ created: true, canceled: true, watchId: -1n });
        const { message } = token === undefined ? etcdErrors.userEmpty : etcdErrors.invalidAuthToken;
        expect(told.at(-1)?.cancelReason).toContain(message);
      }
      call.cancel();
    },
  );

  test.each(methods('anybody'))('%s is for anybody', async (path) => {
    const answered = await answerOf(path, 'nonsense').catch((error: { details: string }) => error.details);
    expect([etcdErrors.userEmpty.message, etcdErrors.invalidAuthToken.message]).not.toContain(answered);
  });

  test.each(methods('root'))('%s refuses those who are not root', async (path) => {
    await expectFailure(answerOf(path, alice), 'permissionDenied');
  });

  test('there are all of them', () => {
    expect(methods('user', 'root', 'keys', 'anybody', 'messages').length).toBeGreaterThanOrEqual(42);
  });
});

describe('21: keys', () => {
  let alice: string;

  beforeEach(async () => {
    const stop = await start();
    alice = await auth.addMember('alice', 'a', root);
    await auth.grant('alice', READ, 'r', 's', root);
    await auth.grant('alice', WRITE, 'w', 'x', root);
    await auth.grant('alice', READWRITE, 'both', '', root);
    await client.put({ key: utf8('r1'), value: utf8('1') }, as(root));
    return stop;
  });

  const range = (from: string, to = ''): Promise<pb.RangeResponse> =>
    client.range({ key: utf8(from), rangeEnd: utf8(to) }, as(alice));
  const put = (name: string, but: Partial<pb.PutRequest> = {}): Promise<pb.PutResponse> =>
    client.put({ key: utf8(name), ...but }, as(alice));
  const del = (from: string, to = '', prevKv = false): Promise<pb.DeleteRangeResponse> =>
    client.delete({ key: utf8(from), rangeEnd: utf8(to), prevKv }, as(alice));

  test('reading', async () => {
    expect((await range('r1')).count).toBe(1n);
    expect((await range('r', 's')).count).toBe(1n);
    await range('both');
    for (const denied of [
      range('r', 't'),
      range('q', 's'),
      range('w1'),
      range('r', '\0'),
      range('both', 'bouh'),
    ])
      await expectFailure(denied, 'permissionDenied');
    await expectFailure(client.range({ key: utf8('w1'), serializable: true }, as(alice)), 'permissionDenied');
    expect((await client.range({ key: utf8('\0'), rangeEnd: utf8('\0') }, as(root))).count).toBe(1n);
  });

  test('several permissions together', async () => {
    await auth.roleAdd({ name: 'more' }, root);
    await auth.grant('more', READ, 's', 't', root);
    await expectFailure(range('r', 't'), 'permissionDenied');
    await auth.userGrantRole({ user: 'alice', role: 'more' }, root);
    expect((await range('r', 't')).count).toBe(1n);
  });

  test('writing', async () => {
    await put('w1');
    await put('both', { prevKv: true });
    await expectFailure(put('w1', { prevKv: true }), 'permissionDenied');
    await expectFailure(put('r1'), 'permissionDenied');
    await expectFailure(put('x'), 'permissionDenied');
    await expectFailure(del('w', 'x', true), 'permissionDenied');
    await expectFailure(del('v', 'x'), 'permissionDenied');
    expect((await del('w', 'x')).deleted).toBe(1n);
    expect((await del('both', '', true)).prevKvs).toHaveLength(1);
    expect((await range('r1')).kvs[0]?.modRevision).toBe(2n);
  });

  const op = (value: pb.RequestOp['request']): pb.RequestOp => ({ request: value });
  const reading = (name: string): pb.RequestOp =>
    op({ $case: 'requestRange', value: rangeRequest({ key: utf8(name) }) });
  const writing = (name: string, prevKv = false): pb.RequestOp =>
    op({ $case: 'requestPut', value: putRequest({ key: utf8(name), prevKv }) });
  const deleting = (name: string): pb.RequestOp =>
    op({ $case: 'requestDeleteRange', value: deleteRequest({ key: utf8(name) }) });
  const txn = (request: Partial<pb.TxnRequest>): Promise<pb.TxnResponse> => client.txn(request, as(alice));

  test('transactions: comparisons, both branches, and those inside', async () => {
    await txn({ success: [writing('w1'), reading('r1')], failure: [deleting('w2')] });
    const compare = [{ ...pb.Compare.fromJSON({}), key: utf8('w1') }];
    const inner = { ...pb.TxnRequest.fromJSON({}), success: [reading('no')] };
    for (const denied of [
      txn({ compare, success: [reading('r1')] }),
      txn({ success: [reading('r1')], failure: [reading('no')] }),
      txn({ success: [writing('w1', true)] }),
      txn({ success: [writing('w1')], failure: [deleting('r1')] }),
      txn({ success: [op({ $case: 'requestTxn', value: inner })] }),
      txn({ success: [writing('w1'), op({ $case: 'requestTxn', value: inner })] }),
    ])
      await expectFailure(denied, 'permissionDenied');
  });

  test('a role that is taken away between the door and the order is not used', async () => {
    const { authRevision } = await auth.status({});
    await auth.userRevokeRole({ name: 'alice', role: 'alice' }, root);
    const late = encodeCommand(putOf(utf8('w1'), utf8('late')));
    await server.replica.propose(encodeAuthored({ user: 'alice', authRevision }, late));
    const forged = authRevision + 1n;
    await server.replica.propose(encodeAuthored({ user: 'alice', authRevision: forged }, late));
    await server.replica.propose(late);
    expect((await client.range({ key: utf8('w1') }, as(root))).count).toBe(0n);
    await expectFailure(put('w1'), 'permissionDenied');
  });

  test('rules that change while a request is on its way are told as such', async () => {
    const propose = server.replica.propose.bind(server.replica);
    server.replica.propose = async (command, timeoutMs) => {
      server.replica.propose = propose;
      await auth.roleAdd({ name: 'other' }, root);
      return propose(command, timeoutMs);
    };
    await expectFailure(put('w1'), 'authOldRevision');
    await put('w1');
  });

  const unasked: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['a put', () => client.put({ key })],
    [
      'a compaction',
      () =>
        client.call('/etcdserverpb.KV/Compact', pb.CompactionRequest, pb.CompactionResponse, {
          revision: 1n,
          physical: false,
        }),
    ],
    [
      'an alarm',
      () =>
        client.call('/etcdserverpb.Maintenance/Alarm', pb.AlarmRequest, pb.AlarmResponse, {
          action: pb.AlarmRequest_AlarmAction.ACTIVATE,
          memberID: BigInt(server.replica.status().memberId),
          alarm: pb.AlarmType.NOSPACE,
        }),
    ],
    [
      'a keep-alive',
      () =>
        new Promise((resolve, reject) => {
          const { LeaseKeepAliveRequest, LeaseKeepAliveResponse } = pb;
          const path = '/etcdserverpb.Lease/LeaseKeepAlive';
          const call = client.bidi(path, LeaseKeepAliveRequest, LeaseKeepAliveResponse);
          call.once('data', resolve).once('error', reject);
          call.end({ ID: 1n });
        }),
    ],
  ];

  test.each(unasked)(
    '%s that was let through before users were asked for is refused',
    async (_name, request) => {
      await auth.disable({}, root);
      const propose = server.replica.propose.bind(server.replica);
      server.replica.propose = async (command, timeoutMs) => {
        server.replica.propose = propose;
        await auth.enable({});
        return propose(command, timeoutMs);
      };
      await expectFailure(request(), 'userEmpty');
    },
  );
});

describe('21: leases', () => {
  let alice: string;
  let lease: bigint;

  beforeEach(async () => {
    const stop = await start();
    alice = await auth.addMember('alice', 'a', root);
    await auth.grant('alice', READWRITE, 'mine', '', root);
    lease = (await grant(alice)).ID;
    return stop;
  });

  const grant = (token: string): Promise<pb.LeaseGrantResponse> =>
    client.call(
      '/etcdserverpb.Lease/LeaseGrant',
      pb.LeaseGrantRequest,
      pb.LeaseGrantResponse,
      { ID: 0n, TTL: 100n },
      as(token),
    );
  const revoke = (token: string): Promise<unknown> =>
    client.call(
      '/etcdserverpb.Lease/LeaseRevoke',
      pb.LeaseRevokeRequest,
      pb.LeaseRevokeResponse,
      { ID: lease },
      as(token),
    );
  const timeToLive = (token: string, keys: boolean): Promise<pb.LeaseTimeToLiveResponse> =>
    client.call(
      '/etcdserverpb.Lease/LeaseTimeToLive',
      pb.LeaseTimeToLiveRequest,
      pb.LeaseTimeToLiveResponse,
      { ID: lease, keys },
      as(token),
    );
  const all = (token: string): Promise<pb.LeaseLeasesResponse> =>
    client.call(
      '/etcdserverpb.Lease/LeaseLeases',
      pb.LeaseLeasesRequest,
      pb.LeaseLeasesResponse,
      {},
      as(token),
    );
  const keepAlive = (token: string): Promise<pb.LeaseKeepAliveResponse> =>
    new Promise((resolve, reject) => {
      const call = client.bidi(
        '/etcdserverpb.Lease/LeaseKeepAlive',
        pb.LeaseKeepAliveRequest,
        pb.LeaseKeepAliveResponse,
        as(token),
      );
      call.once('data', resolve).once('error', reject);
      call.end({ ID: lease });
    });

  test('whoever may write the keys of a lease may keep, end and use it', async () => {
    await client.put({ key: utf8('mine'), lease }, as(alice));
    expect((await keepAlive(alice)).TTL).toBe(100n);
    expect((await timeToLive(alice, true)).keys).toEqual([utf8('mine')]);
    expect((await all(alice)).leases).toEqual([{ ID: lease }]);
    await revoke(alice);
  });

  test('all of them, however many, are for whoever may read all of their keys', async () => {
    const grant = (ID: bigint): Promise<pb.LeaseGrantResponse> =>
      client.call(
        '/etcdserverpb.Lease/LeaseGrant',
        pb.LeaseGrantRequest,
        pb.LeaseGrantResponse,
        { ID, TTL: 100n },
        as(root),
      );
    const ids = Array.from({ length: leasesSlice + 10 }, (_, at) => BigInt(1_000_000 + at));
    await Promise.all(ids.map(grant));
    expect((await all(alice)).leases.length).toBe(ids.length + 1);
    await client.put({ key: utf8('other'), lease: ids.at(-1) ?? 0n }, as(root));
    await expectFailure(all(alice), 'permissionDenied');
    expect((await all(root)).leases.length).toBe(ids.length + 1);
  });

  test('a key of somebody else on it is in the way', async () => {
    await client.put({ key: utf8('other'), lease }, as(root));
    await expectFailure(keepAlive(alice), 'permissionDenied');
    await expectFailure(timeToLive(alice, true), 'permissionDenied');
    expect((await timeToLive(alice, false)).grantedTTL).toBe(100n);
    await expectFailure(all(alice), 'permissionDenied');
    await expectFailure(client.put({ key: utf8('mine'), lease }, as(alice)), 'permissionDenied');
    await expectFailure(revoke(alice), 'permissionDenied');
    expect((await client.range({ key: utf8('other') }, as(root))).count).toBe(1n);
    await revoke(root);
  });
});

describe('tokens', () => {
  beforeEach(start);

  test('live for their time, and longer where they are used', async () => {
    await auth.addUser('alice', 'a', root);
    const alice = await auth.login('alice', 'a');
    const unused = await auth.login('alice', 'a');
    now += ttlMs - 1;
    await auth.userGet({ name: 'alice' }, alice);
    now += ttlMs - 1;
    await auth.userGet({ name: 'alice' }, alice);
    await expectFailure(auth.userGet({ name: 'alice' }, unused), 'invalidAuthToken');
    now += ttlMs;
    await expectFailure(auth.userGet({ name: 'alice' }, alice), 'invalidAuthToken');
    await expectFailure(auth.userGet({ name: 'alice' }, alice), 'invalidAuthToken');
  });

  test('outlive changes of the rules', async () => {
    await auth.addUser('alice', 'a', root);
    const alice = await auth.login('alice', 'a');
    await auth.roleAdd({ name: 'r' }, root);
    await auth.userGrantRole({ user: 'alice', role: 'r' }, root);
    expect((await auth.userGet({ name: 'alice' }, alice)).roles).toEqual(['r']);
    expect((await auth.roleGet({ role: 'r' }, alice)).perm).toEqual([]);
    await expectFailure(auth.roleGet({ role: 'root' }, alice), 'permissionDenied');
    await expectFailure(auth.userGet({ name: 'root' }, alice), 'permissionDenied');
  });

  test('end when users are no longer asked for', async () => {
    await auth.disable({}, root);
    await auth.enable({});
    await expectFailure(auth.userList({}, root), 'invalidAuthToken');
    await auth.userList({}, await auth.login('root', 'secret'));
  });

  test('are taken as HTTP sends them', async () => {
    for (const authorization of [root, `Bearer ${root}`, `bearer ${root}`])
      await client.put({ key }, { metadata: { authorization } });
  });

  test('are taken by the gateway', async () => {
    const url = `http://${server.server.address}/v3/kv/range`;
    const get = (headers: Record<string, string>): Promise<Response> =>
      fetch(url, { method: 'POST', body: '{"key":"YQ=="}', headers });
    expect((await get({})).status).toBe(400);
    expect((await get({ authorization: 'nonsense' })).status).toBe(401);
    expect((await get({ authorization: root })).status).toBe(200);
  });
});
