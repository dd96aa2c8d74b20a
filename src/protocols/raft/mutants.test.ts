import { describe, expect, test } from 'vitest';
import { InvariantViolation } from '../../core/assert.ts';
import { explore } from './exploration.ts';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutants.ts';
import { CorruptRecord } from './records.ts';
import { RaftRehearsal } from './rehearsal.ts';
import { raftRules } from './rules.ts';
import { schedules } from './schedules.ts';

/** What a schedule has found; undefined when nothing is wrong. */
function finding(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof InvariantViolation || error instanceof CorruptRecord) return error.message;
    throw error;
  }
}

function run(name: string, mutant: Mutant | undefined): string | undefined {
  const schedule = schedules.get(name);
  if (schedule === undefined) throw new Error(`there is no schedule for ${name}`);
  const { replicas, spares = 0, leaseReads } = schedule;
  return finding(() => schedule.run(new RaftRehearsal(replicas, { mutant, spares, leaseReads })));
}

describe('every mutant is caught by a schedule that Raft survives', () => {
  test.each(mutants)('$trap $name', (mutant) => {
    expect(run(mutant.name, undefined)).toBeUndefined();
    expect(run(mutant.name, mutant)).toMatch(schedules.get(mutant.name)?.finds ?? /never/);
  });

  test('and each schedule belongs to one', () => {
    expect([...schedules.keys()]).toEqual(mutants.map(({ name }) => name));
  });
});

test('every rule is replaced by a mutant', () => {
  const replaced = new Set(mutants.flatMap(({ rules }) => Object.keys(rules ?? {})));
  expect(Object.keys(raftRules).filter((rule) => !replaced.has(rule))).toEqual([]);
});

describe('random schedules', () => {
  const seeds = Array.from({ length: 225 }, (_, seed) => `${seed}`);

  test('Raft survives them, and gets things done in them', () => {
    let committed = 0;
    for (const seed of seeds) committed += explore(seed, 600);
    expect(committed).toBeGreaterThan(9 * seeds.length);
  });

  const found = [
    'acknowledges-before-durable',
    'forgets-terms',
    'truncates-without-conflict',
    'reads-before-own-entry',
    'reuses-read-rounds',
    'trusts-overtaken-writes',
    'counts-unsynced-self',
    'installs-old-snapshots',
    'drops-matching-suffix',
  ];
  test.each(mutants.filter(({ name }) => found.includes(name)))('they find $name too', (mutant) => {
    const hit = seeds.some((seed) => finding(() => explore(seed, 600, mutant)) !== undefined);
    expect(hit).toBe(true);
  });
});
