import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import { compileProblem } from '../model/compile-problem.ts';
import type { Problem } from '../model/problem.ts';
import { dispatch } from '../strategies/dispatch.ts';
import { listsFromPower } from '../strategies/planning.ts';
import { problemOf, rowOf, smallScenario, stay } from '../testing/depots.ts';
import { scenarios } from '../testing/scenarios.ts';
import { blocks } from './depot-program.ts';
import { FormerPlan } from './former-plan.ts';
import { openInlineSolver } from './highs.ts';
import { costObjective } from './objective.ts';
import { offlineOptimum } from './optimum.ts';
import { planDepot } from './planner.ts';
import type { PlannedPower, PlanOptions } from './solve-program.ts';
import type { LpSolver } from './solver.ts';

let opened: LpSolver | undefined;
beforeAll(async () => {
  opened = await openInlineSolver();
});
afterAll(() => opened?.close());

async function plan(problem: Problem, options: PlanOptions = {}): Promise<PlannedPower> {
  const result = await planDepot(problem, present(opened, 'opened before'), options);
  if (result.type === 'failed') throw new Error(result.detail);
  return result.planned;
}

const needsOf = (kwh: number) => ({ targetEnergyRequestKwh: kwh, maximumEnergyRequestKwh: kwh });
const flat = (steps: number, price: number): number[] => new Array<number>(steps).fill(price);

describe('the sign of the minimum energy request', () => {
  // A high price in the first hour makes it worth while to give energy at once, and cheap to take it back later.
  const prices = { importEurPerKwh: [0.9, 0.1, 0.1, 0.1], exportEurPerKwh: [0.8, 0, 0, 0] };
  const vehicle = (minimumEnergyRequestKwh: number) =>
    stay(
      0,
      {
        minimumEnergyRequestKwh,
        targetEnergyRequestKwh: 10,
        maximumEnergyRequestKwh: 30,
        maximumDischargeKw: 10,
      },
      { presentEnergyKwh: 50 },
    );

  test('positive: the vehicle is below its minimum and is charged, whatever the price', async () => {
    const power = rowOf((await plan(problemOf(smallScenario(4, 100, [vehicle(5)], { prices })))).powerKw, 0);
    expect(power[0]).toBeCloseTo(10, 6);
    expect(Math.min(...power.slice(0, 1))).toBeGreaterThanOrEqual(0);
  });

  test('negative: the minimum has been reached, and what is above it may be given at once', async () => {
    const power = rowOf((await plan(problemOf(smallScenario(4, 100, [vehicle(-6)], { prices })))).powerKw, 0);
    expect(power[0]).toBeCloseTo(-6, 5);
    expect(power.reduce((sum, kw) => sum + kw, 0)).toBeCloseTo(10, 5);
  });
});

describe('planning', () => {
  test('serves others from a battery when the grid cannot', async () => {
    const giver = stay(
      0,
      { minimumEnergyRequestKwh: -20, maximumEnergyRequestKwh: 20, maximumDischargeKw: 10 },
      { presentEnergyKwh: 50 },
    );
    const taker = stay(
      1,
      { targetEnergyRequestKwh: 30, maximumEnergyRequestKwh: 30 },
      { departureS: 3 * 3600 },
    );
    const { powerKw } = await plan(problemOf(smallScenario(6, 5, [giver, taker])));
    expect(rowOf(powerKw, 1).slice(0, 3)).toEqual([10, 10, 10].map((kw) => expect.closeTo(kw, 5)));
    expect(rowOf(powerKw, 0).slice(0, 3)).toEqual([-5, -5, -5].map((kw) => expect.closeTo(kw, 5)));
    expect(rowOf(powerKw, 0).reduce((sum, kw) => sum + kw, 0)).toBeCloseTo(0, 5);
  });

  test('demand that cannot be met is left over, limits are not', async () => {
    const greedy = [0, 1].map((evse) =>
      stay(evse, { targetEnergyRequestKwh: 40, maximumEnergyRequestKwh: 40 }),
    );
    const { powerKw } = await plan(problemOf(smallScenario(3, 12, greedy)));
    const sum = [0, 1, 2].map((t) => (rowOf(powerKw, 0)[t] ?? 0) + (rowOf(powerKw, 1)[t] ?? 0));
    expect(sum).toEqual([12, 12, 12].map((kw) => expect.closeTo(kw, 5)));
  });

  test.each([
    ['paid to import', { importEurPerKwh: flat(4, -0.5), exportEurPerKwh: flat(4, -0.5) }],
    [
      'paid to import for an hour',
      { importEurPerKwh: [-0.5, 0.1, 0.1, 0.1], exportEurPerKwh: [-0.6, 0, 0, 0] },
    ],
  ])('never charges and discharges at once: %s', async (_name, prices) => {
    const burner = stay(
      0,
      { minimumEnergyRequestKwh: -20, maximumEnergyRequestKwh: 5, maximumDischargeKw: 10 },
      {
        presentEnergyKwh: 50,
        battery: { capacityKwh: 100, chargeEfficiency: 0.8, dischargeEfficiency: 0.8 },
      },
    );
    const problem = problemOf(smallScenario(4, 100, [burner], { prices }));
    const solver = present(opened, 'opened before');
    const both: number[] = [];
    const watching: LpSolver = {
      ...solver,
      solve: async (program, options) => {
        const solution = await solver.solve(program, options);
        if (solution.type === 'optimal') {
          const column = (block: string, t: number) => solution.columns[layout?.get(block)?.[t] ?? -1] ?? 0;
          for (let t = 0; t < 4; t++) {
            both.push(Math.min(column(blocks.charge(burner.id), t), column(blocks.discharge(burner.id), t)));
          }
        }
        return solution;
      },
    };
    let layout: ReadonlyMap<string, Int32Array> | undefined;
    await planDepot(problem, watching, {
      onProgram: (_program, built) => {
        layout = built.columnLayout;
      },
    });
    // The last program is the one that counts.
    expect(both.length).toBeGreaterThanOrEqual(4);
    expect(Math.max(...both.slice(-4))).toBeLessThan(1e-6);
  });

  test('a charging curve is kept at the end of each step', async () => {
    const battery = {
      capacityKwh: 40,
      chargingCurve: [
        { energyKwh: 20, kw: 10 },
        { energyKwh: 40, kw: 0 },
      ],
    };
    const full = stay(0, { targetEnergyRequestKwh: 38, maximumEnergyRequestKwh: 40 }, { battery });
    const { powerKw } = await plan(problemOf(smallScenario(8, 100, [full])));
    let energy = 0;
    for (const kw of rowOf(powerKw, 0)) {
      energy += kw;
      expect(kw).toBeLessThanOrEqual(Math.min(10, 10 - (energy - 20) / 2) + 1e-6);
    }
    expect(energy).toBeGreaterThan(37);
  });

  test.each([
    ['is discharged below it', 70],
    ['wants what it cannot have', 95],
  ])('a vehicle that arrives above the end of its charging curve %s', async (_name, targetKwh) => {
    const battery = {
      capacityKwh: 100,
      chargingCurve: [
        { energyKwh: 60, kw: 10 },
        { energyKwh: 80, kw: 0 },
      ],
    };
    const needs = {
      targetEnergyRequestKwh: targetKwh - 90,
      minimumEnergyRequestKwh: -40,
      maximumEnergyRequestKwh: 10,
      maximumDischargeKw: 5,
    };
    const prices = { importEurPerKwh: flat(4, 0.3), exportEurPerKwh: flat(4, 0.2) };
    const vehicle = stay(0, needs, { presentEnergyKwh: 90, battery });
    const problem = problemOf(smallScenario(4, 100, [vehicle], { prices }));
    const power = rowOf((await plan(problem)).powerKw, 0);
    expect(power.reduce((sum, kw) => sum + kw, 0)).toBeCloseTo(targetKwh > 90 ? 0 : targetKwh - 90, 5);
    expect(await offlineOptimum(problem, present(opened, 'opened before'))).toMatchObject({
      type: 'planned',
    });
  });

  test.each(['tree', 'ring'])(
    'a limit that is cut below promised loads during the day leaves vehicles nothing: %s',
    async (shape) => {
      const vehicle = stay(0, { targetEnergyRequestKwh: 30, maximumEnergyRequestKwh: 30 });
      const scenario = smallScenario(4, 20, [vehicle], {
        fixedPower: [{ type: 'load', id: 'hall', node: 'grid', kw: [8, 8, 8, 8] }],
      });
      const ring = {
        nodes: [...scenario.topology.nodes, { type: 'busbar' as const, id: 'way round' }],
        links: [
          ...scenario.topology.links,
          { from: 'grid', to: 'way round' },
          { from: 'way round', to: 'evse 0' },
        ],
      };
      const known = shape === 'tree' ? scenario : { ...scenario, topology: ring };
      expect(problemOf(known).network.isTree).toBe(shape === 'tree');
      const limits = [{ node: 'grid', fromS: 3600, toS: 7200, importKw: 5 }];
      const problem = compileProblem({ ...known, limits });
      const power = rowOf((await plan(problem)).powerKw, 0);
      expect(power).toEqual([10, 0, 10, 10].map((kw) => expect.closeTo(kw, 5)));
    },
  );

  test('two feeders carry what one alone could not', async () => {
    const vehicle = stay(0, { targetEnergyRequestKwh: 16, maximumEnergyRequestKwh: 16 });
    const topology = {
      nodes: [
        { type: 'grid' as const, id: 'grid' },
        { type: 'busbar' as const, id: 'left', capacity: { importKw: 5 } },
        { type: 'busbar' as const, id: 'right', capacity: { importKw: 3 } },
        { type: 'evse' as const, id: 'evse 0' },
      ],
      links: [
        { from: 'grid', to: 'left' },
        { from: 'grid', to: 'right' },
        { from: 'left', to: 'evse 0' },
        { from: 'right', to: 'evse 0' },
      ],
    };
    const { powerKw } = await plan(problemOf(smallScenario(2, 20, [vehicle], { topology })));
    expect(rowOf(powerKw, 0)).toEqual([8, 8].map((kw) => expect.closeTo(kw, 5)));
  });

  test('powers below a minimum power take turns', async () => {
    const vehicles = [0, 1, 2].map((evse) =>
      stay(evse, { targetEnergyRequestKwh: 8, maximumEnergyRequestKwh: 8, minimumChargeKw: 4 }),
    );
    const { powerKw } = await plan(problemOf(smallScenario(6, 4, vehicles)));
    for (let t = 0; t < 6; t++) {
      const on = [0, 1, 2].map((index) => rowOf(powerKw, index)[t] ?? 0).filter((kw) => kw > 1e-6);
      expect(on).toEqual([expect.closeTo(4, 5)]);
    }
    for (const index of [0, 1, 2])
      expect(rowOf(powerKw, index).reduce((sum, kw) => sum + kw, 0)).toBeCloseTo(8, 5);
  });

  test('a minimum comes before what others want above theirs, although they would lose less', async () => {
    const needs = { targetEnergyRequestKwh: 40, maximumEnergyRequestKwh: 80, maximumChargeKw: 20 };
    const present = { presentEnergyKwh: 20 };
    const lossy = { ...present, battery: { capacityKwh: 100, chargeEfficiency: 0.9 } };
    const scenario = smallScenario(8, 10, [
      stay(0, { ...needs, minimumEnergyRequestKwh: -20 }, present),
      stay(1, { ...needs, minimumEnergyRequestKwh: 18 }, lossy),
    ]);
    const { powerKw } = await plan(problemOf(scenario));
    for (const step of [0, 1]) {
      expect(powerKw[0]?.[step]).toBeCloseTo(0, 6);
      expect(powerKw[1]?.[step]).toBeCloseTo(10, 6);
    }
  });

  test('a window below the target is no reason to pay more than charging alone costs', async () => {
    const needs = {
      targetEnergyRequestKwh: 70,
      minimumEnergyRequestKwh: -20,
      maximumEnergyRequestKwh: 80,
      minimumV2xEnergyRequestKwh: 0,
      maximumV2xEnergyRequestKwh: 20,
      maximumChargeKw: 20,
      maximumDischargeKw: 20,
    };
    const prices = [0.05, 0.05, 0.05, 0.05, 0.5, 0.5, 0.5, 0.5];
    const scenario = smallScenario(8, 100, [stay(0, needs, { presentEnergyKwh: 20 })], {
      prices: { importEurPerKwh: prices, exportEurPerKwh: prices },
    });
    const { powerKw } = await plan(problemOf(scenario));
    expect(
      rowOf(powerKw, 0)
        .slice(0, 4)
        .reduce((sum, kw) => sum + kw, 0),
    ).toBeCloseTo(70, 3);
  });

  test('earlier is better at equal prices, and a price on the peak makes it flat', async () => {
    const one = stay(0, { targetEnergyRequestKwh: 20, maximumEnergyRequestKwh: 20 });
    const problem = problemOf(smallScenario(4, 100, [one]));
    expect(rowOf((await plan(problem)).powerKw, 0)).toEqual(
      [10, 10, 0, 0].map((kw) => expect.closeTo(kw, 5)),
    );
    const flatPlan = await plan(problem, { objective: { ...costObjective, peakEurPerKw: 1 } });
    expect(rowOf(flatPlan.powerKw, 0)).toEqual([5, 5, 5, 5].map((kw) => expect.closeTo(kw, 5)));
  });

  test.each([
    ['start', 0],
    ['end', 1],
    ['duration', 2],
  ] as const)('order by %s', async (order, first) => {
    const wish = { targetEnergyRequestKwh: 10, maximumEnergyRequestKwh: 10 };
    const vehicles = [
      stay(0, wish, { arrivalS: 0, departureS: 20 * 3600 }),
      stay(1, wish, { arrivalS: 3600, departureS: 16 * 3600 }),
      stay(2, wish, { arrivalS: 7200, departureS: 16.5 * 3600 }),
    ];
    const problem = problemOf(
      smallScenario(20, 10, vehicles, { limits: [{ node: 'grid', fromS: 0, toS: 7200, importKw: 0 }] }),
    );
    const { powerKw } = await plan(problem, {
      objective: { ...costObjective, order, earlyEurPerKwhHour: 0.01 },
    });
    expect(rowOf(powerKw, first)[2]).toBeCloseTo(10, 5);
  });

  test.each([0, 1])(
    'between equal vehicles the one that charges now goes on, here vehicle %d',
    async (now) => {
      const vehicles = [0, 1].map((evse) => stay(evse, needsOf(20)));
      const scenario = smallScenario(4, 10, vehicles);
      const rows = [Float64Array.of(10, 0, 10, 0), Float64Array.of(0, 10, 0, 10)];
      const former = new FormerPlan(problemOf(scenario), now === 0 ? rows : rows.toReversed());
      const energyKwh = new Map([[`vehicle ${now}`, 10]]);
      const { powerKw } = await plan(compileProblem(scenario, { step: 1, energyKwh }), { former });
      expect(rowOf(powerKw, now)[1]).toBeCloseTo(10, 6);
      expect(rowOf(powerKw, 1 - now)[1]).toBeCloseTo(0, 6);
    },
  );

  test('what is in force is no reason to pay more', async () => {
    const scenario = smallScenario(4, 10, [stay(0, needsOf(20))], {
      prices: { importEurPerKwh: [0.2, 0.2, 0.1, 0.2], exportEurPerKwh: flat(4, 0) },
    });
    const former = new FormerPlan(problemOf(scenario), [Float64Array.of(10, 0, 0, 0)]);
    const energyKwh = new Map([['vehicle 0', 10]]);
    const { powerKw } = await plan(compileProblem(scenario, { step: 1, energyKwh }), { former });
    expect(rowOf(powerKw, 0)).toEqual([0, 0, 10, 0].map((kw) => expect.closeTo(kw, 6)));
  });

  test('a warm start changes how long it takes, not the optimum', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios(), async (scenario) => {
        const problem = compileProblem(scenario);
        const cold = await plan(problem);
        const cut = compileProblem({
          ...scenario,
          limits: [{ node: 'grid', fromS: 900, toS: 1800, importKw: 10 }],
        });
        const fresh = await plan(cut, { objective: costObjective });
        const warm = await plan(cut, { objective: costObjective, warmStart: cold.warmStart });
        // With nobody below his minimum nothing is frozen, and the optimum is unique in value.
        if (problem.processes.some(({ initialKwh, minimumV2xKwh }) => initialKwh < minimumV2xKwh)) return;
        if (
          problem.processes.some(
            ({ minimumChargeKw, minimumDischargeKw }) => minimumChargeKw + minimumDischargeKw > 0,
          )
        )
          return;
        expect(warm.objective).toBeCloseTo(fresh.objective, 4);
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  test.each([
    ['by the cost', costObjective],
    ['by nothing', { ...costObjective, earlyEurPerKwhHour: 0 }],
  ])('at a flat price nobody cycles, although it would cost nothing: %s', async (_name, objective) => {
    const needs = {
      minimumEnergyRequestKwh: -20,
      targetEnergyRequestKwh: 10,
      maximumEnergyRequestKwh: 60,
      maximumDischargeKw: 10,
    };
    const vehicles = [0, 1].map((evse) => stay(evse, needs, { presentEnergyKwh: 30 }));
    const prices = { importEurPerKwh: flat(24, 0.2), exportEurPerKwh: flat(24, 0.2) };
    const { powerKw } = await plan(problemOf(smallScenario(24, 100, vehicles, { prices })), { objective });
    for (const index of [0, 1]) expect(Math.min(...rowOf(powerKw, index))).toBeGreaterThan(-1e-6);
  });

  test('generation is curtailed while feeding in costs money, and only then', async () => {
    const pv = { type: 'pv' as const, id: 'roof', node: 'grid', kw: [20, 20, 20] };
    const prices = { importEurPerKwh: [0.1, 0.1, 0.1], exportEurPerKwh: [0, -0.2, 0.05] };
    const scenario = smallScenario(3, 50, [stay(0, { ...needsOf(5), maximumChargeKw: 5 })], {
      prices,
      fixedPower: [pv],
    });
    const problem = problemOf(scenario);
    const made = await plan(problem);
    const energyKwh = Float64Array.of(0);
    const fed: number[] = [];
    for (let step = 0; step < 3; step++) {
      const done = dispatch(problem, { step, energyKwh }, listsFromPower(problem, step, made));
      fed.push((done.pvKw[0] ?? 0) - (done.powerKw[0] ?? 0));
      energyKwh[0] = (energyKwh[0] ?? 0) + (done.powerKw[0] ?? 0);
    }
    // In the first hour export earns nothing and costs nothing; in the second nothing is exported.
    expect(fed[1]).toBeCloseTo(0, 4);
    expect((fed[0] ?? 0) + (fed[2] ?? 0)).toBeGreaterThan(34);
    expect(fed[2]).toBeCloseTo(20, 4);
  });

  test('what was planned is carried out to the watt', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios(), async (scenario) => {
        const problem = compileProblem(scenario);
        const free = {
          ...problem,
          processes: problem.processes.map((process) => ({
            ...process,
            minimumChargeKw: 0,
            minimumDischargeKw: 0,
          })),
        };
        const made = await plan(free);
        const { powerKw, pvKw } = made;
        const energyKwh = Float64Array.from(free.processes, ({ initialKwh }) => initialKwh);
        for (let step = 0; step < free.steps; step++) {
          const done = dispatch(free, { step, energyKwh }, listsFromPower(free, step, made));
          for (const [row, kw] of done.pvKw.entries())
            expect(Math.abs(kw - (pvKw[row]?.[step] ?? 0)), `generation, step ${step}`).toBeLessThan(1e-3);
          for (const { index, chargeEfficiency, dischargeEfficiency } of free.processes) {
            const kw = done.powerKw[index] ?? 0;
            expect(
              Math.abs(kw - (powerKw[index]?.[step] ?? 0)),
              `process ${index}, step ${step}`,
            ).toBeLessThan(1e-3);
            energyKwh[index] =
              (energyKwh[index] ?? 0) +
              free.stepHours * (kw > 0 ? kw * chargeEfficiency : kw / dischargeEfficiency);
          }
        }
      }),
      { numRuns: 100, seed: 11 },
    );
  });
});
