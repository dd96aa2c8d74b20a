import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import { Random } from '../../../../src/core/random.ts';
import type { Plan } from '../model/plan.ts';
import type { Scenario } from '../model/scenario.ts';
import { openInlineSolver } from '../planning/highs.ts';
import { offlineOptimum } from '../planning/optimum.ts';
import type { LpSolver } from '../planning/solver.ts';
import { problemOf, rowOf, smallScenario, stay } from '../testing/depots.ts';
import { equal } from './equal.ts';
import { evolutionary } from './evolutionary.ts';
import { strategies } from './registry.ts';
import { runStrategy } from './run.ts';
import type { Strategy } from './strategy.ts';

let opened: LpSolver | undefined;
beforeAll(async () => {
  opened = await openInlineSolver();
});
afterAll(() => opened?.close());

const run = (scenario: Scenario, strategy: Strategy, seed = 's'): Promise<Plan> =>
  runStrategy(problemOf(scenario), strategy, {
    solver: present(opened, 'opened before'),
    random: Random.fromSeed(seed),
  });

const wish = (kwh: number) => ({ targetEnergyRequestKwh: kwh, maximumEnergyRequestKwh: kwh });
const firstStep = (plan: Plan): number[] =>
  plan.powerKw.map((row) => Math.round((row[0] ?? 0) * 1000) / 1000);
const hours = (count: number): number => count * 3600;

describe('who is served first when there is power for one only', () => {
  const crowd = smallScenario(8, 10, [
    // Came second, leaves last, has the least time to spare for what it wants.
    stay(0, wish(60), { arrivalS: -50, departureS: hours(7), priority: 1 }),
    // Came first.
    stay(1, wish(10), { arrivalS: -90, departureS: hours(6), priority: 2 }),
    // Leaves first.
    stay(2, wish(10), { arrivalS: 0, departureS: hours(5), priority: 3 }),
  ]);
  test.each([
    ['fcfs', [0, 10, 0]],
    ['edf', [0, 0, 10]],
    ['llf', [10, 0, 0]],
    ['priority', [0, 0, 10]],
  ] as const)('%s', async (name, expected) => {
    expect(firstStep(await run(crowd, strategies[name]()))).toEqual(expected);
  });
});

test('round robin deals out in turns', async () => {
  const plan = await run(
    smallScenario(
      1,
      12,
      [0, 1, 2].map((evse) => stay(evse, wish(10))),
    ),
    strategies['round-robin'](),
  );
  expect(firstStep(plan)).toEqual([4, 4, 4]);
});

describe('equal', () => {
  const depot = smallScenario(4, 15, [
    stay(0, wish(10), { group: 'a' }),
    stay(1, wish(10), { group: 'b' }),
    stay(2, { ...wish(10), maximumChargeKw: 20 }, { group: 'b' }),
  ]);

  test('the same percentage for all, as much as the network carries', async () => {
    expect(firstStep(await run(depot, equal()))).toEqual(
      [3.75, 3.75, 7.5].map((kw) => expect.closeTo(kw, 2)),
    );
  });

  test('groups in a fixed ratio', async () => {
    const groups = new Map([
      ['a', 100],
      ['b', 50],
    ]);
    const plan = await run(depot, equal({ groups }));
    expect(firstStep(plan)).toEqual([6, 3, 6].map((kw) => expect.closeTo(kw, 2)));
  });

  test('reduction down to −100 % gives back what may be given', async () => {
    const giver = stay(
      0,
      {
        minimumEnergyRequestKwh: -15,
        targetEnergyRequestKwh: 0,
        maximumEnergyRequestKwh: 5,
        maximumDischargeKw: 10,
      },
      { presentEnergyKwh: 50 },
    );
    const depotOfOne = smallScenario(3, 15, [giver, stay(1, wish(5))]);
    const plan = await run(depotOfOne, equal({ groups: new Map([['', -100]]) }));
    expect(rowOf(plan.powerKw, 0)).toEqual([-10, -5, 0].map((kw) => expect.closeTo(kw, 6)));
    expect(rowOf(plan.powerKw, 1)).toEqual([0, 0, 0]);
  });

  test('follows prices', async () => {
    const prices = { importEurPerKwh: [0.1, 0.5, 0.1, 0.1], exportEurPerKwh: [0, 0, 0, 0] };
    const giver = stay(
      0,
      { ...wish(20), minimumEnergyRequestKwh: -30, maximumDischargeKw: 8 },
      { presentEnergyKwh: 40 },
    );
    const plan = await run(smallScenario(4, 30, [giver], { prices }), equal({ followPrices: true }));
    expect(rowOf(plan.powerKw, 0)).toEqual([10, -8, 10, 8].map((kw) => expect.closeTo(kw, 6)));
  });
});

test('what cannot be met is named: who, how much, and why', async () => {
  const depot = smallScenario(2, 12, [
    stay(0, wish(30), { departureS: hours(1) }),
    stay(1, { ...wish(20), minimumEnergyRequestKwh: 20 }),
  ]);
  const { unmet } = await run(depot, strategies.planning());
  expect(unmet).toContainEqual({
    process: 'vehicle 0',
    kind: 'target',
    kwh: expect.any(Number),
    reason: 'stay too short',
  });
  // The minimum of the second one comes before the target of the first: 12 kW at most for two hours, 10 for one vehicle.
  expect(unmet.map(({ process, kind, kwh }) => [process, kind, Math.round(kwh)])).toEqual([
    ['vehicle 0', 'target', 28],
  ]);
});

describe('PV surplus', () => {
  const pv = { type: 'pv', id: 'roof', node: 'grid', kw: [0, 0, 9, 9, 0, 0] } as const;

  test('charges when the sun shines', async () => {
    const plan = await run(
      smallScenario(6, 20, [stay(0, wish(18))], { fixedPower: [pv] }),
      strategies['pv-surplus'](),
    );
    expect(rowOf(plan.powerKw, 0)).toEqual([0, 0, 9, 9, 0, 0].map((kw) => expect.closeTo(kw, 5)));
  });

  test('is done before the announced departure', async () => {
    const dark = {
      importEurPerKwh: [9, 9, 9, 9, 9, 1].map((price) => price / 10),
      exportEurPerKwh: [0, 0, 0, 0, 0, 0],
    };
    const plan = await run(
      smallScenario(6, 20, [stay(0, wish(10), { departureS: hours(6) })], { prices: dark }),
      strategies['pv-surplus'](),
    );
    expect(rowOf(plan.powerKw, 0)[5]).toBe(0);
    expect(plan.unmet).toEqual([]);
  });
});

test('receding horizon knows nothing of who is to come, planning does', async () => {
  // Both fit only when the first one, who has time, waits, which costs nothing only for those who know.
  const depot = smallScenario(3, 10, [
    stay(0, { ...wish(10), maximumChargeKw: 5 }, { departureS: hours(3) }),
    stay(1, wish(10), { arrivalS: hours(1), departureS: hours(2) }),
  ]);
  const blind = await run(depot, strategies['receding-horizon']());
  const seeing = await run(depot, strategies.planning());
  expect(rowOf(blind.powerKw, 0)[0]).toBeCloseTo(5, 6);
  expect(seeing.unmet).toEqual([]);
});

describe('evolutionary', () => {
  const depot = smallScenario(
    6,
    12,
    [0, 1, 2].map((evse) => stay(evse, wish(15))),
    {
      prices: { importEurPerKwh: [0.5, 0.5, 0.1, 0.1, 0.1, 0.5], exportEurPerKwh: [0, 0, 0, 0, 0, 0] },
    },
  );
  const cost = ({ powerKw }: Plan): number =>
    powerKw.reduce(
      (sum, row) => sum + row.reduce((s, kw, t) => s + kw * ([0.5, 0.5, 0.1, 0.1, 0.1, 0.5][t] ?? 0), 0),
      0,
    );

  test('the same seed gives the same plan', async () => {
    const [one, two] = [
      await run(depot, evolutionary({ generations: 5 })),
      await run(depot, evolutionary({ generations: 5 })),
    ];
    expect(one.powerKw).toEqual(two.powerKw);
  });

  test('gets better with generations, and never better than the optimum', async () => {
    const early = await run(depot, evolutionary({ generations: 1, population: 10 }));
    const late = await run(depot, evolutionary({ generations: 60, population: 10 }));
    const optimum = await offlineOptimum(problemOf(depot), present(opened, 'opened before'));
    expect(late.unmet).toEqual([]);
    expect(cost(late)).toBeLessThanOrEqual(cost(early) + 1e-9);
    expect(optimum.type === 'planned' && optimum.planned.objective).toBeLessThanOrEqual(cost(late) + 1e-6);
  });
});
