import type { KeyRange } from '../key-range.ts';

/** On whose behalf a command is ordered. */
export interface Identity {
  readonly user: string;
  /** Of the rules by which a door let the command through: see `authorize`. */
  readonly authRevision: bigint;
}

/** Nobody in particular orders while users are not asked for; a replica orders what it has to do by itself. */
export type Author =
  | { readonly type: 'user'; readonly identity: Identity }
  | { readonly type: 'nobody' }
  | { readonly type: 'replica' };

export type Access = 'read' | 'write';

export type PermissionType = Access | 'readWrite';

export interface Permission {
  readonly type: PermissionType;
  readonly range: KeyRange;
}

/**
 * A change of who may do what. Passwords are hashes: nobody but the door that took a password ever sees it, and what it
 * made of it is opaque here.
 */
export type AuthChange =
  /** `secret` becomes the key of the cluster's tokens, unless users are asked for already. */
  | { readonly type: 'enable'; readonly secret: Uint8Array }
  | { readonly type: 'disable' }
  /** A user without a password can only be who a certificate says. */
  | { readonly type: 'addUser'; readonly user: string; readonly password: Uint8Array | undefined }
  | { readonly type: 'deleteUser'; readonly user: string }
  | { readonly type: 'changePassword'; readonly user: string; readonly password: Uint8Array }
  | { readonly type: 'grantRole'; readonly user: string; readonly role: string }
  | { readonly type: 'revokeRole'; readonly user: string; readonly role: string }
  | { readonly type: 'addRole'; readonly role: string }
  | { readonly type: 'deleteRole'; readonly role: string }
  /** Takes the place of a permission of the role on the same range. */
  | { readonly type: 'grantPermission'; readonly role: string; readonly permission: Permission }
  | { readonly type: 'revokePermission'; readonly role: string; readonly range: KeyRange };

export interface AuthRequest {
  readonly type: 'auth';
  readonly change: AuthChange;
}

export interface AuthResult {
  readonly type: 'auth';
}

/** The user, and the role, without whom users cannot be asked for: they may do everything. */
export const rootUser = 'root';
export const rootRole = 'root';
