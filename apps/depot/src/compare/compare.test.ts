import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../../../src/core/random.ts';
import { drawComparison } from '../figures/comparison-figure.ts';
import { generateScenario } from '../generate/generate-scenario.ts';
import { defaultSpecification } from '../generate/specification.ts';
import { compileProblem } from '../model/compile-problem.ts';
import type { Plan } from '../model/plan.ts';
import { type Scenario, scenarioFormat } from '../model/scenario.ts';
import type { TopologyNode } from '../model/topology.ts';
import { penalties } from '../planning/objective.ts';
import { openWorkerSolver } from '../planning/worker-solver.ts';
import { withoutManagement } from '../strategies/no-management.ts';
import { problemOf, smallScenario, stay } from '../testing/depots.ts';
import { scenarios } from '../testing/scenarios.ts';
import { compareStrategies } from './compare.ts';
import { measure } from './measures.ts';

const solver = openWorkerSolver();
afterAll(() => solver.close());

const tiny: Scenario = {
  format: scenarioFormat,
  name: 'tiny',
  start: '2025-01-01T00:00:00Z',
  stepSeconds: 3600,
  steps: 3,
  topology: {
    nodes: [
      { type: 'grid', id: 'grid', capacity: { importKw: 10, exportKw: 10 } },
      { type: 'evse', id: 'e' },
    ],
    links: [{ from: 'grid', to: 'e' }],
  },
  processes: [
    {
      id: 'v',
      evse: 'e',
      arrivalS: 0,
      departureS: 3 * 3600,
      presentEnergyKwh: 5,
      battery: { capacityKwh: 50, wearEurPerKwh: 0.01 },
      needs: {
        targetEnergyRequestKwh: 15,
        minimumEnergyRequestKwh: -5,
        maximumEnergyRequestKwh: 40,
        maximumChargeKw: 20,
        maximumDischargeKw: 10,
      },
    },
  ],
  prices: { importEurPerKwh: [0.1, 0.3, 0.2], exportEurPerKwh: [0, 0.25, 0] },
};

describe('measures', () => {
  it('are those that can be reckoned by hand', () => {
    const problem = compileProblem(tiny);
    const plan: Plan = {
      strategy: 'by hand',
      processIds: ['v'],
      stepSeconds: 3600,
      powerKw: [Float64Array.of(12, -4, 5)],
      energyKwh: [Float64Array.of(5, 17, 13, 18)],
      pvKw: [],
      unmet: [],
    };
    expect(measure(problem, plan)).toEqual({
      deliveredKwh: 13,
      unmetKwh: 2,
      unmetVehicles: 1,
      costEur: expect.closeTo(12 * 0.1 - 4 * 0.25 + 5 * 0.2 + 4 * 0.01, 9),
      peakKw: 12,
      cycledKwh: 4,
      overloadedSteps: 1,
    });
  });

  it('count a conductor that carries too much as an overload', () => {
    const nodes: TopologyNode[] = [
      { type: 'grid', id: 'grid', phaseLimit: { currentA: 20, voltageV: 200 } },
      { type: 'evse', id: 'e', supply: { type: 'ac', conductors: ['L1', 'L2', 'L3'] } },
    ];
    const processes = tiny.processes.map((each) => ({ ...each, phases: 1 as const }));
    const problem = compileProblem({ ...tiny, processes, topology: { ...tiny.topology, nodes } });
    const plan = withoutManagement(problem);
    // 10 kW on one conductor that carries 4 kW.
    expect(measure(problem, plan).overloadedSteps).toBe(1);
  });
});

describe('a comparison', () => {
  it('knows those who are announced later in its optimum alone', async () => {
    const scenario = smallScenario(4, 20, [
      stay(0, { targetEnergyRequestKwh: 10, maximumEnergyRequestKwh: 10 }),
      stay(1, { targetEnergyRequestKwh: 5, maximumEnergyRequestKwh: 5 }, { announcedS: 3600 }),
    ]);
    const { optimum, strategies, unmanaged } = await compareStrategies(compileProblem(scenario), {
      names: ['edf'],
      solver,
      seed: 's',
      foreseen: compileProblem(scenario, { step: 0, foresight: true }),
    });
    expect(optimum.measures.deliveredKwh).toBeCloseTo(15, 6);
    expect(unmanaged.measures.deliveredKwh).toBeCloseTo(15, 6);
    expect(strategies[0]?.measures.deliveredKwh).toBeCloseTo(10, 6);
  });

  it('has nobody above the optimum in energy, nor below it in cost at the same energy', async () => {
    const generated = generateScenario(defaultSpecification(8), Random.fromSeed('c'));
    if (generated.type !== 'generated') throw new Error(generated.message);
    const progress: string[] = [];
    const comparison = await compareStrategies(compileProblem(generated.scenario), {
      names: ['planning', 'equal', 'edf', 'llf', 'fcfs'],
      solver,
      seed: '1',
      onProgress: (name) => progress.push(name),
    });
    const { optimum, strategies, unmanaged, failed } = comparison;
    expect(failed).toEqual([]);
    expect(progress).toEqual(['optimum', 'planning', 'equal', 'edf', 'llf', 'fcfs']);
    for (const { measures, name } of strategies) {
      expect(measures.deliveredKwh, name).toBeLessThanOrEqual(optimum.measures.deliveredKwh + 1e-3);
      expect(measures.overloadedSteps, name).toBe(0);
      if (measures.unmetKwh <= optimum.measures.unmetKwh + 1e-3) {
        expect(measures.costEur, name).toBeGreaterThanOrEqual(optimum.measures.costEur - 1e-3);
      }
    }
    expect(unmanaged.measures.overloadedSteps).toBeGreaterThan(0);
    const drawing = drawComparison(comparison, 'c');
    for (const { name } of strategies) expect(drawing).toContain(`>${name}</text>`);
    expect(drawing).not.toContain('NaN');
  });

  it('says how far the optimum may be from the least possible when there was no time to prove it', async () => {
    const market = Array.from({ length: 14 }, (_, hour) => 0.2 * Math.cos(hour) - 0.05);
    const vehicles = Array.from({ length: 4 }, (_, index) =>
      stay(
        index,
        {
          targetEnergyRequestKwh: 30 + index,
          maximumEnergyRequestKwh: 60,
          maximumV2xEnergyRequestKwh: 20,
          maximumDischargeKw: 10,
        },
        {
          presentEnergyKwh: 10 + index,
          battery: { capacityKwh: 100, chargeEfficiency: 0.9, dischargeEfficiency: 0.9 },
        },
      ),
    );
    const problem = problemOf(
      smallScenario(14, 22, vehicles, { prices: { importEurPerKwh: market, exportEurPerKwh: market } }),
    );
    const compare = (optimumTimeLimitS: number) =>
      compareStrategies(problem, { names: [], solver, seed: '1', optimumTimeLimitS });
    const [proved, hasty] = [await compare(60), await compare(0)];
    expect(proved.optimumGapEur).toBe(0);
    const cost = ({ optimum }: typeof proved): number => optimum.measures.costEur;
    expect(cost(hasty) - hasty.optimumGapEur).toBeLessThanOrEqual(cost(proved) + 0.01);
    expect(hasty.optimumGapEur).toBeGreaterThan(0);
  });

  it('has nobody above the optimum, whatever the prices and windows', async () => {
    const names = ['planning', 'equal-prices', 'edf', 'pv-surplus', 'evolutionary'] as const;
    await fc.assert(
      fc.asyncProperty(scenarios(), async (scenario) => {
        const problem = compileProblem(scenario);
        const { optimum, optimumGapEur, strategies, failed } = await compareStrategies(problem, {
          names,
          solver,
          seed: '1',
        });
        expect({ optimumGapEur, failed }).toEqual({ optimumGapEur: 0, failed: [] });
        const penalised = ({ measures }: (typeof strategies)[number]): number =>
          measures.costEur + penalties(problem).target * measures.unmetKwh;
        for (const each of strategies)
          expect(penalised(each), each.name).toBeGreaterThanOrEqual(penalised(optimum) - 0.02);
      }),
      { numRuns: 10, seed: 3 },
    );
  });

  it('is drawn without a bar for what rounding leaves of nothing', async () => {
    const comparison = await compareStrategies(compileProblem(tiny), { names: [], solver, seed: '1' });
    const unmet = (unmetKwh: number): string => {
      const { optimum, unmanaged } = comparison;
      const measured = { ...optimum, measures: { ...optimum.measures, unmetKwh } };
      const none = { ...unmanaged, measures: { ...unmanaged.measures, unmetKwh: 0 } };
      return drawComparison({ ...comparison, optimum: measured, unmanaged: none }, 'c');
    };
    expect(unmet(1e-10)).toBe(unmet(0));
  });

  it('finds the optimum of a depot that can be reckoned by hand', async () => {
    const { optimum } = await compareStrategies(compileProblem(tiny), { names: [], solver, seed: '1' });
    // 10 kWh at 0.10 and 5 kWh more are needed; what could be sold at 0.25 costs at least 0.20 and 0.01 wear, so the
    // third hour buys 10 kWh, of which 5 replace what the second hour sells.
    expect(optimum.measures).toMatchObject({
      unmetKwh: expect.closeTo(0, 6),
      costEur: expect.closeTo(10 * 0.1 + 10 * 0.2 - 5 * 0.25 + 5 * 0.01, 6),
    });
  });
});
