import { assert } from '../../../core/assert.ts';
import { equalBytes } from '../../../core/bytes.ts';
import type { Epoch, NodeId } from '../../../core/ids.ts';
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
    checks:
      'no two replicas ever deliver different entries at an index; each delivers them in order, none twice in a life and without gaps but for snapshots',
    notChecked: 'what the machine makes of them: `equal states` does',
  };
  /** What any replica has delivered, from index 1 on. */
  readonly chosen: Chosen[] = [];
  /** The last that each replica has delivered in its present life, or begun with. */
  readonly #last = new Map<NodeId, number>();

  observe(observed: Observed): void {
    this.#checkOrder(observed);
    this.#compare(observed);
  }

  #checkOrder({ id, committed, state, seen }: Observed): void {
    // What the host has made durable without being told to came with its state, or in a snapshot.
    let last = Math.max(seen === undefined ? 0 : (this.#last.get(id) ?? 0), state.flushed);
    for (const entry of committed) {
      assert(entry.index === last + 1, `${id} delivers entry ${entry.index} after ${last}`);
      last = entry.index;
    }
    this.#last.set(id, last);
  }

  #compare({ committed, state }: Observed): void {
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
