import { assert } from '../../../core/assert.ts';
import type { Epoch, NodeId } from '../../../core/ids.ts';
import type { Observed, Property } from './property.ts';

export class ElectionSafety implements Property {
  readonly promised = {
    name: 'election safety',
    file: 'election-safety.ts',
    source: 'Raft (2014), figure 3 and section 5.2',
    checks: 'a term is led by one replica at most, and in one life of it',
    notChecked: '—',
  };
  readonly #leaders = new Map<Epoch, NodeId>();

  observe({ id, state, seen }: Observed): void {
    const { term } = state.hardState;
    if (state.role.type !== 'leader' || (seen?.led === true && seen.term === term)) return;
    const leader = this.#leaders.get(term);
    assert(
      leader === undefined || leader === id,
      `term ${term} has one leader, and not both ${leader} and ${id}`,
    );
    assert(leader === undefined, `term ${term} has one leader, and ${id} does not lead it twice`);
    this.#leaders.set(term, id);
  }
}
