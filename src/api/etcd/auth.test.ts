import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { type Failed, GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { Code } from '../rpc/rpc.ts';
import { etcdErrors } from './errors.ts';
import { Permission_Type } from './gen/authpb/auth.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';

let server: TestServer;
let client: GrpcClient;

beforeEach(async () => {
  server = await serveClients();
  client = new GrpcClient(server.server.address);
  return async () => {
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.faults).toEqual([]);
  };
});

type Codec<T> = Pick<pb.MessageFns<T>, 'encode' | 'decode'>;

/** One method of the service, as `token`, or as nobody. */
const method =
  <Q, A>(name: string, request: Codec<Q>, response: Codec<A>) =>
  (message: Q, token?: string): Promise<A> =>
    client.call(`/etcdserverpb.Auth/${name}`, request, response, message, as(token));

const as = (token: string | undefined): { metadata: Record<string, string> } => ({
  metadata: token === undefined ? {} : { token },
});

const auth = {
  enable: method('AuthEnable', pb.AuthEnableRequest, pb.AuthEnableResponse),
  disable: method('AuthDisable', pb.AuthDisableRequest, pb.AuthDisableResponse),
  status: method('AuthStatus', pb.AuthStatusRequest, pb.AuthStatusResponse),
  authenticate: method('Authenticate', pb.AuthenticateRequest, pb.AuthenticateResponse),
  userAdd: method('UserAdd', pb.AuthUserAddRequest, pb.AuthUserAddResponse),
  userGet: method('UserGet', pb.AuthUserGetRequest, pb.AuthUserGetResponse),
  userList: method('UserList', pb.AuthUserListRequest, pb.AuthUserListResponse),
  userDelete: method('UserDelete', pb.AuthUserDeleteRequest, pb.AuthUserDeleteResponse),
  changePassword: method(
    'UserChangePassword',
    pb.AuthUserChangePasswordRequest,
    pb.AuthUserChangePasswordResponse,
  ),
  grantRole: method('UserGrantRole', pb.AuthUserGrantRoleRequest, pb.AuthUserGrantRoleResponse),
  revokeRole: method('UserRevokeRole', pb.AuthUserRevokeRoleRequest, pb.AuthUserRevokeRoleResponse),
  roleAdd: method('RoleAdd', pb.AuthRoleAddRequest, pb.AuthRoleAddResponse),
  roleGet: method('RoleGet', pb.AuthRoleGetRequest, pb.AuthRoleGetResponse),
  roleList: method('RoleList', pb.AuthRoleListRequest, pb.AuthRoleListResponse),
  roleDelete: method('RoleDelete', pb.AuthRoleDeleteRequest, pb.AuthRoleDeleteResponse),
  grant: method(
    'RoleGrantPermission',
    pb.AuthRoleGrantPermissionRequest,
    pb.AuthRoleGrantPermissionResponse,
  ),
  revoke: method(
    'RoleRevokePermission',
    pb.AuthRoleRevokePermissionRequest,
    pb.AuthRoleRevokePermissionResponse,
  ),
};

const userAdd = (name: string, password: string, token?: string): Promise<pb.AuthUserAddResponse> =>
  auth.userAdd({ name, password, hashedPassword: '', options: undefined }, token);

const grantRange = (
  role: string,
  permType: Permission_Type,
  key: string,
  rangeEnd: string,
  token?: string,
): Promise<pb.AuthRoleGrantPermissionResponse> =>
  auth.grant({ name: role, perm: { permType, key: utf8(key), rangeEnd: utf8(rangeEnd) } }, token);

const login = async (name: string, password: string): Promise<string> =>
  (await auth.authenticate({ name, password })).token;

/** Users are asked for; the token of root. */
async function enabled(): Promise<string> {
  await userAdd('root', 'secret');
  await auth.grantRole({ user: 'root', role: 'root' });
  await auth.enable({});
  return login('root', 'secret');
}

/** A user with one role of the same name. */
async function member(name: string, password: string, root: string): Promise<string> {
  await userAdd(name, password, root);
  await auth.roleAdd({ name }, root);
  await auth.grantRole({ user: name, role: name }, root);
  return login(name, password);
}

const failure = (answer: Promise<unknown>): Promise<Failed> => client.failure(answer);
const expectFailure = async (answer: Promise<unknown>, expected: keyof typeof etcdErrors): Promise<void> => {
  const { code, message } = etcdErrors[expected];
  expect(await failure(answer)).toMatchObject({ code, message });
};

const { READ, WRITE, READWRITE } = Permission_Type;

describe('21: the 17 methods', () => {
  test('users and roles before anybody is asked for', async () => {
    expect(await auth.status({})).toMatchObject({ enabled: false, authRevision: 1n });
    await userAdd('alice', 'a');
    await userAdd('bob', 'b');
    await auth.roleAdd({ name: 'r' });
    await auth.grantRole({ user: 'alice', role: 'r' });
    await auth.grantRole({ user: 'alice', role: 'r' });
    expect((await auth.userGet({ name: 'alice' })).roles).toEqual(['r']);
    expect((await auth.userList({})).users).toEqual(['alice', 'bob']);
    expect((await auth.roleList({})).roles).toEqual(['r']);
    await grantRange('r', READ, 'b', 'c');
    await grantRange('r', WRITE, 'a', '');
    await grantRange('r', READWRITE, 'b', 'c');
    await grantRange('r', READ, 'x', '\0');
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
    await auth.revoke({ role: 'r', key: utf8('b'), rangeEnd: utf8('c') });
    expect((await auth.roleGet({ role: 'r' })).perm).toHaveLength(2);
    await auth.changePassword({ name: 'alice', password: 'other', hashedPassword: '' });
    await auth.revokeRole({ name: 'alice', role: 'r' });
    await auth.grantRole({ user: 'bob', role: 'r' });
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
    await expectFailure(auth.changePassword({ name, password: 'x', hashedPassword: '' }), 'userNotFound');
    await expectFailure(auth.grantRole({ user: name, role: 'r' }), 'userNotFound');
    await expectFailure(auth.revokeRole({ name, role: 'r' }), 'userNotFound');
    await expectFailure(userAdd('', 'x'), 'userEmpty');
    await expectFailure(auth.roleAdd({ name: '' }), 'roleEmpty');
    await expectFailure(auth.roleGet({ role: 'r' }), 'roleNotFound');
    await expectFailure(auth.roleDelete({ role: 'r' }), 'roleNotFound');
    await expectFailure(grantRange('r', READ, 'a', ''), 'roleNotFound');
    await expectFailure(
      auth.revoke({ role: 'r', key: utf8('a'), rangeEnd: utf8('') }),
      'roleNotFound',
    );
    await userAdd('alice', 'x');
    await expectFailure(userAdd('alice', 'x'), 'userAlreadyExists');
    await expectFailure(auth.grantRole({ user: 'alice', role: 'r' }), 'roleNotFound');
    await auth.roleAdd({ name: 'r' });
    await expectFailure(auth.roleAdd({ name: 'r' }), 'roleAlreadyExists');
    await expectFailure(auth.revokeRole({ name: 'alice', role: 'r' }), 'roleNotGranted');
    await expectFailure(
      auth.revoke({ role: 'r', key: utf8('a'), rangeEnd: utf8('') }),
      'permissionNotGranted',
    );
    await expectFailure(auth.grant({ name: 'r', perm: undefined }), 'permissionNotGiven');
    await expectFailure(grantRange('r', READ, 'b', 'a'), 'invalidAuthManagement');
    await expectFailure(grantRange('r', READ, '', 'a'), 'invalidAuthManagement');
    await expectFailure(grantRange('r', 7 as Permission_Type, 'a', 'b'), 'invalidAuthManagement');
  });

  test('enabling needs root with its role; then root stays', async () => {
    await expectFailure(auth.authenticate({ name: 'root', password: 'x' }), 'authNotEnabled');
    await expectFailure(auth.enable({}), 'rootUserNotExist');
    await userAdd('root', 'secret');
    await expectFailure(auth.enable({}), 'rootRoleNotExist');
    await auth.roleAdd({ name: 'root' });
    await auth.grantRole({ user: 'root', role: 'root' });
    await auth.enable({});
    await expectFailure(auth.enable({}), 'userEmpty');
    const root = await login('root', 'secret');
    await auth.enable({}, root);
    expect(await auth.status({})).toMatchObject({ enabled: true, authRevision: 4n });
    await expectFailure(auth.userDelete({ name: 'root' }, root), 'invalidAuthManagement');
    await expectFailure(auth.revokeRole({ name: 'root', role: 'root' }, root), 'invalidAuthManagement');
    await expectFailure(auth.roleDelete({ role: 'root' }, root), 'invalidAuthManagement');
    const { perm } = await auth.roleGet({ role: 'root' }, root);
    expect(perm).toEqual([{ permType: READWRITE, key: utf8(''), rangeEnd: utf8('\0') }]);
    await auth.disable({}, root);
    expect(await auth.status({})).toMatchObject({ enabled: false, authRevision: 5n });
    await client.put({ key: utf8('a') });
  });

  test('an etcd of before is told that hashes are not taken', async () => {
    const { message } = await failure(
      auth.userAdd({ name: 'x', password: '', hashedPassword: 'JDJh', options: undefined }),
    );
    expect(message).toContain('hashed_password is not taken');
    const again = await failure(auth.changePassword({ name: 'x', password: '', hashedPassword: 'JDJh' }));
    expect(again.code).toBe(Code.invalidArgument);
  });

  test('passwords: wrong, of nobody, of one who has none, changed', async () => {
    const root = await enabled();
    await userAdd('alice', 'pässword', root);
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
    const token = await login('alice', 'pässword');
    await auth.userGet({ name: 'alice' }, token);
    await auth.changePassword({ name: 'alice', password: 'new', hashedPassword: '' }, root);
    await expectFailure(auth.userGet({ name: 'alice' }, token), 'invalidAuthToken');
    await expectFailure(auth.authenticate({ name: 'alice', password: 'pässword' }), 'authFailed');
    const again = await login('alice', 'new');
    await auth.userGet({ name: 'alice' }, again);
    await auth.userDelete({ name: 'alice' }, root);
    await expectFailure(auth.userGet({ name: 'alice' }, again), 'invalidAuthToken');
    await userAdd('alice', 'new', root);
    await expectFailure(auth.userGet({ name: 'alice' }, again), 'invalidAuthToken');
    const stored = [...server.replica.store.scan({ from: utf8(''), to: undefined })].flat();
    expect(stored.some((bytes) => Buffer.from(bytes).includes('alice'))).toBe(true);
    expect(stored.some((bytes) => Buffer.from(bytes).includes('secret'))).toBe(false);
  });
});
