import { assert } from '../../../core/assert.ts';
import type { Epoch } from '../../../core/ids.ts';
import type { Entry } from '../messages.ts';
import type { Observed, Property } from './property.ts';
import { sameEntry } from './state-machine-safety.ts';

/** What was ever at an index in a term, and the term before it. */
interface Written {
  readonly entry: Entry;
  readonly previousTerm: Epoch | undefined;
}

export class LogMatching implements Property {
  readonly promised = {
    name: 'log matching',
    file: 'log-matching.ts',
    source: 'Raft (2014), figure 3 and section 5.3',
    checks:
      'two logs that hold an entry of the same index and term are the same up to it, by induction over the terms before; also with logs of earlier lives',
    notChecked: 'entries below the floor of a log, which are delivered: state machine safety',
  };
  /** By index; mostly one for each. */
  readonly #written: Written[][] = [];

  observe({ state: { log }, seen }: Observed): void {
    const compared = seen?.lastEntry;
    const unchanged = compared !== undefined && log.get(compared.index) === compared;
    const from = unchanged ? compared.index + 1 : log.floor.index + 1;
    for (let at = from; at <= log.lastIndex; at++)
      this.#compare(at, log.get(at) as Entry, log.termAt(at - 1));
  }

  #compare(at: number, entry: Entry, previousTerm: Epoch | undefined): void {
    const here = this.#written[at];
    const known = here?.find((each) => each.entry.epoch === entry.epoch);
    if (known === undefined) {
      if (here === undefined) this.#written[at] = [{ entry, previousTerm }];
      else here.push({ entry, previousTerm });
      return;
    }
    const where = `at ${at} in term ${entry.epoch}`;
    assert(sameEntry(known.entry, entry), `there is one entry ${where}`);
    assert(known.previousTerm === previousTerm, `logs that meet ${where} are the same before it`);
  }
}
