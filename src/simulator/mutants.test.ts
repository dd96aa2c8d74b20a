import { afterAll, describe, expect, it } from 'vitest';
import { laboratory } from '../protocols/laboratory.ts';
import { huntingWorld } from './hunting.ts';
import { hostMutants } from './mutants.ts';
import type { WorldOptions } from './options.ts';
import { simulateWorld } from './simulate.ts';
import type { WorldParts } from './world.ts';

/** A mistake counts as caught when one of so many worlds fails. */
const seeds = 200;

const contested = (seed: number): WorldOptions => huntingWorld('protocol', seed);
const powerless = (seed: number): WorldOptions => huntingWorld('disk', seed);

const caught: string[] = [];

function expectCaught(name: string, world: (seed: number) => WorldOptions, parts: Partial<WorldParts>): void {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violation, simulatedMs } = simulateWorld(world(seed), parts);
    if (violation === undefined) continue;
    const detail = violation.detail.split('\n')[0]?.slice(0, 120);
    caught.push(
      `${name}: seed ${seed}, ${simulatedMs.toFixed(0)} ms, ${violation.type}, ${violation.property}: ${detail}`,
    );
    return;
  }
  expect.unreachable(`${name} is not caught in ${seeds} worlds`);
}

afterAll(() => {
  process.stdout.write(`${caught.join('\n')}\n`);
});

describe('mistakes of the host are caught', () => {
  for (const { name, parts } of hostMutants) {
    it(name, { timeout: 300_000 }, () => expectCaught(name, powerless, parts));
  }
});

describe('mistakes of Raft are caught by whole replicas', () => {
  const sample = [
    'acknowledges-before-durable',
    'forgets-terms',
    'truncates-without-conflict',
    'reads-before-own-entry',
    'reuses-read-rounds',
    'trusts-overtaken-writes',
    'counts-unsynced-self',
    'commits-uncompared',
  ];
  const mutants = laboratory.get('raft')?.mutants ?? [];
  for (const name of sample) {
    it(name, { timeout: 300_000 }, () => {
      const mutant = mutants.find((candidate) => candidate.name === name);
      expect(mutant, `a mutant ${name}`).toBeDefined();
      if (mutant !== undefined)
        expectCaught(`${name} (${mutant.trap})`, contested, { definition: mutant.definition });
    });
  }
});

describe('what is right is not', () => {
  it('these worlds keep every promise', { timeout: 300_000 }, () => {
    for (let seed = 1; seed <= 20; seed++) {
      expect(simulateWorld(contested(seed)).violation).toBeUndefined();
      expect(simulateWorld(powerless(seed)).violation).toBeUndefined();
    }
  });
});
