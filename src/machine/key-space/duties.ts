import type { Epoch } from '../../core/ids.ts';
import type { ReadStore } from '../../core/store.ts';
import type { Duty, DutyTimes, MachineDuties } from '../machine.ts';
import { encodeCommand } from './command-codec.ts';
import { isSwept } from './compaction.ts';
import { dueLeases, readLeaseTerm } from './leases.ts';
import { readPresent } from './revisions.ts';

const leaseTerm = encodeCommand({ type: 'leaseTerm' });
const sweep: Duty = { type: 'now', command: encodeCommand({ type: 'sweep' }) };

/** What the leader orders by itself: leases end, and space is given back. docs/decisions/0007-leases.md says why so. */
export const keySpaceDuties: MachineDuties = {
  lead: () => leaseTerm,
  next(store, times, epoch) {
    if (readPresent(store).corrupt) return undefined;
    const expiry = nextExpiry(store, times, epoch);
    if (expiry?.type === 'now' || isSwept(store)) return expiry;
    return sweep;
  },
};

function nextExpiry(store: ReadStore, { applied, now }: DutyTimes, epoch: Epoch): Duty | undefined {
  if (readLeaseTerm(store).epoch !== epoch) return undefined;
  const next = dueLeases(store).next();
  if (next.done === true) return undefined;
  const { at } = next.value;
  if (at > now) return { type: 'at', time: at };
  // A lease that looks due may have been renewed by an entry that is on its way. So nothing ends before an entry of its
  // time was applied: while there is none, this command is that entry, and ends nothing.
  return { type: 'now', command: encodeCommand({ type: 'expire', epoch, until: applied }) };
}
