import { expect, test } from 'vitest';
import { Random } from '../../../../src/core/random.ts';
import { benchmarkDepot } from '../bench/depots.ts';
import { compileProblem } from '../model/compile-problem.ts';
import { limits } from '../model/limits.ts';
import { parseScenario } from '../model/parse-scenario.ts';
import { openInlineSolver } from '../planning/highs.ts';
import { planning } from './planning.ts';
import { strategies } from './registry.ts';
import { runStrategy } from './run.ts';

test('10,000 vehicles: a plan with progress, or a message that says what to do', async () => {
  const scenario = benchmarkDepot(10_000, 'large');
  expect(parseScenario(scenario).type).toBe('valid');
  const problem = compileProblem(scenario);
  const solver = await openInlineSolver();
  const fractions: number[] = [];
  const tools = {
    solver,
    random: Random.fromSeed('large'),
    onProgress: (_: string, f: number) => fractions.push(f),
  };
  const plan = await runStrategy(problem, strategies.edf(), tools);
  expect(fractions).toHaveLength(96);
  expect(fractions.at(-1)).toBe(1);
  const gridKw = problem.importKw[0]?.[0] ?? 0;
  for (let step = 0; step < problem.steps; step++) {
    const sum = plan.powerKw.reduce((total, row) => total + (row[step] ?? 0), 0);
    expect(sum).toBeLessThanOrEqual(gridKw + 1e-3);
  }
  await expect(runStrategy(problem, planning({ timeLimitS: 0 }), tools)).rejects.toThrow(
    /No plan for 10000 buses: charge early: no optimum within 0 s; allow more time, take longer steps or divide/,
  );
  await solver.close();
});

test('more than memory could hold is refused', () => {
  const scenario = benchmarkDepot(10, 'large');
  const parsed = parseScenario({ ...scenario, steps: limits.steps + 1 });
  expect(parsed).toMatchObject({
    type: 'invalid',
    findings: expect.arrayContaining([
      { path: 'steps', message: `must be at most ${limits.steps}, is ${limits.steps + 1}` },
    ]),
  });
});
