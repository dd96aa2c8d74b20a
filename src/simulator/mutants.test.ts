import { afterAll, describe, expect, it } from 'vitest';
import { present } from '../core/assert.ts';
import { type Hunt, huntFor, hunts } from './hunting.ts';
import { hostMutants, mutantsOf, type WorldMutant } from './mutants.ts';
import { simulateWorld } from './simulate.ts';

/** A mistake counts as caught when one of so many worlds fails. */
const seeds = 200;
const caught: string[] = [];

function expectCaught(mutant: WorldMutant): void {
  const { name, trap, where, parts } = mutant;
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation, simulatedMs } = simulateWorld(hunts[huntFor(mutant)](seed), parts);
    if (violation === undefined) continue;
    const detail = violation.detail.split('\n')[0]?.slice(0, 120);
    caught.push(
      `${name} (${trap ?? where}): seed ${seed}, ${simulatedMs.toFixed(0)} ms, ${violation.type}, ${violation.property}: ${detail}`,
    );
    return;
  }
  expect.unreachable(`${name} is not caught in ${seeds} worlds`);
}

afterAll(() => {
  process.stdout.write(`${caught.join('\n')}\n`);
});

describe('mistakes of the host are caught', () => {
  for (const mutant of hostMutants) it(mutant.name, { timeout: 300_000 }, () => expectCaught(mutant));
});

describe('mistakes of Raft are caught by whole replicas', () => {
  it.each([
    'commits-earlier-terms',
    'acknowledges-before-durable',
    'forgets-terms',
    'truncates-without-conflict',
    'commits-beyond-request',
    'acknowledges-last-entry',
    'reads-before-own-entry',
    'reuses-read-rounds',
    'disturbs-the-leader',
    'leads-without-quorum',
    'trusts-overtaken-writes',
    'counts-unsynced-self',
    'commits-uncompared',
    'configures-at-commit',
    'counts-learners',
    'lease-outlasts-promise',
  ])('%s', { timeout: 300_000 }, (name) => {
    const mutant = mutantsOf('raft').find((candidate) => candidate.name === name);
    expectCaught(present(mutant, `a mutant ${name}`));
  });
});

describe('what is right is not', () => {
  const kinds = Object.keys(hunts) as Hunt[];
  it.each(kinds)('worlds that are %s keep every promise', { timeout: 300_000 }, (hunt) => {
    for (let seed = 1; seed <= 5; seed++) expect(simulateWorld(hunts[hunt](seed)).violation).toBeUndefined();
  });
});
