import { assertNever } from '../../../core/assert.ts';
import { emptyBytes, utf8 } from '../../../core/bytes.ts';
import {
  maxAuthNameBytes,
  maxPasswordHashBytes,
  maxPermissionBytesOfRole,
  maxPermissionsOfRole,
  maxRoles,
  maxRolesOfUser,
  maxUsers,
} from '../../../core/limits.ts';
import type { Store } from '../../../core/store.ts';
import type { KeyRange } from '../key-range.ts';
import type { KeyErrorCode } from '../requests.ts';
import { isEmptyRange, maxEscapedKeyBytes } from '../versions.ts';
import { compareRanges } from './coverage.ts';
import {
  type AuthState,
  allUsers,
  compareNames,
  deleteRole,
  deleteUser,
  isRoot,
  type Role,
  readAuthState,
  readRole,
  readUser,
  type User,
  writeAuthState,
  writeRole,
  writeUser,
} from './records.ts';
import { type AuthChange, type Permission, rootRole, rootUser } from './requests.ts';

/** Makes a change, or says why it is refused and changes nothing. Whoever asks for it was checked before. */
export function applyAuthChange(store: Store, change: AuthChange): KeyErrorCode | undefined {
  return new AuthTables(store).apply(change);
}

/** A change under way: the rules get their next revision when it is there. */
class AuthTables {
  readonly #store: Store;
  readonly #state: AuthState;

  constructor(store: Store) {
    this.#store = store;
    this.#state = readAuthState(store);
  }

  apply(change: AuthChange): KeyErrorCode | undefined {
    switch (change.type) {
      case 'enable':
        return this.#enable(change.secret);
      case 'disable':
        return this.#disable();
      case 'addUser':
        return this.#addUser(change.user, change.password);
      case 'deleteUser':
        return this.#deleteUser(change.user);
      case 'changePassword':
        return this.#changePassword(change.user, change.password);
      case 'grantRole':
        return this.#grantRole(change.user, change.role);
      case 'revokeRole':
        return this.#revokeRole(change.user, change.role);
      case 'addRole':
        return this.#addRole(change.role);
      case 'deleteRole':
        return this.#deleteRole(change.role);
      case 'grantPermission':
        return this.#grantPermission(change.role, change.permission);
      case 'revokePermission':
        return this.#revokePermission(change.role, change.range);
      default:
        return assertNever(change);
    }
  }

  /** As in etcd, the revision stays: nobody has been let through by these rules before. */
  #enable(secret: Uint8Array): KeyErrorCode | undefined {
    if (this.#state.enabled) return undefined;
    const root = readUser(this.#store, rootUser);
    if (root === undefined) return 'rootUserNotExist';
    if (!isRoot(root)) return 'rootRoleNotExist';
    writeAuthState(this.#store, { ...this.#state, enabled: true, secret });
    return undefined;
  }

  #disable(): undefined {
    if (this.#state.enabled) this.#changed({ enabled: false, secret: emptyBytes });
  }

  #addUser(name: string, password: Uint8Array | undefined): KeyErrorCode | undefined {
    if (name === '') return 'userEmpty';
    if (utf8(name).length > maxAuthNameBytes || tooLong(password)) return 'authLimit';
    if (readUser(this.#store, name) !== undefined) return 'userAlreadyExists';
    const users = this.#state.users + 1;
    if (users > maxUsers) return 'authLimit';
    writeUser(this.#store, { name, password, credentialRevision: this.#nextRevision, roles: [] });
    return this.#changed({ users });
  }

  #deleteUser(name: string): KeyErrorCode | undefined {
    if (this.#state.enabled && name === rootUser) return 'invalidAuthManagement';
    if (readUser(this.#store, name) === undefined) return 'userNotFound';
    deleteUser(this.#store, name);
    return this.#changed({ users: this.#state.users - 1 });
  }

  /** A user without a password stays one. */
  #changePassword(name: string, password: Uint8Array): KeyErrorCode | undefined {
    if (tooLong(password)) return 'authLimit';
    const user = readUser(this.#store, name);
    if (user === undefined) return 'userNotFound';
    writeUser(this.#store, {
      ...user,
      password: user.password === undefined ? undefined : password,
      credentialRevision: this.#nextRevision,
    });
    return this.#changed();
  }

  #grantRole(userName: string, role: string): KeyErrorCode | undefined {
    const user = readUser(this.#store, userName);
    if (user === undefined) return 'userNotFound';
    if (role !== rootRole && readRole(this.#store, role) === undefined) return 'roleNotFound';
    if (user.roles.includes(role)) return undefined;
    if (user.roles.length === maxRolesOfUser) return 'authLimit';
    writeUser(this.#store, { ...user, roles: [...user.roles, role].sort(compareNames) });
    return this.#changed();
  }

  #revokeRole(userName: string, role: string): KeyErrorCode | undefined {
    if (this.#state.enabled && userName === rootUser && role === rootRole) return 'invalidAuthManagement';
    const user = readUser(this.#store, userName);
    if (user === undefined) return 'userNotFound';
    if (!user.roles.includes(role)) return 'roleNotGranted';
    writeUser(this.#store, without(user, role));
    return this.#changed();
  }

  #addRole(name: string): KeyErrorCode | undefined {
    if (name === '') return 'roleEmpty';
    if (utf8(name).length > maxAuthNameBytes) return 'authLimit';
    if (readRole(this.#store, name) !== undefined) return 'roleAlreadyExists';
    const roles = this.#state.roles + 1;
    if (roles > maxRoles) return 'authLimit';
    writeRole(this.#store, { name, permissions: [] });
    return this.#changed({ roles });
  }

  #deleteRole(name: string): KeyErrorCode | undefined {
    if (this.#state.enabled && name === rootRole) return 'invalidAuthManagement';
    if (readRole(this.#store, name) === undefined) return 'roleNotFound';
    deleteRole(this.#store, name);
    const holders = [...allUsers(this.#store)].filter(({ roles }) => roles.includes(name));
    for (const user of holders) writeUser(this.#store, without(user, name));
    return this.#changed({ roles: this.#state.roles - 1 });
  }

  #grantPermission(roleName: string, permission: Permission): KeyErrorCode | undefined {
    const { range } = permission;
    if (range.from.length === 0 || isEmptyRange(range)) return 'invalidAuthManagement';
    if (range.from.length > maxBoundBytes || lengthOf(range.to) > maxBoundBytes) return 'authLimit';
    const role = readRole(this.#store, roleName);
    if (role === undefined) return 'roleNotFound';
    const permissions = others(role, range);
    if (permissions.length === maxPermissionsOfRole) return 'authLimit';
    permissions.push(permission);
    if (boundBytes(permissions) > maxPermissionBytesOfRole) return 'authLimit';
    permissions.sort((a, b) => compareRanges(a.range, b.range));
    writeRole(this.#store, { ...role, permissions });
    return this.#changed();
  }

  #revokePermission(roleName: string, range: KeyRange): KeyErrorCode | undefined {
    const role = readRole(this.#store, roleName);
    if (role === undefined) return 'roleNotFound';
    const permissions = others(role, range);
    if (permissions.length === role.permissions.length) return 'permissionNotGranted';
    writeRole(this.#store, { ...role, permissions });
    return this.#changed();
  }

  get #nextRevision(): bigint {
    return this.#state.revision + 1n;
  }

  #changed(state: Partial<AuthState> = {}): undefined {
    writeAuthState(this.#store, { ...this.#state, ...state, revision: this.#nextRevision });
  }
}

/** The end of the range in which the longest key is alone. */
const maxBoundBytes = maxEscapedKeyBytes + 1;

const lengthOf = (bound: Uint8Array | undefined): number => bound?.length ?? 0;

/** Of what was granted, not of what it comes to: that may grow when a permission is taken away. */
const boundBytes = (permissions: readonly Permission[]): number =>
  permissions.reduce((sum, { range }) => sum + range.from.length + lengthOf(range.to), 0);

const tooLong = (password: Uint8Array | undefined): boolean =>
  password !== undefined && password.length > maxPasswordHashBytes;

const without = (user: User, role: string): User => ({
  ...user,
  roles: user.roles.filter((held) => held !== role),
});

const others = (role: Role, range: KeyRange): Permission[] =>
  role.permissions.filter((permission) => compareRanges(permission.range, range) !== 0);
