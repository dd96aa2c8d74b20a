import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import { Random } from '../../../../src/core/random.ts';
import type { Plan } from '../model/plan.ts';
import { openInlineSolver } from '../planning/highs.ts';
import type { LpSolver } from '../planning/solver.ts';
import { withoutManagement } from '../strategies/no-management.ts';
import { strategies } from '../strategies/registry.ts';
import { runStrategy } from '../strategies/run.ts';
import { planViolations } from '../strategies/verify.ts';
import { problemOf } from '../testing/depots.ts';
import { articleScenario, sampleBus } from './instance.ts';

const problem = problemOf(articleScenario());
let opened: LpSolver | undefined;
let plan: Plan | undefined;
beforeAll(async () => {
  opened = await openInlineSolver();
  plan = await runStrategy(problem, strategies.planning(), {
    solver: opened,
    random: Random.fromSeed('article'),
  });
});
afterAll(() => opened?.close());

const planned = (): Plan => present(plan, 'planned before');
const sample = problem.processes.findIndex(({ id }) => id === sampleBus.id);
const rootKw = ({ powerKw }: Plan): number[] =>
  Array.from({ length: problem.steps }, (_, step) => powerKw.reduce((sum, row) => sum + (row[step] ?? 0), 0));
const energyKwh = (of: Plan): number => rootKw(of).reduce((sum, kw) => sum + kw * problem.stepHours, 0);

test('the sample file is this instance', () => {
  const file = new URL('../../samples/article.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(articleScenario());
});

test('12 EVSEs on 10 stations, nine vehicles at once', () => {
  const count = (type: string) => problem.network.nodes.filter((node) => node.type === type).length;
  expect([count('evse'), count('station')]).toEqual([12, 10]);
  const present = (step: number) =>
    problem.processes.filter(({ first, end }) => first <= step && step < end).length;
  expect(Math.max(...Array.from({ length: problem.steps }, (_, step) => present(step)))).toBe(9);
});

test('Planning reaches the 300 kW at the root and never exceeds them', () => {
  expect(Math.max(...rootKw(planned()))).toBeGreaterThan(299.99);
  expect(Math.max(...rootKw(planned()))).toBeLessThanOrEqual(300.0001);
  expect(planViolations(problem, planned())).toEqual([]);
  expect(planned().unmet).toEqual([]);
});

test('without management the limit is exceeded, from the eighth hour on', () => {
  const unmanaged = withoutManagement(problem);
  const first = rootKw(unmanaged).findIndex((kw) => kw > 300) * problem.stepHours;
  expect(first).toBeGreaterThanOrEqual(7.5);
  expect(first).toBeLessThanOrEqual(8.5);
  expect(unmanaged.unmet).toEqual([]);
});

test('the vehicles leave with the same energy either way; what cycling loses comes on top', () => {
  const last = (of: Plan) => of.energyKwh.map((row) => row.at(-1) ?? 0);
  const unmanaged = withoutManagement(problem);
  for (const [index, kwh] of last(planned()).entries())
    expect(kwh).toBeCloseTo(last(unmanaged)[index] ?? 0, 3);
  expect(energyKwh(planned()) / energyKwh(unmanaged)).toBeGreaterThanOrEqual(1 - 1e-6);
  expect(energyKwh(planned()) / energyKwh(unmanaged)).toBeLessThan(1.02);
});

test('the curve is calmer with Planning: half as far from its mean, and less up and down', () => {
  const spread = (of: Plan): number => {
    const kw = rootKw(of);
    const mean = kw.reduce((sum, each) => sum + each, 0) / kw.length;
    return Math.sqrt(kw.reduce((sum, each) => sum + (each - mean) ** 2, 0) / kw.length);
  };
  const upAndDown = (of: Plan): number =>
    rootKw(of).reduce((sum, kw, step, all) => sum + Math.abs(kw - (all[step - 1] ?? kw)), 0);
  const unmanaged = withoutManagement(problem);
  expect(spread(planned()) / spread(unmanaged)).toBeLessThan(0.5);
  expect(upAndDown(planned()) / upAndDown(unmanaged)).toBeLessThan(0.9);
});

test('the sample bus charges to its maximum, gives back, and leaves with exactly its target', () => {
  const levels = [...present(planned().energyKwh[sample], 'its row')];
  const power = [...present(planned().powerKw[sample], 'its row')];
  expect(Math.max(...levels)).toBeCloseTo(534, 4);
  expect(levels.at(-1)).toBeCloseTo(324, 4);
  expect(Math.max(...power)).toBeCloseTo(140, 6);
  expect(Math.min(...power)).toBeCloseTo(-80, 6);
  const full = levels.findIndex((kwh) => kwh > 533.99);
  expect(Math.min(...power.slice(0, full))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...power.slice(full))).toBeLessThanOrEqual(1e-6);
});

test('under Priority the limit holds too, but somebody misses his target', async () => {
  const tools = { solver: present(opened, 'opened before'), random: Random.fromSeed('article') };
  const byPriority = await runStrategy(problem, strategies.priority(), tools);
  expect(planViolations(problem, byPriority)).toEqual([]);
  expect(Math.max(...rootKw(byPriority))).toBeLessThanOrEqual(300.0001);
  expect(byPriority.unmet).toEqual([
    { process: 'bus 7', kind: 'target', kwh: expect.closeTo(50.56, 2), reason: 'others or limits' },
  ]);
});
