import { assertNever } from '../../../core/assert.ts';
import type { ReadStore } from '../../../core/store.ts';
import { leaseKeys } from '../leases.ts';
import type { KeyCommand } from '../requests.ts';
import { type LeaseKeys, type Need, needsOf, needsOfLease, type Requirement } from './authorize.ts';
import type { Author } from './requests.ts';

/**
 * What somebody must be allowed who orders a command; undefined for what a replica may order, whose own matter it is or
 * who has asked the clients themselves. Nobody is no replica: a door that has not heard yet that users are asked for
 * lets nobody's commands through. By the leases in `store`.
 */
export function requirementOf(
  store: ReadStore,
  command: KeyCommand,
  author: Author,
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
      return author.type === 'replica' ? undefined : { type: 'user' };
    case 'grant':
      return { type: 'user' };
    case 'auth':
      return { type: 'root' };
    case 'alarm':
      // A replica that has no room says so by itself.
      return author.type === 'replica' && command.action === 'activate' ? undefined : { type: 'root' };
    case 'renew':
      // A door asks those who keep leases alive, gathers what they want, and orders it as its own.
      return author.type === 'replica'
        ? undefined
        : { type: 'keys', needs: needsOfLeases(command.leases, keysOf) };
    case 'sweep':
    case 'leaseTerm':
    case 'expire':
      // Duties of the leader: no door takes them from anybody.
      return undefined;
    default:
      return assertNever(command);
  }
}

function* needsOfLeases(leases: readonly bigint[], keysOf: LeaseKeys): Generator<Need, undefined, undefined> {
  for (const lease of leases) yield* needsOfLease(lease, keysOf);
}
