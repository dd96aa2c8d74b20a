import type { Epoch } from '../../core/ids.ts';
import type { ReadStore } from '../../core/store.ts';
import type { DutyTimes, MachineDuties } from '../machine.ts';
import { encodeCommand } from './command-codec.ts';
import { isSwept } from './compaction.ts';
import { dueLeases, readLeaseTerm } from './leases.ts';
import { readPresent } from './revisions.ts';

const leaseTerm = encodeCommand({ type: 'leaseTerm' });
const sweep = encodeCommand({ type: 'sweep' });

/** What the leader orders by itself: leases end, and space is given back. docs/decisions/0007-leases.md says why so. */
export const keySpaceDuties: MachineDuties = {
  lead: () => leaseTerm,
  next(store, times, epoch) {
    if (readPresent(store).corrupt) return undefined;
    return nextExpiry(store, times, epoch) ?? (isSwept(store) ? undefined : sweep);
  },
};

function nextExpiry(store: ReadStore, { applied, now }: DutyTimes, epoch: Epoch): Uint8Array | undefined {
  if (readLeaseTerm(store).epoch !== epoch) return undefined;
  const next = dueLeases(store).next();
  if (next.done === true || next.value.at > now) return undefined;
  // A lease that looks due may have been renewed by an entry that is on its way. So nothing ends before an entry of its
  // time was applied: while there is none, this command is that entry, and ends nothing.
  return encodeCommand({ type: 'expire', epoch, until: applied });
}
