import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import {
  header,
  Refusal,
  type Script,
  ScriptedEtcd,
  silence,
  watchResponse,
} from '../../../test/support/scripted-etcd.ts';
import {
  AuthenticateResponse,
  LeaseKeepAliveResponse,
  LeaseRevokeResponse,
  PutResponse,
  RangeResponse,
  StatusResponse,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { type Client, type ConnectOptions, type CoordinationError, connect } from '../index.ts';

const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each[Symbol.asyncDispose]();
});

async function serving(script: Script): Promise<string> {
  const server = await ScriptedEtcd.start(script);
  opened.push(server);
  return server.address;
}

async function connected(options: ConnectOptions): Promise<Client> {
  const client = await connect(options);
  opened.push(client);
  return client;
}

const failure = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'no error',
    ({ code, outcome }: CoordinationError) => `${code} ${outcome}`,
  );

const ok = { header: header(5n) };
const granted = (ttl: number) => ({ ...ok, ID: 7n, TTL: BigInt(ttl), error: '' });
const nothing = () => ({ ...RangeResponse.fromJSON({}), ...ok });

describe('a lease', () => {
  const keptAlive: Script['keepAlive'] = (call) => {
    call.on('data', ({ ID }) => call.write(LeaseKeepAliveResponse.fromJSON({ ID, TTL: 10 })));
    call.on('end', () => call.end());
    call.on('error', () => undefined);
  };

  test('whose revocation got no answer may be revoked or not', async () => {
    const endpoints = await serving({
      keepAlive: keptAlive,
      answers: { leaseGrant: () => granted(10), leaseRevoke: () => silence },
    });
    const lease = await (await connected({ endpoints, deadlineMs: 1_000 })).lease(10);
    expect(await failure(lease.revoke({ deadlineMs: 300 }))).toBe('deadline unknown');
  });

  test('whose revocation got no answer, and then met no server, may be revoked or not', async () => {
    const server = await ScriptedEtcd.start({
      answers: {
        leaseGrant: () => granted(10),
        leaseRevoke: () => {
          void server[Symbol.asyncDispose]();
          return silence;
        },
      },
    });
    const lease = await (await connected({ endpoints: server.address, deadlineMs: 1_000 })).lease(10);
    expect(await failure(lease.revoke({ deadlineMs: 1_000 }))).toMatch(/ unknown$/);
  });

  test('is revoked at another server when one does not answer, and once it is gone that is what was wanted', async () => {
    const silent = await serving({
      keepAlive: keptAlive,
      answers: { leaseGrant: () => granted(10), leaseRevoke: () => silence },
    });
    const gone = await serving({
      keepAlive: keptAlive,
      answers: {
        leaseRevoke: () => new Refusal(status.NOT_FOUND, 'etcdserver: requested lease not found'),
      },
    });
    const lease = await (await connected({ endpoints: [silent, gone] })).lease(10);
    expect(await failure(lease.revoke({ deadlineMs: 4_000 }))).toBe('no error');
  });

  test('that was asked for and not answered may have been granted', async () => {
    const endpoints = await serving({ answers: { leaseGrant: () => silence } });
    const client = await connected({ endpoints });
    expect(await failure(client.lease(10, { deadlineMs: 300 }))).toBe('deadline unknown');
  });

  test('is kept although the token of its stream is not taken any more, and nobody makes other calls', async () => {
    let tokens = 0;
    let taken = '1';
    const renewedWith = new Set<unknown>();
    const endpoints = await serving({
      answers: {
        authenticate: () => AuthenticateResponse.fromJSON({ token: String(++tokens) }),
        leaseGrant: () => granted(2),
        leaseRevoke: () => ({ ...LeaseRevokeResponse.fromJSON({}), ...ok }),
        txn: () => ({
          ...ok,
          succeeded: true,
          responses: [{ response: { $case: 'responsePut', value: { ...ok, prevKv: undefined } } }],
        }),
        range: ({ rangeEnd, key }) =>
          rangeEnd.length > 0
            ? nothing()
            : {
                ...nothing(),
                count: 1n,
                kvs: [{ key, value: key, createRevision: 5n, modRevision: 5n, version: 1n, lease: 7n }],
              },
      },
      watch: (call) => {
        call.on('error', () => undefined);
        call.on('data', () => call.write(watchResponse({ ...ok, created: true })));
        call.on('end', () => call.end());
      },
      keepAlive: (call) => {
        const [token] = call.metadata.get('token');
        call.on('error', () => undefined);
        call.on('end', () => call.end());
        call.on('data', ({ ID }) => {
          if (token !== taken) {
            call.emit(
              'error',
              Object.assign(new Error(), {
                code: status.UNAUTHENTICATED,
                details: 'etcdserver: invalid auth token',
              }),
            );
            return;
          }
          renewedWith.add(token);
          call.write(LeaseKeepAliveResponse.fromJSON({ ID, TTL: 2 }));
          taken = '2';
        });
      },
    });
    const client = await connected({ endpoints, auth: { name: 'root', password: 'secret' } });
    const lock = await client.lock('l', { ttl: 2 });
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    expect(lock.lost.aborted).toBe(false);
    expect([...renewedWith]).toEqual(['1', '2']);
  });
});

describe('a call', () => {
  test('goes past a learner, which answers about itself alone', async () => {
    const learner = new Refusal(status.FAILED_PRECONDITION, 'etcdserver: rpc not supported for learner');
    const learning = await serving({ answers: { put: () => learner, range: () => learner } });
    const voting = await serving({
      answers: { put: () => ({ ...PutResponse.fromJSON({}), ...ok }), range: nothing },
    });
    const client = await connected({ endpoints: [learning, voting] });
    expect((await client.put('a', '1', { deadlineMs: 2_000 })).revision).toBe(5n);
    expect(await client.get('a', { deadlineMs: 2_000 })).toBeUndefined();
    const alone = await connected({ endpoints: learning });
    expect(await failure(alone.put('a', '1', { deadlineMs: 300 }))).toBe('unavailable refused');
  });

  test('that another cluster answers is no answer; what it wrote may be there', async () => {
    const foreign = { header: header(5n, 99n) };
    const endpoints = await serving({
      answers: {
        put: () => ({ ...PutResponse.fromJSON({}), ...foreign }),
        range: () => ({ ...RangeResponse.fromJSON({}), ...foreign }),
      },
    });
    const client = await connected({ endpoints });
    expect(await failure(client.put('a', '1'))).toBe('otherCluster unknown');
    expect(await failure(client.get('a'))).toBe('otherCluster refused');
  });

  test('that had too little time does not end the watches of the others', async () => {
    let streams = 0;
    const endpoints = await serving({
      answers: { range: () => silence },
      watch: (call) => {
        streams++;
        call.on('error', () => undefined);
        call.on('data', () => call.write(watchResponse({ ...ok, created: true })));
        call.on('end', () => call.end());
      },
    });
    const client = await connected({ endpoints });
    await client.watch({ key: 'a' }).ready;
    expect(await failure(client.get('a', { deadlineMs: 100 }))).toBe('deadline refused');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(streams).toBe(1);
    expect(await failure(client.get('a', { deadlineMs: 1_500 }))).toBe('deadline refused');
    while (streams < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  test('many at once ask for one token, and for one more when it is not taken any more', async () => {
    let tokens = 0;
    let taken = '1';
    const endpoints = await serving({
      answers: {
        authenticate: async () => {
          await new Promise((resolve) => setTimeout(resolve, 100));
          return { ...AuthenticateResponse.fromJSON({ token: String(++tokens) }), ...ok };
        },
        range: (_request, metadata) =>
          metadata.get('token')[0] === taken
            ? nothing()
            : new Refusal(status.UNAUTHENTICATED, 'etcdserver: invalid auth token'),
        status: (_request, metadata) =>
          metadata.get('token').length > 0
            ? { ...StatusResponse.fromJSON({}), ...ok }
            : new Refusal(status.UNAUTHENTICATED, 'etcdserver: invalid auth token'),
      },
    });
    const client = await connected({ endpoints, auth: { name: 'root', password: 'secret' } });
    const many = () => Promise.all(Array.from({ length: 20 }, () => client.get('a')));
    await many();
    expect(tokens).toBe(1);
    taken = '2';
    await many();
    expect(tokens).toBe(2);
  });

  test('with a key that cannot be read is refused before anything is opened', async () => {
    const attempt = connect({ endpoints: 'https://127.0.0.1:1', tls: { ca: 'no PEM', cert: 'x', key: 'y' } });
    expect(await failure(attempt)).toBe('invalid refused');
  });
});
