import { assert } from '../../../core/assert.ts';
import { equalBytes } from '../../../core/bytes.ts';
import type { Epoch } from '../../../core/ids.ts';
import type { CommittedEntry } from '../../../protocol/index.ts';
import type { Entry } from '../messages.ts';
import type { Observed, Property } from './property.ts';

/** Something committed, and an upper bound for the term in which that happened. */
export interface Chosen {
  readonly entry: CommittedEntry;
  readonly byTerm: Epoch;
}

export class StateMachineSafety implements Property {
  readonly promised = {
    name: 'state machine safety',
    file: 'state-machine-safety.ts',
    source: 'Raft (2014), figure 3 and section 5.4.3',
    checks: 'no two replicas ever deliver different entries at an index; indexes are delivered without gaps',
    notChecked: 'what the machine makes of them: `equal states` does',
  };
  /** What any replica has delivered, from index 1 on. */
  readonly chosen: Chosen[] = [];

  observe({ committed, state }: Observed): void {
    for (const entry of committed) {
      const chosen = this.chosen[entry.index - 1];
      if (chosen !== undefined) {
        assert(sameEntry(chosen.entry, entry), `entry ${entry.index} is the same everywhere`);
      } else {
        assert(entry.index === this.chosen.length + 1, 'entries are delivered without gaps');
        this.chosen.push({ entry, byTerm: state.hardState.term });
      }
    }
  }
}

export const sameEntry = (one: Entry, other: Entry): boolean =>
  one === other ||
  (one.epoch === other.epoch &&
    one.kind === other.kind &&
    one.time === other.time &&
    equalBytes(one.payload, other.payload));
