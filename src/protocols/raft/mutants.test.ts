import { describe, expect, test } from 'vitest';
import { InvariantViolation } from '../../core/assert.ts';
import { explore } from './exploration.ts';
import { mutants } from './mutants.ts';

test('dbg', () => {
  for (const mutant of [undefined, ...mutants]) {
    const t = performance.now();
    let found: string | undefined; let committed = 0; let seeds = 0;
    for (let seed = 0; seed < 300 && found === undefined; seed++) {
      seeds++;
      try { committed += explore(`${seed}`, 400, mutant); } catch (e) { found = (e as Error).message; if (!(e instanceof InvariantViolation)) throw e; }
    }
    console.log(mutant?.name, seeds, committed, Math.round(performance.now() - t), found);
  }
}, 600_000);
