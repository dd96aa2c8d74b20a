import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as pb from '../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { codeOf, connect } from '../src/client/index.ts';
import { Calls, type Method } from '../src/client/wire/index.ts';
import { Cluster } from '../test/processes/cluster.ts';
import {
  type Certificate,
  makeAuthority,
  makeCertificate,
  opensslPresent,
} from '../test/support/certificates.ts';
import { EtcdCluster } from '../test/support/etcd-cluster.ts';
import { foreignProgram } from '../test/support/foreign.ts';
import type { StoreMember } from './client-stores.ts';

type One = AsyncDisposable & { readonly members: readonly StoreMember[]; leader(): Promise<unknown> };

const etcd = foreignProgram('etcd');

const kinds: readonly { readonly name: string; readonly start: () => Promise<One> }[] = [
  ...(etcd === undefined ? [] : [{ name: 'etcd', start: () => EtcdCluster.start(etcd, 1) }]),
  { name: 'Quorate', start: () => Cluster.start({ replicas: 1 }) },
];

/** root may do everything; reader may read what begins with "open/". */
async function enableAuth(address: string): Promise<void> {
  const calls = new Calls({ servers: [{ address, tls: undefined }], timeoutMs: 10_000 });
  const call = <Request, Response>(
    path: string,
    request: Method<Request, Response>['request'],
    response: Method<Request, Response>['response'],
    message: Request,
  ): Promise<Response> =>
    calls.call({ path: `/etcdserverpb.Auth/${path}`, request, response }, 'write', message);
  const addUser = (name: string) =>
    call('UserAdd', pb.AuthUserAddRequest, pb.AuthUserAddResponse, {
      name,
      password: `${name}'s`,
      hashedPassword: '',
      options: undefined,
    });
  const addRole = (name: string) => call('RoleAdd', pb.AuthRoleAddRequest, pb.AuthRoleAddResponse, { name });
  const grant = (user: string, role: string) =>
    call('UserGrantRole', pb.AuthUserGrantRoleRequest, pb.AuthUserGrantRoleResponse, { user, role });
  const key = new TextEncoder().encode('open/');
  const perm = { permType: 0 as const, key, rangeEnd: new TextEncoder().encode('open0') };
  await addUser('root');
  await addRole('root');
  await grant('root', 'root');
  await addUser('reader');
  await addRole('reading');
  await call('RoleGrantPermission', pb.AuthRoleGrantPermissionRequest, pb.AuthRoleGrantPermissionResponse, {
    name: 'reading',
    perm,
  });
  await grant('reader', 'reading');
  await call('AuthEnable', pb.AuthEnableRequest, pb.AuthEnableResponse, {});
  calls.close();
}

const failure = (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => 'no error',
    (error: unknown) => `${codeOf(error)} ${Reflect.get(Object(error), 'outcome')}`,
  );

describe.each(kinds)('$name, with users', ({ start }) => {
  let store: One;
  let endpoints: string[];
  beforeAll(async () => {
    store = await start();
    endpoints = store.members.map(({ client }) => client);
    await enableAuth(endpoints[0] ?? '');
  });
  afterAll(() => store?.[Symbol.asyncDispose]());

  test('what a user may not do is refused, and what he may is done', async () => {
    await using root = await connect({ endpoints, auth: { name: 'root', password: "root's" } });
    await using reader = await connect({ endpoints, auth: { name: 'reader', password: "reader's" } });
    await root.put('open/door', '1');
    await root.put('secret', '1');
    expect((await reader.get('open/door'))?.text).toBe('1');
    expect(await failure(reader.get('secret'))).toBe('permissionDenied refused');
    expect(await failure(reader.put('open/door', '2'))).toBe('permissionDenied refused');
    expect(await failure(reader.watch({ key: 'secret' }).ready)).toBe('permissionDenied refused');
    const watch = reader.watch({ prefix: 'open/' });
    await watch.ready;
    await root.put('open/door', '3');
    for await (const event of watch) {
      expect(event.entry?.text).toBe('3');
      break;
    }
  });

  test('without a user, or with a wrong password, nothing is done', async () => {
    const wrong = connect({ endpoints, auth: { name: 'root', password: 'guess' } });
    expect(await failure(wrong)).toBe('unauthenticated refused');
    await using nobody = await connect({ endpoints });
    expect(await failure(nobody.put('open/door', '5'))).toBe('unauthenticated refused');
  });

  test('a token that the server has forgotten is asked for again; locks and watches go on', async () => {
    await using root = await connect({ endpoints, auth: { name: 'root', password: "root's" } });
    const watch = root.watch({ prefix: 'open/' });
    await watch.ready;
    const lock = await root.lock('kept', { ttl: 60 });
    for (const member of store.members) await member.kill();
    for (const member of store.members) member.start();
    // A write could meet the end of the old connection, and its outcome would be unknown; a read is repeated.
    await root.get('open/door', { deadlineMs: 60_000 });
    await root.put('open/door', 'again', { deadlineMs: 60_000 });
    for await (const event of watch) {
      expect(event.entry?.text).toBe('again');
      break;
    }
    expect(lock.lost.aborted).toBe(false);
    await lock.release();
  });
});

describe.skipIf(!opensslPresent())('TLS, with certificates on both sides', () => {
  let directory: string;
  let authority: Certificate;
  let client: Certificate;
  let cluster: Cluster;
  beforeAll(async () => {
    directory = mkdtempSync(path.join(tmpdir(), 'quorate-client-tls-'));
    authority = makeAuthority(directory, 'authority');
    const server = makeCertificate(directory, 'server', authority);
    client = makeCertificate(directory, 'client', authority);
    const own = ['--cert-file', server.certFile, '--key-file', server.keyFile];
    cluster = await Cluster.start({
      replicas: 1,
      flags: [...own, '--client-cert-auth', '--trusted-ca-file', authority.certFile],
      tls: { ca: authority.cert, cert: client.cert, key: client.key },
    });
  });
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  test('whoever shows a certificate is served, PEM as text or bytes', async () => {
    const [member] = cluster.members;
    await using texts = await connect({
      endpoints: `https://${member?.client}`,
      tls: { ca: authority.cert.toString(), cert: client.cert.toString(), key: client.key.toString() },
    });
    await texts.put('a', '1');
    await using bytes = await connect({
      endpoints: cluster.endpoints,
      tls: { ca: authority.cert, cert: client.cert, key: client.key },
    });
    for await (const event of bytes.watch({ key: 'a', fromRevision: 1n })) {
      expect(event.entry?.text).toBe('1');
      break;
    }
  });

  test.each([
    ['without TLS', undefined, /speaks TLS/],
    ['without an authority', {}, /signed by nobody that is trusted/],
  ])('%s it is said what is in the way', async (_how, tls, words) => {
    const error = await connect({ endpoints: cluster.endpoints, tls, deadlineMs: 3_000 }).catch(
      (cause: unknown) => cause,
    );
    expect([codeOf(error), Reflect.get(Object(error), 'outcome')]).toEqual(['unreachable', 'refused']);
    expect(String(error)).toMatch(words);
  });
});
