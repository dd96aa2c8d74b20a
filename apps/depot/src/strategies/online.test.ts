import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import { Random } from '../../../../src/core/random.ts';
import type { Scenario } from '../model/scenario.ts';
import type { TopologyNode } from '../model/topology.ts';
import { openInlineSolver } from '../planning/highs.ts';
import type { LpSolver } from '../planning/solver.ts';
import { simulateDay } from '../simulate/simulate-day.ts';
import { problemOf, rowOf, smallScenario, stay } from '../testing/depots.ts';
import { dispatch } from './dispatch.ts';
import { strategies } from './registry.ts';
import { runStrategy } from './run.ts';
import { planViolations } from './verify.ts';

let opened: LpSolver | undefined;
beforeAll(async () => {
  opened = await openInlineSolver();
});
afterAll(() => opened?.close());

const hour = 3600;
const sunny = (steps: number, kw: number) =>
  ({ type: 'pv', id: 'pv', node: 'grid', kw: new Array<number>(steps).fill(kw) }) as const;
const shortStay = stay(
  0,
  { targetEnergyRequestKwh: 20, maximumEnergyRequestKwh: 40, maximumChargeKw: 22 },
  { arrivalS: 2 * hour, departureS: 4 * hour },
);

describe.each(['receding-horizon', 'pv-surplus'] as const)('%s, while nobody is plugged in', (name) => {
  test('feeds all generation in', async () => {
    const problem = problemOf(smallScenario(8, 100, [shortStay], { fixedPower: [sunny(8, 50)] }));
    const plan = await runStrategy(problem, strategies[name](), {
      solver: present(opened, 'opened before'),
      random: Random.fromSeed('s'),
    });
    expect(rowOf(plan.pvKw, 0)).toEqual(new Array(8).fill(50));
  });

  test('lets generation carry the loads that a conductor cannot', async () => {
    // 4 kW on each conductor, loads of 5 kW on each: 3 kW have to come from PV.
    const grid: TopologyNode = { type: 'grid', id: 'grid', phaseLimit: { currentA: 20, voltageV: 200 } };
    const scenario: Scenario = {
      ...smallScenario(8, 100, [shortStay], {
        fixedPower: [sunny(8, 6), { type: 'load', id: 'office', node: 'grid', kw: new Array(8).fill(15) }],
        prices: { importEurPerKwh: new Array(8).fill(0.2), exportEurPerKwh: new Array(8).fill(-0.1) },
      }),
    };
    const limited = {
      ...scenario,
      topology: { ...scenario.topology, nodes: [grid, ...scenario.topology.nodes.slice(1)] },
    };
    const solver = present(opened, 'opened before');
    const problem = problemOf(limited);
    const plan = await runStrategy(problem, strategies[name](), { solver, random: Random.fromSeed('s') });
    expect(planViolations(problem, plan)).toEqual([]);
    const day = await simulateDay(limited, {
      strategy: strategies[name](),
      solver,
      seed: 's',
      replan: { on: new Set() },
      tickS: hour,
    });
    expect(day.exceeded).toEqual([]);
  });
});

test('a ceiling for generation gives way where loads need what is above it', () => {
  const problem = problemOf(
    smallScenario(1, 10, [shortStay], {
      fixedPower: [sunny(1, 8), { type: 'load', id: 'office', node: 'grid', kw: [15] }],
    }),
  );
  const state = { step: 0, energyKwh: new Float64Array(1) };
  const lists = { executionPriority: [], percentOfMaximum: [0], generationCeilingKw: [0] };
  expect([...dispatch(problem, state, lists).pvKw]).toEqual([8]);
});
