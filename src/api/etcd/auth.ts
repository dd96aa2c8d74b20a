import { randomBytes } from 'node:crypto';
import {
  type AuthChange,
  type AuthState,
  allUsers,
  currentRevision,
  isAuthEnabled,
  machineView,
  readAuthState,
  readRole,
  readUser,
  roleNames,
  rootRole,
  rootUser,
  type User,
} from '../../machine/index.ts';
import { tooManyPasswords, type Unhashed } from '../auth/password-queue.ts';
import { isPassword, type Passwords } from '../auth/passwords.ts';
import { type Call, Code, Failure } from '../rpc/rpc.ts';
import type { KeySpaceView, PersonalView, ReplicaAccess } from './access.ts';
import { permissionFromPb, permissionToPb, rootPermission } from './auth-permissions.ts';
import { etcdErrors, refusedFailure } from './errors.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import type { ResponseHeaders } from './header.ts';
import type { KeyAccess } from './key-access.ts';
import { type EtcdMethod, etcdMethod, type MessageHandler } from './method.ts';
import { keyRange } from './requests.ts';

const secretBytes = 32;
/** How often an authentication begins again because the password was changed while it was looked at. */
const maxAttempts = 3;

// What etcd answers without a code of its own, texts included.
const noPasswordUser = new Failure(
  Code.unknown,
  'auth: authentication failed, password was given for no password user',
);
const verifyOnly = new Failure(Code.unknown, 'auth: token signing attempted with verify-only key');

const hashesNotTaken = new Failure(
  Code.invalidArgument,
  'hashed_password is not taken: send the password, over TLS; it is hashed before it is stored or sent anywhere',
);

const passwordEmpty = new Failure(
  Code.invalidArgument,
  'etcdserver: password is empty: give one, or add the user with no_password, to be known by a certificate alone; nothing was changed',
);

const rootShutOut = new Failure(
  Code.failedPrecondition,
  'no user with the role root has a password, and this port knows nobody by a certificate: nobody could ever administer ' +
    'this cluster again. Add root anew, with a password, or serve with --client-cert-auth; nothing was changed',
);

function unhashedFailure(why: Unhashed): Failure {
  return why === tooManyPasswords ? refusedFailure('overloaded') : etcdErrors.cancelled;
}

export interface AuthServiceOptions {
  readonly access: ReplicaAccess;
  readonly keys: KeyAccess;
  readonly headers: ResponseHeaders;
  readonly passwords: Passwords;
}

type HeaderAnswer = { header: pb.ResponseHeader | undefined };

/** etcdserverpb.Auth. Whether a caller may do it at all is seen to before, and for changes again when they are applied. */
export class AuthService {
  readonly #options: AuthServiceOptions;

  constructor(options: AuthServiceOptions) {
    this.#options = options;
  }

  methods(): EtcdMethod[] {
    return [...this.#general(), ...this.#users(), ...this.#roles()];
  }

  #general(): EtcdMethod[] {
    return [
      method('AuthEnable', '/auth/enable', pb.AuthEnableRequest, pb.AuthEnableResponse, (_request, call) =>
        this.#enable(call),
      ),
      method(
        'AuthDisable',
        '/auth/disable',
        pb.AuthDisableRequest,
        pb.AuthDisableResponse,
        (_request, call) => this.#change({ type: 'disable' }, call),
      ),
      method('AuthStatus', '/auth/status', pb.AuthStatusRequest, pb.AuthStatusResponse, (_request, call) =>
        this.#status(call),
      ),
      method(
        'Authenticate',
        '/auth/authenticate',
        pb.AuthenticateRequest,
        pb.AuthenticateResponse,
        (request, call) => this.#authenticate(request, call),
      ),
    ];
  }

  #users(): EtcdMethod[] {
    return [
      method('UserAdd', '/auth/user/add', pb.AuthUserAddRequest, pb.AuthUserAddResponse, (request, call) =>
        this.#addUser(request, call),
      ),
      method('UserGet', '/auth/user/get', pb.AuthUserGetRequest, pb.AuthUserGetResponse, (request, call) =>
        this.#getUser(request.name, call),
      ),
      method(
        'UserList',
        '/auth/user/list',
        pb.AuthUserListRequest,
        pb.AuthUserListResponse,
        (_request, call) => this.#listUsers(call),
      ),
      method(
        'UserDelete',
        '/auth/user/delete',
        pb.AuthUserDeleteRequest,
        pb.AuthUserDeleteResponse,
        ({ name: user }, call) => this.#change({ type: 'deleteUser', user }, call),
      ),
      method(
        'UserChangePassword',
        '/auth/user/changepw',
        pb.AuthUserChangePasswordRequest,
        pb.AuthUserChangePasswordResponse,
        (request, call) => this.#changePassword(request, call),
      ),
      method(
        'UserGrantRole',
        '/auth/user/grant',
        pb.AuthUserGrantRoleRequest,
        pb.AuthUserGrantRoleResponse,
        ({ user, role }, call) => this.#change({ type: 'grantRole', user, role }, call),
      ),
      method(
        'UserRevokeRole',
        '/auth/user/revoke',
        pb.AuthUserRevokeRoleRequest,
        pb.AuthUserRevokeRoleResponse,
        ({ name: user, role }, call) => this.#change({ type: 'revokeRole', user, role }, call),
      ),
    ];
  }

  #roles(): EtcdMethod[] {
    return [
      method('RoleAdd', '/auth/role/add', pb.AuthRoleAddRequest, pb.AuthRoleAddResponse, ({ name }, call) =>
        this.#change({ type: 'addRole', role: name }, call),
      ),
      method('RoleGet', '/auth/role/get', pb.AuthRoleGetRequest, pb.AuthRoleGetResponse, ({ role }, call) =>
        this.#getRole(role, call),
      ),
      method(
        'RoleList',
        '/auth/role/list',
        pb.AuthRoleListRequest,
        pb.AuthRoleListResponse,
        (_request, call) => this.#listRoles(call),
      ),
      method(
        'RoleDelete',
        '/auth/role/delete',
        pb.AuthRoleDeleteRequest,
        pb.AuthRoleDeleteResponse,
        ({ role }, call) => this.#change({ type: 'deleteRole', role }, call),
      ),
      method(
        'RoleGrantPermission',
        '/auth/role/grant',
        pb.AuthRoleGrantPermissionRequest,
        pb.AuthRoleGrantPermissionResponse,
        (request, call) => this.#grantPermission(request, call),
      ),
      method(
        'RoleRevokePermission',
        '/auth/role/revoke',
        pb.AuthRoleRevokePermissionRequest,
        pb.AuthRoleRevokePermissionResponse,
        ({ role, key, rangeEnd }, call) =>
          this.#change({ type: 'revokePermission', role, range: keyRange(key, rangeEnd) }, call),
      ),
    ];
  }

  async #change(change: AuthChange, call: Call): Promise<HeaderAnswer | Failure> {
    const answered = await this.#options.keys.execute({ type: 'auth', change }, call);
    return answered instanceof Failure ? answered : { header: answered.header };
  }

  /** Refused where it could not be taken back: etcd enables it, and nobody can be root from then on. */
  async #enable(call: Call): Promise<HeaderAnswer | Failure> {
    if (!this.#options.access.authenticator.certificateNames) {
      const view = await this.#options.access.readForAnybody('linearizable', call);
      if (view instanceof Failure) return view;
      const roots = [...allUsers(view.store)].filter(({ roles }) => roles.includes(rootRole));
      if (roots.some(({ name }) => name === rootUser) && !roots.some(({ password }) => isPassword(password)))
        return rootShutOut;
    }
    return this.#change({ type: 'enable', secret: randomBytes(secretBytes) }, call);
  }

  async #status(call: Call): Promise<pb.AuthStatusResponse | Failure> {
    const view = await this.#options.access.readForAnybody('linearizable', call);
    if (view instanceof Failure) return view;
    const { enabled, revision } = readAuthState(view.store);
    return { header: this.#header(view), enabled, authRevision: revision };
  }

  async #authenticate(
    { name, password }: pb.AuthenticateRequest,
    call: Call,
  ): Promise<pb.AuthenticateResponse | Failure> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const view = await this.#options.access.readForAnybody('linearizable', call);
      if (view instanceof Failure) return view;
      if (!isAuthEnabled(view.store)) return etcdErrors.authNotEnabled;
      const header = this.#header(view);
      const user = readUser(view.store, name);
      if (user !== undefined && user.password === undefined) return noPasswordUser;
      const matches = await this.#options.passwords.matches(password, user?.password, { user: name, call });
      if (typeof matches === 'symbol') return unhashedFailure(matches);
      if (!matches || user === undefined) return etcdErrors.authFailed;
      const state = this.#stillValid(user);
      if (state === undefined) continue;
      const token = await this.#options.access.authenticator.tokens.issue(name, state);
      return token === undefined ? verifyOnly : { header, token };
    }
    return etcdErrors.authOldRevision;
  }

  /** The rules by which to issue a token; undefined when the password may have changed since `user` was read. */
  #stillValid({ name, credentialRevision }: User): AuthState | undefined {
    const store = this.#options.access.replica.peek();
    if (store === undefined) return undefined;
    const view = machineView(store);
    const state = readAuthState(view);
    const same = readUser(view, name)?.credentialRevision === credentialRevision;
    return state.enabled && same ? state : undefined;
  }

  async #addUser(request: pb.AuthUserAddRequest, call: Call): Promise<HeaderAnswer | Failure> {
    const { name: user } = request;
    if (request.hashedPassword !== '') return hashesNotTaken;
    // Nothing is hashed for what is refused anyway.
    if (user === '') return etcdErrors.userEmpty;
    if (request.options?.noPassword === true)
      return this.#change({ type: 'addUser', user, password: undefined }, call);
    if (request.password === '') return passwordEmpty;
    const password = await this.#options.passwords.hash(request.password, { user, call });
    if (typeof password === 'symbol') return unhashedFailure(password);
    return this.#change({ type: 'addUser', user, password }, call);
  }

  async #changePassword(
    request: pb.AuthUserChangePasswordRequest,
    call: Call,
  ): Promise<HeaderAnswer | Failure> {
    if (request.hashedPassword !== '') return hashesNotTaken;
    if (request.password === '') return passwordEmpty;
    const { name: user } = request;
    const password = await this.#options.passwords.hash(request.password, { user, call });
    if (typeof password === 'symbol') return unhashedFailure(password);
    return this.#change({ type: 'changePassword', user, password }, call);
  }

  async #getUser(name: string, call: Call): Promise<pb.AuthUserGetResponse | Failure> {
    const view = await this.#options.access.read('linearizable', call);
    if (view instanceof Failure) return view;
    const denied = view.identity?.user === name ? undefined : view.deny(() => ({ type: 'root' }));
    if (denied !== undefined) return denied;
    const user = readUser(view.store, name);
    return user === undefined
      ? etcdErrors.userNotFound
      : { header: this.#header(view), roles: [...user.roles] };
  }

  async #listUsers(call: Call): Promise<pb.AuthUserListResponse | Failure> {
    const view = await this.#readAsRoot(call);
    if (view instanceof Failure) return view;
    return { header: this.#header(view), users: Array.from(allUsers(view.store), ({ name }) => name) };
  }

  async #getRole(name: string, call: Call): Promise<pb.AuthRoleGetResponse | Failure> {
    const view = await this.#options.access.read('linearizable', call);
    if (view instanceof Failure) return view;
    const denied = this.#holds(view, name) ? undefined : view.deny(() => ({ type: 'root' }));
    if (denied !== undefined) return denied;
    const role = readRole(view.store, name);
    if (role === undefined) return etcdErrors.roleNotFound;
    const perm = name === rootRole ? [rootPermission] : role.permissions.map(permissionToPb);
    return { header: this.#header(view), perm };
  }

  #holds({ identity, store }: PersonalView, role: string): boolean {
    return identity !== undefined && readUser(store, identity.user)?.roles.includes(role) === true;
  }

  async #listRoles(call: Call): Promise<pb.AuthRoleListResponse | Failure> {
    const view = await this.#readAsRoot(call);
    return view instanceof Failure ? view : { header: this.#header(view), roles: roleNames(view.store) };
  }

  async #grantPermission(
    { name: role, perm }: pb.AuthRoleGrantPermissionRequest,
    call: Call,
  ): Promise<HeaderAnswer | Failure> {
    if (perm === undefined) return etcdErrors.permissionNotGiven;
    const permission = permissionFromPb(perm);
    if (permission === undefined) return etcdErrors.invalidAuthManagement;
    return this.#change({ type: 'grantPermission', role, permission }, call);
  }

  async #readAsRoot(call: Call): Promise<PersonalView | Failure> {
    const view = await this.#options.access.read('linearizable', call);
    if (view instanceof Failure) return view;
    return view.deny(() => ({ type: 'root' })) ?? view;
  }

  #header({ store, epoch }: KeySpaceView): pb.ResponseHeader {
    return this.#options.headers.header(currentRevision(store), epoch);
  }
}

const method = <Request, Response>(
  name: string,
  gatewayPath: string,
  request: Pick<pb.MessageFns<Request>, 'decode' | 'fromJSON'>,
  response: Pick<pb.MessageFns<Response>, 'encode' | 'toJSON'>,
  handle: MessageHandler<Request, Response>,
): EtcdMethod => etcdMethod(`/etcdserverpb.Auth/${name}`, gatewayPath, request, response, handle);
