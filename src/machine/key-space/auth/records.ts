import { compareBytes, concatBytes, emptyBytes, utf8, utf8Text } from '../../../core/bytes.ts';
import { Reader, Writer } from '../../../core/codec.ts';
import type { ReadStore, Store } from '../../../core/store.ts';
import { readPresent, writePresent } from '../revisions.ts';
import { readPermission, writePermission } from './codec.ts';
import { type KeySet, keySet } from './coverage.ts';
import { type Access, type Permission, rootRole } from './requests.ts';

/** Tables of the key space: numbers are never reused. Names are in their UTF-8 bytes, and so in the order of these. */
const stateKey = Uint8Array.of(0x40);
const usersTable = 0x41;
const rolesTable = 0x42;

/** Whether users are asked for who they are, and by which rules. */
export interface AuthState {
  readonly enabled: boolean;
  /** Rises with every change of users, roles and permissions; 1 before the first. */
  readonly revision: bigint;
  /** Key of the cluster's tokens; empty while users are not asked for. */
  readonly secret: Uint8Array;
  readonly users: number;
  readonly roles: number;
}

export interface User {
  readonly name: string;
  /** What the door made of the password; undefined for a user who has none. */
  readonly password: Uint8Array | undefined;
  /** Revision of the rules at which the user was made, or the password changed last: older tokens are worth nothing. */
  readonly credentialRevision: bigint;
  /** Sorted. */
  readonly roles: readonly string[];
}

export interface Role {
  readonly name: string;
  /** Sorted by range. */
  readonly permissions: readonly Permission[];
}

export function readAuthState(store: ReadStore): AuthState {
  const enabled = isAuthEnabled(store);
  const bytes = store.get(stateKey);
  if (bytes === undefined) return { enabled, revision: 1n, secret: emptyBytes, users: 0, roles: 0 };
  const reader = new Reader(bytes);
  return {
    enabled,
    revision: BigInt(reader.uint()),
    users: reader.uint(),
    roles: reader.uint(),
    secret: reader.bytes(),
  };
}

/** The same as `readAuthState(store).enabled`: kept where every command looks anyway. */
export function isAuthEnabled(store: ReadStore): boolean {
  return readPresent(store).authEnabled;
}

export function writeAuthState(store: Store, state: AuthState): void {
  const present = readPresent(store);
  if (present.authEnabled !== state.enabled) writePresent(store, { ...present, authEnabled: state.enabled });
  const writer = new Writer(64)
    .uint(Number(state.revision))
    .uint(state.users)
    .uint(state.roles)
    .bytes(state.secret);
  store.put(stateKey, writer.finish());
}

export function readUser(store: ReadStore, name: string): User | undefined {
  const bytes = store.get(nameKey(usersTable, name));
  return bytes === undefined ? undefined : decodeUser(name, bytes);
}

export function writeUser(store: Store, user: User): void {
  const writer = new Writer(128).uint(Number(user.credentialRevision)).bool(user.password !== undefined);
  if (user.password !== undefined) writer.bytes(user.password);
  writer.uint(user.roles.length);
  for (const role of user.roles) writer.string(role);
  store.put(nameKey(usersTable, user.name), writer.finish());
}

export function deleteUser(store: Store, name: string): void {
  store.delete(nameKey(usersTable, name));
}

/** In the order of their names. */
export function* allUsers(store: ReadStore): Generator<User, undefined, undefined> {
  for (const [name, bytes] of namesOf(store, usersTable)) yield decodeUser(name, bytes);
}

export function readRole(store: ReadStore, name: string): Role | undefined {
  const bytes = store.get(nameKey(rolesTable, name));
  if (bytes === undefined) return undefined;
  const reader = new Reader(bytes);
  reader.bytes();
  reader.bytes();
  const permissions: Permission[] = [];
  for (let left = reader.count(3); left > 0; left--) permissions.push(readPermission(reader));
  return { name, permissions };
}

/** What a role permits, put together; undefined when there is no such role. */
export function readRoleKeys(store: ReadStore, name: string, access: Access): KeySet | undefined {
  const bytes = store.get(nameKey(rolesTable, name));
  if (bytes === undefined) return undefined;
  const reader = new Reader(bytes);
  const reads = reader.bytes();
  return access === 'read' ? reads : reader.bytes();
}

export function writeRole(store: Store, role: Role): void {
  const keys = (access: Access): KeySet =>
    keySet(
      role.permissions
        .filter(({ type }) => type === 'readWrite' || type === access)
        .map(({ range }) => range),
    );
  const writer = new Writer(256).bytes(keys('read')).bytes(keys('write')).uint(role.permissions.length);
  for (const permission of role.permissions) writePermission(writer, permission);
  store.put(nameKey(rolesTable, role.name), writer.finish());
}

export function deleteRole(store: Store, name: string): void {
  store.delete(nameKey(rolesTable, name));
}

/** In their order. */
export function roleNames(store: ReadStore): string[] {
  return [...namesOf(store, rolesTable)].map(([name]) => name);
}

/** True for a user who may do everything. */
export function isRoot(user: User): boolean {
  return user.roles.includes(rootRole);
}

/** The order of names in the store, and in lists. */
export function compareNames(a: string, b: string): number {
  return compareBytes(utf8(a), utf8(b));
}

function decodeUser(name: string, bytes: Uint8Array): User {
  const reader = new Reader(bytes);
  const credentialRevision = BigInt(reader.uint());
  const password = reader.bool() ? reader.bytes() : undefined;
  const roles: string[] = [];
  for (let left = reader.count(1); left > 0; left--) roles.push(reader.string());
  return { name, password, credentialRevision, roles };
}

function* namesOf(
  store: ReadStore,
  table: number,
): Generator<readonly [name: string, record: Uint8Array], undefined, undefined> {
  for (const [key, record] of store.scan({ from: Uint8Array.of(table), to: Uint8Array.of(table + 1) }))
    yield [utf8Text(key.subarray(1)), record];
}

function nameKey(table: number, name: string): Uint8Array {
  return concatBytes([Uint8Array.of(table), utf8(name)]);
}
