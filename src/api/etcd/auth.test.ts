import { beforeEach, describe, expect, test } from 'vitest';
import { AuthClient } from '../../../test/support/auth-client.ts';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { type Failed, GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { maxPasswordsAtOnce, maxWaitingPasswords } from '../limits.ts';
import { Code } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import { Permission_Type } from './gen/authpb/auth.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

let server: TestServer;
let client: GrpcClient;
let auth: AuthClient;

beforeEach(async () => {
  server = await serveClients();
  client = new GrpcClient(server.server.address);
  auth = new AuthClient(client);
  return async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.faults).toEqual([]);
  };
});

const failure = (answer: Promise<unknown>): Promise<Failed> => client.failure(answer);
const expectFailure = async (answer: Promise<unknown>, expected: keyof typeof etcdErrors): Promise<void> => {
  const { code, message } = etcdErrors[expected];
  expect(await failure(answer)).toMatchObject({ code, message });
};

const { READ, WRITE, READWRITE } = Permission_Type;

describe('21: the 17 methods', () => {
  test('users and roles before anybody is asked for', async () => {
    expect(await auth.status({})).toMatchObject({ enabled: false, authRevision: 1n });
    await auth.addUser('alice', 'a');
    await auth.addUser('bob', 'b');
    await auth.roleAdd({ name: 'r' });
    await auth.userGrantRole({ user: 'alice', role: 'r' });
    await auth.userGrantRole({ user: 'alice', role: 'r' });
    expect((await auth.userGet({ name: 'alice' })).roles).toEqual(['r']);
    expect((await auth.userList({})).users).toEqual(['alice', 'bob']);
    expect((await auth.roleList({})).roles).toEqual(['r']);
    await auth.grant('r', READ, 'b', 'c');
    await auth.grant('r', WRITE, 'a', '');
    await auth.grant('r', READWRITE, 'b', 'c');
    await auth.grant('r', READ, 'x', '\0');
    const perms = (await auth.roleGet({ role: 'r' })).perm.map(({ permType, key, rangeEnd }) => [
      permType,
      utf8Text(key),
      utf8Text(rangeEnd),
    ]);
    expect(perms).toEqual([
      [WRITE, 'a', ''],
      [READWRITE, 'b', 'c'],
      [READ, 'x', '\0'],
    ]);
    await auth.roleRevokePermission({ role: 'r', key: utf8('b'), rangeEnd: utf8('c') });
    expect((await auth.roleGet({ role: 'r' })).perm).toHaveLength(2);
    await auth.userChangePassword({ name: 'alice', password: 'other', hashedPassword: '' });
    await auth.userRevokeRole({ name: 'alice', role: 'r' });
    await auth.userGrantRole({ user: 'bob', role: 'r' });
    await auth.roleDelete({ role: 'r' });
    expect((await auth.userGet({ name: 'bob' })).roles).toEqual([]);
    await auth.userDelete({ name: 'bob' });
    expect((await auth.userList({})).users).toEqual(['alice']);
    expect((await auth.status({})).authRevision).toBe(15n);
  });

  test('what is not there, or there already', async () => {
    const name = 'nobody';
    await expectFailure(auth.userGet({ name }), 'userNotFound');
    await expectFailure(auth.userDelete({ name }), 'userNotFound');
    await expectFailure(auth.userChangePassword({ name, password: 'x', hashedPassword: '' }), 'userNotFound');
    await expectFailure(auth.userGrantRole({ user: name, role: 'r' }), 'userNotFound');
    await expectFailure(auth.userRevokeRole({ name, role: 'r' }), 'userNotFound');
    await expectFailure(auth.addUser('', 'x'), 'userEmpty');
    await expectFailure(auth.roleAdd({ name: '' }), 'roleEmpty');
    await expectFailure(auth.roleGet({ role: 'r' }), 'roleNotFound');
    await expectFailure(auth.roleDelete({ role: 'r' }), 'roleNotFound');
    await expectFailure(auth.grant('r', READ, 'a', ''), 'roleNotFound');
    await expectFailure(
      auth.roleRevokePermission({ role: 'r', key: utf8('a'), rangeEnd: utf8('') }),
      'roleNotFound',
    );
    await auth.addUser('alice', 'x');
    await expectFailure(auth.addUser('alice', 'x'), 'userAlreadyExists');
    await expectFailure(auth.userGrantRole({ user: 'alice', role: 'r' }), 'roleNotFound');
    await auth.roleAdd({ name: 'r' });
    await expectFailure(auth.roleAdd({ name: 'r' }), 'roleAlreadyExists');
    await expectFailure(auth.userRevokeRole({ name: 'alice', role: 'r' }), 'roleNotGranted');
    await expectFailure(
      auth.roleRevokePermission({ role: 'r', key: utf8('a'), rangeEnd: utf8('') }),
      'permissionNotGranted',
    );
    await expectFailure(auth.roleGrantPermission({ name: 'r', perm: undefined }), 'permissionNotGiven');
    await expectFailure(auth.grant('r', READ, 'b', 'a'), 'invalidAuthManagement');
    await expectFailure(auth.grant('r', READ, '', 'a'), 'invalidAuthManagement');
    await expectFailure(auth.grant('r', 7 as Permission_Type, 'a', 'b'), 'invalidAuthManagement');
  });

  test('enabling needs root with its role; then root stays', async () => {
    await expectFailure(auth.authenticate({ name: 'root', password: 'x' }), 'authNotEnabled');
    await expectFailure(auth.enable({}), 'rootUserNotExist');
    await auth.addUser('root', 'secret');
    await expectFailure(auth.enable({}), 'rootRoleNotExist');
    await auth.roleAdd({ name: 'root' });
    await auth.userGrantRole({ user: 'root', role: 'root' });
    await auth.enable({});
    await expectFailure(auth.enable({}), 'userEmpty');
    const root = await auth.login('root', 'secret');
    await auth.enable({}, root);
    expect(await auth.status({})).toMatchObject({ enabled: true, authRevision: 4n });
    await expectFailure(auth.userDelete({ name: 'root' }, root), 'invalidAuthManagement');
    await expectFailure(auth.userRevokeRole({ name: 'root', role: 'root' }, root), 'invalidAuthManagement');
    await expectFailure(auth.roleDelete({ role: 'root' }, root), 'invalidAuthManagement');
    const { perm } = await auth.roleGet({ role: 'root' }, root);
    expect(perm).toEqual([{ permType: READWRITE, key: utf8(''), rangeEnd: utf8('\0') }]);
    await auth.disable({}, root);
    expect(await auth.status({})).toMatchObject({ enabled: false, authRevision: 5n });
    await client.put({ key: utf8('a') });
  });

  test('nobody has an empty password, and root is not shut out', async () => {
    const none = { code: Code.invalidArgument, outcome: 'refused' };
    const shutOut = { code: Code.failedPrecondition, outcome: 'refused' };
    expect(await failure(auth.addUser('root', ''))).toMatchObject(none);
    expect((await failure(auth.addUser('root', ''))).message).toContain('password is empty');
    await auth.userAdd({ name: 'root', password: '', hashedPassword: '', options: { noPassword: true } });
    await auth.userGrantRole({ user: 'root', role: 'root' });
    expect(await failure(auth.enable({}))).toMatchObject(shutOut);
    expect((await auth.status({})).enabled).toBe(false);
    await auth.userDelete({ name: 'root' });
    const root = await auth.enableWithRoot('secret');
    const change = auth.userChangePassword({ name: 'root', password: '', hashedPassword: '' }, root);
    expect(await failure(change)).toMatchObject(none);
    expect(await auth.login('root', 'secret')).not.toBe('');
  });

  test('logins that nobody waits for any more keep nobody from logging in', async () => {
    await auth.enableWithRoot('secret');
    const path = '/etcdserverpb.Auth/Authenticate';
    const options = { timeoutMs: 50 };
    const abandoned = Array.from({ length: maxWaitingPasswords + maxPasswordsAtOnce }, () =>
      client.call(
        path,
        pb.AuthenticateRequest,
        pb.AuthenticateResponse,
        { name: 'root', password: 'x' },
        options,
      ),
    );
    const codes = await Promise.all(abandoned.map(async (call) => (await failure(call)).code));
    expect(new Set(codes)).toContain(Code.deadlineExceeded);
    expect(await auth.login('root', 'secret')).not.toBe('');
  });

  test('an etcd of before is told that hashes are not taken', async () => {
    const { message } = await failure(
      auth.userAdd({ name: 'x', password: '', hashedPassword: 'JDJh', options: undefined }),
    );
    expect(message).toContain('hashed_password is not taken');
    const again = await failure(auth.userChangePassword({ name: 'x', password: '', hashedPassword: 'JDJh' }));
    expect(again.code).toBe(Code.invalidArgument);
  });

  test('passwords: wrong, of nobody, of one who has none, changed', async () => {
    const root = await auth.enableWithRoot('secret');
    await auth.addUser('alice', 'pässword', root);
    await auth.userAdd(
      { name: 'card', password: '', hashedPassword: '', options: { noPassword: true } },
      root,
    );
    await expectFailure(auth.authenticate({ name: 'alice', password: 'x' }), 'authFailed');
    await expectFailure(auth.authenticate({ name: 'nobody', password: 'x' }), 'authFailed');
    expect(await failure(auth.authenticate({ name: 'card', password: 'x' }))).toMatchObject({
      code: Code.unknown,
      message: 'auth: authentication failed, password was given for no password user',
    });
    const token = await auth.login('alice', 'pässword');
    await auth.userGet({ name: 'alice' }, token);
    await auth.userChangePassword({ name: 'alice', password: 'new', hashedPassword: '' }, root);
    await expectFailure(auth.userGet({ name: 'alice' }, token), 'invalidAuthToken');
    await expectFailure(auth.authenticate({ name: 'alice', password: 'pässword' }), 'authFailed');
    const again = await auth.login('alice', 'new');
    await auth.userGet({ name: 'alice' }, again);
    await auth.userDelete({ name: 'alice' }, root);
    await expectFailure(auth.userGet({ name: 'alice' }, again), 'invalidAuthToken');
    await auth.addUser('alice', 'new', root);
    await expectFailure(auth.userGet({ name: 'alice' }, again), 'invalidAuthToken');
    const stored = [...server.replica.store.scan({ from: utf8(''), to: undefined })].flat();
    expect(stored.some((bytes) => Buffer.from(bytes).includes('alice'))).toBe(true);
    expect(stored.some((bytes) => Buffer.from(bytes).includes('secret'))).toBe(false);
  });
});
