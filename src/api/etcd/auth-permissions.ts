import { compareBytes, emptyBytes } from '../../core/bytes.ts';
import { type KeyRange, type Permission, type PermissionType, singleKey } from '../../machine/index.ts';
import * as authpb from './gen/authpb/auth.ts';
import { keyRange } from './requests.ts';

// By number in protobuf.
const types: readonly PermissionType[] = ['read', 'write', 'readWrite'];

const zeroByte = new Uint8Array(1);

/** What the role root may do, in the words of etcd. */
export const rootPermission: authpb.Permission = {
  permType: authpb.Permission_Type.READWRITE,
  key: emptyBytes,
  rangeEnd: zeroByte,
};

/** Undefined for a type that nobody knows. */
export function permissionFromPb({ permType, key, rangeEnd }: authpb.Permission): Permission | undefined {
  const type = types[permType];
  return type === undefined ? undefined : { type, range: keyRange(key, rangeEnd) };
}

export function permissionToPb({ type, range }: Permission): authpb.Permission {
  return {
    permType: types.indexOf(type) as authpb.Permission_Type,
    key: range.from,
    rangeEnd: rangeEnd(range),
  };
}

function rangeEnd({ from, to }: KeyRange): Uint8Array {
  if (to === undefined) return zeroByte;
  return compareBytes(to, singleKey(from).to ?? emptyBytes) === 0 ? emptyBytes : to;
}
