import { assert } from '../../../core/assert.ts';
import type { Observed, Property } from './property.ts';
import type { Chosen } from './state-machine-safety.ts';

export class LeaderCompleteness implements Property {
  readonly promised = {
    name: 'leader completeness',
    file: 'leader-completeness.ts',
    source: 'Raft (2014), figure 3 and section 5.4.3',
    checks: 'whoever begins to lead holds every entry that was delivered in an earlier term',
    notChecked: 'what was committed and never delivered anywhere; entries that a snapshot stands for',
  };
  readonly #chosen: readonly Chosen[];

  constructor(chosen: readonly Chosen[]) {
    this.#chosen = chosen;
  }

  observe({ state, seen }: Observed): void {
    const { role, log, hardState } = state;
    if (role.type !== 'leader' || (seen?.led === true && seen.term === hardState.term)) return;
    for (let at = log.floor.index + 1; at <= this.#chosen.length; at++) {
      const { byTerm, entry } = this.#chosen[at - 1] as Chosen;
      if (byTerm >= hardState.term) continue;
      const holds = log.termAt(at) === entry.epoch;
      assert(holds, `the leader of term ${hardState.term} holds the committed entry ${at}`);
    }
  }
}
