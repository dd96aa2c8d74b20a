import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { Random } from '../../../../src/core/random.ts';
import { generateScenario } from '../generate/generate-scenario.ts';
import { defaultSpecification, type SurpriseSpecification } from '../generate/specification.ts';
import type { ChargingProcess } from '../model/needs.ts';
import { type Scenario, type ScenarioEvent, scenarioFormat } from '../model/scenario.ts';
import { openWorkerSolver } from '../planning/worker-solver.ts';
import { PlanningFailed, planning } from '../strategies/planning.ts';
import { strategies } from '../strategies/registry.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { scenarios } from '../testing/scenarios.ts';
import { allTriggers, type SimulationOptions, simulateDay } from './simulate-day.ts';
import type { SimulatedDay } from './simulated-day.ts';

const solver = openWorkerSolver();
afterAll(() => solver.close());

const hour = 3600;

function vehicle(id: string, change: Partial<ChargingProcess> = {}): ChargingProcess {
  return {
    id,
    evse: `evse ${id}`,
    arrivalS: 0,
    departureS: 4 * hour,
    presentEnergyKwh: 20,
    battery: { capacityKwh: 100 },
    needs: {
      targetEnergyRequestKwh: 40,
      minimumEnergyRequestKwh: 0,
      maximumEnergyRequestKwh: 80,
      maximumChargeKw: 50,
    },
    ...change,
  };
}

function depot(processes: readonly ChargingProcess[], events: readonly ScenarioEvent[] = []): Scenario {
  const evses = [...new Set(processes.map(({ evse }) => evse))];
  return {
    format: scenarioFormat,
    name: 'small',
    start: '2025-01-01T00:00:00Z',
    stepSeconds: 900,
    steps: 16,
    topology: {
      nodes: [
        { type: 'grid', id: 'grid', capacity: { importKw: 60, exportKw: 20 } },
        ...evses.map((id) => ({ type: 'evse' as const, id })),
      ],
      links: evses.map((to) => ({ from: 'grid', to })),
    },
    processes,
    events,
  };
}

function day(
  scenario: Scenario,
  strategy: Strategy,
  options: Partial<SimulationOptions> = {},
): Promise<SimulatedDay> {
  const replan = { everyS: 900, on: allTriggers };
  return simulateDay(scenario, { strategy, solver, seed: '1', replan, tickS: 60, ...options });
}

/** Gives everybody who is here full power; what is possible of it is the dispatcher's business. */
const fullPower: Strategy = {
  name: 'full power',
  summary: 'Everybody, at once.',
  prepare: async ({ processes }) => ({
    listsFor: () => ({
      executionPriority: processes.map(({ index }) => index),
      percentOfMaximum: processes.map(() => 100),
    }),
  }),
};

const stayOf = ({ stays }: SimulatedDay, process: string) => stays.find((stay) => stay.process === process);

/** The segment that covers an instant. */
function at({ edgesS }: SimulatedDay, atS: number): number {
  return edgesS.findIndex((edge, k) => edge <= atS && atS < (edgesS[k + 1] ?? 0));
}

const messages = ({ log }: SimulatedDay, type: string) => log.filter((entry) => entry.type === type);

describe('a simulated day', () => {
  it('is the same for the same seed', async () => {
    const generated = generateScenario(defaultSpecification(6), Random.fromSeed('4'));
    if (generated.type !== 'generated') throw new Error(generated.message);
    const run = () => day(generated.scenario, strategies['round-robin']());
    expect(await run()).toEqual(await run());
  });

  it('cuts a limit at once, before a new plan is ready', async () => {
    const cut = { node: 'grid', fromS: hour, toS: 2 * hour, importKw: 10 };
    const scenario = depot([vehicle('a'), vehicle('b')], [{ type: 'limit', atS: hour, limit: cut }]);
    const result = await day(scenario, fullPower, { planLatencyS: (index) => (index === 0 ? 0 : 600) });
    expect(result.gridKw[at(result, hour - 1)]).toBeCloseTo(60, 6);
    expect(result.gridKw[at(result, hour)]).toBeCloseTo(10, 6);
    expect(result.gridKw[at(result, 2 * hour - 1)]).toBeCloseTo(10, 6);
    expect(result.gridKw[at(result, 2 * hour)]).toBeCloseTo(60, 6);
    expect(result.importLimitKw[at(result, hour)]).toBe(10);
  });

  it('keeps a promised load when the limit above it is cut, and charges beside it', async () => {
    const small = depot([vehicle('a'), vehicle('b')]);
    const busbar = (id: string) => ({ type: 'busbar' as const, id: `bar ${id}`, capacity: { importKw: 50 } });
    const ways = (id: string) => [
      { from: 'grid', to: `bar ${id}` },
      { from: `bar ${id}`, to: `evse ${id}` },
    ];
    const scenario: Scenario = {
      ...small,
      topology: {
        nodes: [...small.topology.nodes, busbar('a'), busbar('b')],
        links: [...ways('a'), ...ways('b')],
      },
      fixedPower: [{ type: 'load', id: 'house', node: 'bar a', kw: new Array<number>(16).fill(30) }],
      events: [
        { type: 'limit', atS: hour, limit: { node: 'bar a', fromS: hour, toS: 2 * hour, importKw: 20 } },
      ],
    };
    const result = await day(scenario, fullPower);
    expect(result.powerKw[0]?.[at(result, hour)]).toBe(0);
    expect(result.powerKw[1]?.[at(result, hour)]).toBeCloseTo(30, 6);
    expect(result.exceeded).toEqual([{ node: 'bar a', kw: expect.closeTo(10, 6), seconds: hour }]);
  });

  it('leaves the last plan in force when the next ones are late', async () => {
    const scenario = depot([vehicle('a')], [{ type: 'prices', atS: hour, prices: flat(0.5) }]);
    const late = await day(scenario, planning(), {
      planLatencyS: (index) => (index === 0 ? 0 : 1000),
      planDeadlineS: 300,
    });
    expect(late.plans.made).toBe(1);
    expect(late.plans.late).toBeGreaterThan(3);
    expect(stayOf(late, 'a')?.finalKwh).toBeCloseTo(60, 3);
  });

  it('leaves the last plan in force when a strategy fails, and says why', async () => {
    let asked = 0;
    const fragile: Strategy = {
      ...fullPower,
      prepare: async (problem, tools) => {
        if (asked++ > 0) throw new PlanningFailed('The solver is gone.');
        return fullPower.prepare(problem, tools);
      },
    };
    const result = await day(depot([vehicle('a')]), fragile);
    expect(result.plans).toMatchObject({ made: 1, late: 0 });
    expect(result.plans.failed).toBeGreaterThan(3);
    expect(messages(result, 'failed')[0]?.message).toBe(
      'The solver is gone. What was in force before stays.',
    );
    expect(stayOf(result, 'a')?.finalKwh).toBeCloseTo(100, 6);
  });

  it('does not take a mistake of ours for a plan that failed', async () => {
    const broken: Strategy = {
      ...fullPower,
      prepare: async () => {
        throw new TypeError('a mistake');
      },
    };
    await expect(day(depot([vehicle('a')]), broken)).rejects.toThrow('a mistake');
  });

  it.each([
    [1.1, 1000],
    [300, 1000.1],
    [0.7, 1800.7],
  ])('passes with fractions of seconds: every %d s, arrival at %d s', async (everyS, arrivalS) => {
    const stay = { arrivalS, departureS: arrivalS + 1200.6 };
    const scenario = { ...depot([vehicle('a', stay)]), steps: 4 };
    const result = await day(scenario, fullPower, { replan: { everyS, on: allTriggers } });
    expect(result.edgesS.at(-1)).toBe(hour);
    expect(stayOf(result, 'a')?.finalKwh).toBeCloseTo(20 + (50 * 1200.6) / 3600, 6);
  });

  it('gives everybody the same until the first plan is ready', async () => {
    const scenario = depot([vehicle('a'), vehicle('b'), vehicle('later', { arrivalS: 60, announcedS: 60 })]);
    const result = await day(scenario, fullPower, { planLatencyS: () => 120 });
    const share = (index: number, atS: number) => result.powerKw[index]?.[at(result, atS)];
    expect(share(0, 0)).toBeCloseTo(30, 3);
    expect(share(1, 0)).toBeCloseTo(30, 3);
    for (const index of [0, 1, 2]) expect(share(index, 60)).toBeCloseTo(20, 3);
    expect(share(0, 120)).toBe(50);
  });

  it('charges everybody even when no plan is ever in time', async () => {
    const result = await day(depot([vehicle('a')]), planning(), {
      planLatencyS: () => 90,
      planDeadlineS: 60,
    });
    expect(result.plans.made).toBe(0);
    expect(result.plans.late).toBeGreaterThan(3);
    expect(stayOf(result, 'a')?.finalKwh).toBeCloseTo(60, 3);
  });

  it('lets vehicles go early, come late, come again, and not come at all', async () => {
    const scenario = depot(
      [
        vehicle('early'),
        vehicle('late', { arrivalS: hour }),
        vehicle('next', { evse: 'evse late', arrivalS: 4 * hour - 1, departureS: 4 * hour }),
        vehicle('never'),
      ].map((process) => (process.id === 'late' ? { ...process, departureS: 3 * hour } : process)),
      [
        { type: 'departure', atS: 0.5 * hour, process: 'early' },
        { type: 'arrival', atS: 1.5 * hour, process: 'late' },
        // Stays until the next one has to leave again, which so never gets its EVSE.
        { type: 'departure', atS: 4 * hour, process: 'late' },
        { type: 'arrival', atS: 5 * hour, process: 'never' },
      ],
    );
    const result = await day(scenario, fullPower);
    expect(stayOf(result, 'early')).toMatchObject({ early: true, departureS: 0.5 * hour });
    expect(stayOf(result, 'late')).toMatchObject({ arrivalS: 1.5 * hour, departureS: 4 * hour });
    expect([...result.missed].sort()).toEqual(['never', 'next']);
    expect(result.powerKw[0]?.[at(result, 0.5 * hour)]).toBe(0);
  });

  it('knows an unannounced stay only when the vehicle is here', async () => {
    const scenario = depot([vehicle('a', { arrivalS: hour, announcedS: hour })]);
    const planned: number[] = [];
    const spy: Strategy = {
      ...fullPower,
      prepare: (problem, tools) => {
        planned.push(problem.processes.length);
        return fullPower.prepare(problem, tools);
      },
    };
    await day(scenario, spy, { replan: { on: allTriggers } });
    expect(planned.slice(0, 2)).toEqual([0, 1]);
  });

  it('follows new needs', async () => {
    const needs = { ...vehicle('a').needs, targetEnergyRequestKwh: 15 };
    const scenario = depot(
      [vehicle('a', { needs: tight })],
      [{ type: 'needs', atS: hour, process: 'a', needs }],
    );
    const result = await day(scenario, planning());
    // 50 kW have filled it from 20 to 70 kWh when it asks for 15 more.
    expect(stayOf(result, 'a')).toMatchObject({
      targetKwh: expect.closeTo(85, 3),
      finalKwh: expect.closeTo(85, 3),
    });
    expect(messages(result, 'departure')[0]?.message).toBe('a leaves with 85.0 of 85.0 kWh');
  });

  it('curtails generation while feeding in costs money', async () => {
    const pv = { type: 'pv' as const, id: 'roof', node: 'grid', kw: new Array<number>(16).fill(15) };
    const scenario = { ...depot([vehicle('a')]), prices: flat(-0.2), fixedPower: [pv] };
    const result = await day(scenario, planning());
    // The vehicle takes all that it needs from the grid, which pays for it; the sun would only be in the way.
    expect(Math.min(...result.gridKw)).toBeGreaterThanOrEqual(-1e-3);
    const equal = await day(scenario, strategies.equal());
    expect(Math.min(...equal.gridKw)).toBeCloseTo(-15, 6);
  });

  it('uses the last minutes of a stay that ends within a step', async () => {
    const scenario = depot([vehicle('a', { departureS: hour - 300, needs: tight })]);
    const result = await day(scenario, planning(), { replan: { everyS: 300, on: allTriggers } });
    // 55 min at 50 kW are 45.8 kWh; whole steps alone would give 37.5.
    expect(stayOf(result, 'a')?.finalKwh).toBeGreaterThan(20 + 44);
  });

  it('does not leave a rest below the minimum power when plans come more often than steps', async () => {
    const needs = { ...vehicle('a').needs, targetEnergyRequestKwh: 10, minimumChargeKw: 8 };
    const result = await day(depot([vehicle('a', { needs })]), planning(), {
      replan: { everyS: 300, on: allTriggers },
    });
    expect(stayOf(result, 'a')?.finalKwh).toBeCloseTo(30, 6);
  });

  it('plans again on what it measures when vehicles take less than they said', async () => {
    const scenario = depot([
      vehicle('a', { departureS: 2 * hour, needs: { ...tight, targetEnergyRequestKwh: 70 } }),
    ]);
    const taper = { fromShare: 0.5, toPowerShare: 0.1 };
    const result = await day(scenario, planning(), { undeclaredTaper: taper });
    const stay = stayOf(result, 'a');
    expect(result.powerKw[0]?.[at(result, 1.5 * hour)]).toBeLessThan(35);
    expect(stay?.finalKwh).toBeGreaterThan(75);
    expect(stay?.finalKwh).toBeLessThanOrEqual(90 + 1e-6);
  });

  it('holds back generation and discharge when a vehicle takes less than it said, before a limit is exceeded', async () => {
    const pv = { type: 'pv' as const, id: 'roof', node: 'grid', kw: new Array<number>(16).fill(30) };
    const giver = vehicle('giver', {
      presentEnergyKwh: 90,
      needs: {
        targetEnergyRequestKwh: -60,
        minimumEnergyRequestKwh: -70,
        maximumEnergyRequestKwh: 0,
        maximumChargeKw: 50,
        maximumDischargeKw: 25,
      },
    });
    const exchange: Strategy = {
      ...fullPower,
      prepare: async ({ processes }) => ({
        listsFor: () => ({
          executionPriority: processes.map(({ index }) => index),
          percentOfMaximum: processes.map(({ id }) => (id === 'giver' ? -100 : 100)),
        }),
      }),
    };
    const scenario = { ...depot([vehicle('a', { needs: tight }), giver]), fixedPower: [pv] };
    const taper = { fromShare: 0.3, toPowerShare: 0 };
    const result = await day(scenario, exchange, { tickS: 900, undeclaredTaper: taper });
    expect(Math.min(...result.gridKw)).toBeLessThan(-19.9);
    expect(Math.min(...result.gridKw)).toBeGreaterThanOrEqual(-20 - 1e-4);
    expect(result.exceeded).toEqual([]);
  });

  it('does not switch equal vehicles on and off with every plan', async () => {
    const needs = { ...vehicle('a').needs, maximumChargeKw: 20 };
    const result = await day(depot([...'abcdef'].map((id) => vehicle(id, { needs }))), planning(), {
      replan: { everyS: 300, on: allTriggers },
    });
    const switchings = result.powerKw.flatMap((row) =>
      row.filter((kw, k) => k > 0 && kw > 0.1 !== (row[k - 1] ?? 0) > 0.1),
    );
    // On and off for each of six vehicles; 48 plans are made.
    expect(switchings.length).toBeLessThanOrEqual(18);
    for (const { finalKwh } of result.stays) expect(finalKwh).toBeCloseTo(60, 3);
  });

  it('counts cost as energy times the price of the moment', async () => {
    const scenario = depot([vehicle('a')], [{ type: 'prices', atS: 0.5 * hour, prices: flat(0.5) }]);
    const result = await day({ ...scenario, prices: flat(0.1) }, fullPower);
    // 80 kWh fill the battery in 96 min: 25 kWh at the first price, 55 kWh at the second.
    expect(result.costEur).toBeCloseTo(25 * 0.1 + 55 * 0.5, 6);
  });
});

const tight = { ...vehicle('a').needs, targetEnergyRequestKwh: 80 };

function flat(eurPerKwh: number) {
  const series = new Array<number>(16).fill(eurPerKwh);
  return { importEurPerKwh: series, exportEurPerKwh: series };
}

describe('at every instant of any day', () => {
  const names = ['equal', 'edf', 'llf', 'round-robin', 'priority'] as const;
  const surprises: fc.Arbitrary<SurpriseSpecification> = fc.record({
    earlyDepartureShare: fc.constantFrom(0, 0.5, 1),
    lateArrivalShare: fc.constantFrom(0, 0.5, 1),
    unannouncedShare: fc.constantFrom(0, 0.5, 1),
    limitCuts: fc.nat(3),
    limitCutTo: fc.constant({ type: 'uniform' as const, low: 0, high: 0.8 }),
    priceChanges: fc.nat(1),
  });

  it('limits are kept, batteries stay within bounds, energy is conserved', async () => {
    await fc.assert(
      fc.asyncProperty(
        surprises,
        fc.constantFrom(...names),
        fc.string(),
        fc.nat(1200),
        async (each, name, seed, latency) => {
          const specification = { ...defaultSpecification(6), surprises: each, pvPeakKw: 40, buildingKw: 20 };
          const generated = generateScenario(specification, Random.fromSeed(seed));
          if (generated.type !== 'generated') throw new Error(generated.message);
          const { scenario } = generated;
          const result = await day(scenario, strategies[name](), {
            replan: { everyS: 3600, on: allTriggers },
            tickS: 300,
            planLatencyS: () => latency,
          });
          expect(result.exceeded).toEqual([]);
          for (const [k, kw] of result.gridKw.entries()) {
            expect(kw).toBeLessThanOrEqual((result.importLimitKw[k] ?? 0) + 1e-4);
            expect(-kw).toBeLessThanOrEqual((result.exportLimitKw[k] ?? 0) + 1e-4);
          }
          for (const [index, process] of scenario.processes.entries()) checkVehicle(result, index, process);
        },
      ),
      { numRuns: 8 },
    );
  });
});

describe('at every instant of drawn days', () => {
  const names = ['planning', 'equal', 'equal-prices', 'priority', 'pv-surplus'] as const;
  const tapers = fc.option(fc.constantFrom({ fromShare: 0.2, toPowerShare: 0 }), { nil: undefined });

  it.each(names)('%s keeps every limit, whatever vehicles take', async (name) => {
    await fc.assert(
      fc.asyncProperty(scenarios(), tapers, fc.nat(600), async (scenario, undeclaredTaper, latency) => {
        const result = await day(scenario, strategies[name](), {
          replan: { everyS: 700, on: allTriggers },
          tickS: 400,
          planLatencyS: () => latency,
          ...(undeclaredTaper === undefined ? {} : { undeclaredTaper }),
        });
        expect(result.exceeded).toEqual([]);
        const changed = new Set(
          (scenario.events ?? []).flatMap((event) => (event.type === 'needs' ? [event.process] : [])),
        );
        for (const [index, process] of scenario.processes.entries()) {
          if (changed.has(process.id)) continue;
          checkVehicle(result, index, process);
          checkWindow(result, index, process);
        }
      }),
      { numRuns: 40, seed: 20 },
    );
  });
});

/** Nothing is taken below the minimum or outside of the window. */
function checkWindow(
  { powerKw, energyKwh }: SimulatedDay,
  index: number,
  { presentEnergyKwh, needs }: ChargingProcess,
): void {
  const { minimumEnergyRequestKwh: minimum, minimumV2xEnergyRequestKwh: from = minimum } = needs;
  const { maximumEnergyRequestKwh: maximum, maximumV2xEnergyRequestKwh: to = maximum } = needs;
  const levels = energyKwh[index] ?? [];
  for (const [k, kw] of (powerKw[index] ?? []).entries()) {
    if (kw >= 0) continue;
    expect(levels[k + 1]).toBeGreaterThanOrEqual(presentEnergyKwh + Math.max(minimum, from) - 1e-6);
    expect(levels[k]).toBeLessThanOrEqual(presentEnergyKwh + to + 1e-5);
  }
}

function checkVehicle(result: SimulatedDay, index: number, { id, battery, needs }: ChargingProcess): void {
  const stay = stayOf(result, id);
  const levels = result.energyKwh[index] ?? [];
  for (const [k, kw] of (result.powerKw[index] ?? []).entries()) {
    const [from, to] = [result.edgesS[k] ?? 0, result.edgesS[k + 1] ?? 0];
    if (stay === undefined || to <= stay.arrivalS || from >= stay.departureS) expect(kw).toBe(0);
    expect(kw).toBeLessThanOrEqual(needs.maximumChargeKw + 1e-6);
    expect(-kw).toBeLessThanOrEqual((needs.maximumDischargeKw ?? 0) + 1e-6);
    const efficiency = kw >= 0 ? (battery.chargeEfficiency ?? 1) : 1 / (battery.dischargeEfficiency ?? 1);
    const stored = (kw * efficiency * (to - from)) / 3600;
    expect((levels[k + 1] ?? 0) - (levels[k] ?? 0)).toBeCloseTo(stored, 6);
    expect(levels[k + 1]).toBeLessThanOrEqual(battery.capacityKwh + 1e-6);
    expect(levels[k + 1]).toBeGreaterThanOrEqual(-1e-6);
  }
}
