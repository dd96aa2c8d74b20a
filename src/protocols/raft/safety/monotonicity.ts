import { assert } from '../../../core/assert.ts';
import type { Observed, Property } from './property.ts';

export class Monotonicity implements Property {
  readonly promised = {
    name: 'terms and commit indexes never go back',
    file: 'monotonicity.ts',
    source: 'Raft (2014), figure 2: state; section 5.1',
    checks: 'from step to step of one life',
    notChecked:
      'over a restart, after which the commit index is found out again; terms that were durable: forgets-terms is caught by what follows from it',
  };

  observe({ state, seen }: Observed): void {
    if (seen === undefined) return;
    assert(state.hardState.term >= seen.term, 'terms never go back');
    assert(state.commit >= seen.commit, 'the commit index never goes back');
  }
}
