import { assertNever } from '../../../core/assert.ts';
import { Malformed, type Reader, type Writer } from '../../../core/codec.ts';
import { readRange, writeRange } from './range-codec.ts';
import type { AuthChange, Identity, Permission, PermissionType } from './requests.ts';

/** Tags and places in the list are never reused: they are in journals and in the store. */
const tag = {
  enable: 1,
  disable: 2,
  addUser: 3,
  deleteUser: 4,
  changePassword: 5,
  grantRole: 6,
  revokeRole: 7,
  addRole: 8,
  deleteRole: 9,
  grantPermission: 10,
  revokePermission: 11,
} as const;
const permissionTypes: readonly PermissionType[] = ['read', 'write', 'readWrite'];

export function writeIdentity(writer: Writer, identity: Identity): Writer {
  return writer.string(identity.user).uint(Number(identity.authRevision));
}

export function readIdentity(reader: Reader): Identity {
  return { user: reader.string(), authRevision: BigInt(reader.uint()) };
}

export function writeAuthChange(writer: Writer, change: AuthChange): void {
  writer.u8(tag[change.type]);
  switch (change.type) {
    case 'enable':
      writer.bytes(change.secret);
      return;
    case 'disable':
      return;
    case 'addUser':
      writer.string(change.user).bool(change.password !== undefined);
      if (change.password !== undefined) writer.bytes(change.password);
      return;
    case 'deleteUser':
      writer.string(change.user);
      return;
    case 'changePassword':
      writer.string(change.user).bytes(change.password);
      return;
    case 'grantRole':
    case 'revokeRole':
      writer.string(change.user).string(change.role);
      return;
    case 'addRole':
    case 'deleteRole':
      writer.string(change.role);
      return;
    case 'grantPermission':
      writePermission(writer.string(change.role), change.permission);
      return;
    case 'revokePermission':
      writeRange(writer.string(change.role), change.range);
      return;
    default:
      assertNever(change);
  }
}

export function readAuthChange(reader: Reader): AuthChange {
  const found = reader.u8();
  switch (found) {
    case tag.enable:
      return { type: 'enable', secret: reader.bytes() };
    case tag.disable:
      return { type: 'disable' };
    case tag.addUser: {
      const user = reader.string();
      return { type: 'addUser', user, password: reader.bool() ? reader.bytes() : undefined };
    }
    case tag.deleteUser:
      return { type: 'deleteUser', user: reader.string() };
    case tag.changePassword:
      return { type: 'changePassword', user: reader.string(), password: reader.bytes() };
    case tag.grantRole:
      return { type: 'grantRole', user: reader.string(), role: reader.string() };
    case tag.revokeRole:
      return { type: 'revokeRole', user: reader.string(), role: reader.string() };
    case tag.addRole:
      return { type: 'addRole', role: reader.string() };
    case tag.deleteRole:
      return { type: 'deleteRole', role: reader.string() };
    case tag.grantPermission:
      return { type: 'grantPermission', role: reader.string(), permission: readPermission(reader) };
    case tag.revokePermission:
      return { type: 'revokePermission', role: reader.string(), range: readRange(reader) };
    default:
      throw new Malformed(`unknown change of users or roles ${found}`);
  }
}

export function writePermission(writer: Writer, permission: Permission): void {
  writeRange(writer.u8(permissionTypes.indexOf(permission.type)), permission.range);
}

export function readPermission(reader: Reader): Permission {
  const type = permissionTypes[reader.u8()];
  if (type === undefined) throw new Malformed('unknown type of permission');
  return { type, range: readRange(reader) };
}
