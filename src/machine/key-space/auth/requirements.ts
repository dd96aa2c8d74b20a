import { assertNever } from '../../../core/assert.ts';
import type { ReadStore } from '../../../core/store.ts';
import { leaseKeys } from '../leases.ts';
import type { KeyCommand } from '../requests.ts';
import { needsOf, needsOfLease, type Requirement } from './authorize.ts';
import type { Identity } from './requests.ts';

/**
 * What somebody must be allowed who orders a command; undefined for what a replica may order on nobody's behalf, whose
 * own matter it is or who has asked the clients themselves. By the leases in `store`.
 */
export function requirementOf(
  store: ReadStore,
  command: KeyCommand,
  identity: Identity | undefined,
): Requirement | undefined {
  const keysOf = (lease: bigint): Iterable<Uint8Array> => leaseKeys(store, lease);
  switch (command.type) {
    case 'put':
    case 'delete':
    case 'txn':
      return { type: 'keys', needs: needsOf(command, keysOf) };
    case 'revoke':
      return { type: 'keys', needs: needsOfLease(command.lease, keysOf) };
    case 'compact':
      // A replica that was told how much history to keep compacts by itself.
      return identity === undefined ? undefined : { type: 'user' };
    case 'grant':
      return { type: 'user' };
    case 'auth':
      return { type: 'root' };
    case 'alarm':
      // A replica that has no room says so by itself.
      return identity === undefined && command.action === 'activate' ? undefined : { type: 'root' };
    case 'renew':
    case 'sweep':
    case 'leaseTerm':
    case 'expire':
      return undefined;
    default:
      return assertNever(command);
  }
}
