import { assert } from '../../../core/assert.ts';
import type { Epoch, NodeId } from '../../../core/ids.ts';
import type { Observed, Property } from './property.ts';

export class ElectionSafety implements Property {
  readonly promised = {
    name: 'election safety',
    file: 'election-safety.ts',
    source: 'Raft (2014), figure 3 and section 5.2',
    checks: 'at most one replica ever leads in a term',
    notChecked: '—',
  };
  readonly #leaders = new Map<Epoch, NodeId>();

  observe({ id, state }: Observed): void {
    if (state.role.type !== 'leader') return;
    const { term } = state.hardState;
    const leader = this.#leaders.get(term);
    if (leader === undefined) this.#leaders.set(term, id);
    else assert(leader === id, `term ${term} has one leader, and not both ${leader} and ${id}`);
  }
}
