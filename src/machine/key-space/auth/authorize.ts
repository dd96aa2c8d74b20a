import { assertNever } from '../../../core/assert.ts';
import type { ReadStore } from '../../../core/store.ts';

import type { KeyRange } from '../key-range.ts';
import type { KeyErrorCode, Operation, PutRequest } from '../requests.ts';
import { covers, type KeySet, singleKey } from './coverage.ts';
import { isRoot, readAuthState, readRoleKeys, readUser, type User } from './records.ts';
import type { Access, Identity } from './requests.ts';

/** Keys that a request reads or writes, whichever way it goes. */
export interface Need {
  readonly access: Access;
  readonly range: KeyRange;
}

/** What somebody must be allowed: to touch keys, to be anybody at all, or to be one who may do everything. */
export type Requirement =
  | { readonly type: 'keys'; readonly needs: Iterable<Need> }
  | { readonly type: 'user' }
  | { readonly type: 'root' };

/**
 * Why somebody may not do something by the rules in `store`, or undefined. A door asks before it orders or reads; and
 * the machine asks again, of what was ordered, since the rules may have changed on the way.
 *
 * Users, roles and permissions are those of now. That `identity` is of older rules (`authOldRevision`) says in addition
 * that it may not be what it was, the name of somebody else, or of a token that is worth nothing any more; for requests
 * of administrators that would only mean that they cannot follow upon each other, and is not asked.
 */
export function authorize(
  store: ReadStore,
  identity: Identity | undefined,
  requirement: Requirement,
): KeyErrorCode | undefined {
  const state = readAuthState(store);
  if (!state.enabled) return undefined;
  if (identity === undefined || identity.user === '') return 'userEmpty';
  const user = readUser(store, identity.user);
  switch (requirement.type) {
    case 'root':
      if (user === undefined) return 'userNotFound';
      return isRoot(user) ? undefined : 'permissionDenied';
    case 'user':
    case 'keys':
      if (identity.authRevision < state.revision) return 'authOldRevision';
      if (user === undefined) return 'permissionDenied';
      if (requirement.type === 'user' || isRoot(user)) return undefined;
      return new Permissions(store, user).allow(requirement.needs) ? undefined : 'permissionDenied';
    default:
      return assertNever(requirement);
  }
}

/** What an operation reads and writes; of a transaction, its comparisons and both of its branches. */
export function* needsOf(operation: Operation, leaseKeys: LeaseKeys): Generator<Need, undefined, undefined> {
  switch (operation.type) {
    case 'range':
      yield { access: 'read', range: operation.range };
      return;
    case 'put':
      yield* needsOfPut(operation, leaseKeys);
      return;
    case 'delete':
      yield { access: 'write', range: operation.range };
      if (operation.previous) yield { access: 'read', range: operation.range };
      return;
    case 'txn':
      for (const { range } of operation.compare) yield { access: 'read', range };
      for (const inner of operation.success) yield* needsOf(inner, leaseKeys);
      for (const inner of operation.failure) yield* needsOf(inner, leaseKeys);
      return;
    default:
      assertNever(operation);
  }
}

/** The keys that are attached to a lease; none when there is no such lease. */
export type LeaseKeys = (lease: bigint) => Iterable<Uint8Array>;

/** Whoever can end a lease deletes its keys; and whoever attaches a key to it keeps it from those who could not. */
export function* needsOfLease(lease: bigint, leaseKeys: LeaseKeys): Generator<Need, undefined, undefined> {
  for (const key of leaseKeys(lease)) yield { access: 'write', range: singleKey(key) };
}

function* needsOfPut(put: PutRequest, leaseKeys: LeaseKeys): Generator<Need, undefined, undefined> {
  const range = singleKey(put.key);
  yield { access: 'write', range };
  if (put.previous) yield { access: 'read', range };
  if (put.lease !== 0n) yield* needsOfLease(put.lease, leaseKeys);
}

/** The keys that one user may read or write, gathered from his roles as far as they are wanted. */
class Permissions {
  readonly #store: ReadStore;
  readonly #user: User;
  readonly #keys = new Map<Access, readonly KeySet[]>();

  constructor(store: ReadStore, user: User) {
    this.#store = store;
    this.#user = user;
  }

  allow(needs: Iterable<Need>): boolean {
    for (const { access, range } of needs) if (!covers(this.#keysFor(access), range)) return false;
    return true;
  }

  #keysFor(access: Access): readonly KeySet[] {
    let keys = this.#keys.get(access);
    if (keys === undefined) {
      const found = this.#user.roles.map((role) => readRoleKeys(this.#store, role, access));
      keys = found.filter((each) => each !== undefined);
      this.#keys.set(access, keys);
    }
    return keys;
  }
}
