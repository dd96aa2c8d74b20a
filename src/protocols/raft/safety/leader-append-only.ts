import { assert } from '../../../core/assert.ts';
import type { Observed, Property } from './property.ts';

export class LeaderAppendOnly implements Property {
  readonly promised = {
    name: 'leader append-only',
    file: 'leader-append-only.ts',
    source: 'Raft (2014), figure 3 and section 5.3',
    checks:
      'from step to step, a leader holds in its place the last entry that it held in the same term before',
    notChecked: 'entries below its end that are replaced while the end stays: log matching finds those',
  };

  observe({ state, seen }: Observed): void {
    const { role, log, hardState } = state;
    if (role.type !== 'leader' || seen?.led !== true || seen.term !== hardState.term) return;
    const last = seen.lastEntry;
    if (last === undefined || last.index <= log.floor.index) return;
    assert(log.get(last.index) === last, `the leader of term ${hardState.term} keeps entry ${last.index}`);
  }
}
