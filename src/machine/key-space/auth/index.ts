export { type Authored, decodeAuthored, encodeAuthored, encodeOfReplica } from './authored.ts';
export {
  authorize,
  type LeaseKeys,
  type Need,
  needsOf,
  needsOfLease,
  type Requirement,
} from './authorize.ts';
export { singleKey } from './coverage.ts';
export {
  type AuthState,
  allUsers,
  isAuthEnabled,
  isRoot,
  type Role,
  readAuthState,
  readRole,
  readUser,
  roleNames,
  type User,
} from './records.ts';
export * from './requests.ts';
