import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import { Random } from '../../../../src/core/random.ts';
import { compileProblem } from '../model/compile-problem.ts';
import { parseScenario } from '../model/parse-scenario.ts';
import { openInlineSolver } from '../planning/highs.ts';
import type { LpSolver } from '../planning/solver.ts';
import { overloadedConductors } from '../testing/conductors.ts';
import { scenarios } from '../testing/scenarios.ts';
import { evolutionary } from './evolutionary.ts';
import { strategies } from './registry.ts';
import { runStrategy } from './run.ts';
import { planViolations } from './verify.ts';

describe('no plan violates a capacity, a window or a limit in any step', () => {
  let solver: LpSolver | undefined;
  beforeAll(async () => {
    solver = await openInlineSolver();
  });
  afterAll(() => solver?.close());

  const makers = { ...strategies, evolutionary: () => evolutionary({ generations: 3, population: 4 }) };

  test.each(Object.entries(makers))('%s', async (_name, make) => {
    const tools = { solver: present(solver, 'opened before'), random: Random.fromSeed('property') };
    await fc.assert(
      fc.asyncProperty(scenarios(), async (scenario) => {
        expect(parseScenario(scenario)).toMatchObject({ type: 'valid' });
        const problem = compileProblem(scenario);
        const plan = await runStrategy(problem, make(), tools);
        expect(planViolations(problem, plan)).toEqual([]);
        expect(overloadedConductors(scenario, plan)).toEqual([]);
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});
