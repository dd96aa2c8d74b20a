import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../../src/core/random.ts';
import { articleScenario } from '../article/instance.ts';
import { generateScenario } from '../generate/generate-scenario.ts';
import { defaultSpecification } from '../generate/specification.ts';
import { compileProblem } from '../model/compile-problem.ts';
import type { Scenario } from '../model/scenario.ts';
import { withoutManagement } from '../strategies/no-management.ts';
import { smallScenario, stay } from '../testing/depots.ts';
import { drawDepot } from './depot-figure.ts';
import { drawFleet } from './fleet-figure.ts';
import { drawGrowth } from './growth-figure.ts';
import { clockAt, niceTicks, shortNumber, timeTicks } from './scale.ts';
import { drawTopology } from './topology-figure.ts';
import { type Trajectory, trajectoryOfPlan } from './trajectory.ts';
import { utilizationOfPlan } from './utilization.ts';
import { drawVehicle, drawVehicles } from './vehicle-figure.ts';

function drawings(scenario: Scenario): Map<string, string> {
  const problem = compileProblem(scenario);
  const plan = withoutManagement(problem);
  const trajectory = trajectoryOfPlan(scenario, problem, plan);
  const figures = new Map([
    ['depot', drawDepot(trajectory)],
    ['fleet', drawFleet(trajectory)],
    ['topology', drawTopology(problem.network, utilizationOfPlan(problem, plan), scenario.name)],
  ]);
  for (const [page, content] of drawVehicles(trajectory).entries()) figures.set(`vehicles ${page}`, content);
  for (const vehicle of trajectory.vehicles.slice(0, 3)) {
    figures.set(`vehicle ${vehicle.id}`, drawVehicle(trajectory, vehicle));
  }
  return figures;
}

/** Every element is closed in order, and attributes hold no number that is none. */
function checkDocument(name: string, content: string): void {
  expect(content, name).not.toMatch(/NaN|Infinity|undefined/);
  const open: string[] = [];
  const tags = [...content.matchAll(/<(\/?)([a-z]+)((?:\s[\w-]+="[^"<]*")*)(\/?)>/g)];
  for (const [tag, closing, element, , selfClosing] of tags) {
    if (closing === '/') expect(open.pop(), `${name}: ${tag}`).toBe(element);
    else if (selfClosing !== '/') open.push(element ?? '');
  }
  expect(open, name).toEqual([]);
  // Everything that looks like a tag was one.
  expect(content.match(/</g)?.length, name).toBe(tags.length);
}

describe('figures', () => {
  it('are well-formed for the article and for generated depots of any size', () => {
    const scenarios = [articleScenario()];
    for (const vehicles of [1, 13, 60]) {
      const specification = { ...defaultSpecification(vehicles), pvPeakKw: 30, buildingKw: 10 };
      const generated = generateScenario(specification, Random.fromSeed('f'));
      if (generated.type === 'generated') scenarios.push(generated.scenario);
    }
    expect(scenarios).toHaveLength(4);
    for (const scenario of scenarios) {
      for (const [name, content] of drawings(scenario)) checkDocument(`${scenario.name}, ${name}`, content);
    }
  });

  it('are drawn of a depot without vehicles, limits or capacity', () => {
    const empty: Scenario = {
      ...articleScenario(),
      processes: [],
      topology: { nodes: [{ type: 'grid', id: 'grid' }], links: [] },
    };
    for (const [name, content] of drawings(empty)) checkDocument(name, content);
  });

  it('escape what ids may hold', () => {
    const scenario = articleScenario();
    const [first] = scenario.processes;
    if (first === undefined) throw new Error('the article has vehicles');
    const evil = { ...scenario, name: 'a & b', processes: [{ ...first, id: '<bus "1">' }] };
    for (const [name, content] of drawings(evil)) {
      checkDocument(name, content);
      expect(content).not.toContain('<bus');
    }
  });

  it('say in words what they show', () => {
    const figures = drawings(articleScenario());
    expect(figures.get('depot')).toContain('peak 720 kW, up to 420 kW above the limit for 2.5 h');
    expect(figures.get('fleet')).toContain('12 of 12 vehicles leave with their target');
    expect(figures.get('vehicle sample bus') ?? figures.get('vehicles 0')).toContain('sample bus');
  });

  it('name conductors that carry too much, and no limit where there is none', () => {
    const scenario = smallScenario(2, 1e6, [
      stay(0, { targetEnergyRequestKwh: 10, maximumEnergyRequestKwh: 10 }),
    ]);
    const [, ...others] = scenario.topology.nodes;
    const grid = { type: 'grid', id: 'grid', phaseLimit: { currentA: 10, voltageV: 200 } } as const;
    const figures = drawings({ ...scenario, topology: { ...scenario.topology, nodes: [grid, ...others] } });
    expect(figures.get('depot')).toContain('a conductor of grid beyond the limit');
    expect(figures.get('depot')).not.toContain('>limit<');
    expect(figures.get('topology')).toContain('L: 3.33 / 2 kW');
    const far = drawings(scenario).get('depot');
    expect(far).toContain('the limit of 1000 MW is kept');
    expect(far).not.toContain('>limit<');
  });

  it('draw the power of a vehicle where it flows', () => {
    const trajectory: Trajectory = {
      title: 'one',
      start: '2025-01-01T00:00:00Z',
      edgesS: [0, 3600, 7200],
      vehicles: [
        {
          id: 'v',
          evse: 'e',
          arrivalS: 0,
          departureS: 7200,
          minimumKwh: 0,
          targetKwh: 10,
          maximumKwh: 20,
          maximumChargeKw: 10,
          powerKw: [10, 0],
          energyKwh: [0, 10, 10],
        },
      ],
      gridKw: [10, 0],
      importLimitKw: [20, 20],
      exportLimitKw: [20, 20],
      loadKw: [0, 0],
      pvKw: [0, 0],
      importEurPerKwh: [0.2, 0.2],
      exceeded: [],
    };
    // The panel is 970 px wide from 76 on and 330 px high down to 422, for 0 to 20.8 kW.
    expect(drawDepot(trajectory)).toContain('M76 263.35L561 263.35L561 422L1046 422L1046 422L76 422Z');
  });
});

describe('growth of times', () => {
  it('is drawn with a point for each measurement and a mark for each promise', () => {
    const content = drawGrowth(
      [
        { series: 'planning', size: 50, seconds: 0.2 },
        { series: 'planning', size: 200, seconds: 1 },
      ],
      { subtitle: 's', sizeLabel: 'Vehicles', targets: [{ label: '1.5 s', size: 200, seconds: 1.5 }] },
    );
    checkDocument('growth', content);
    expect(content.match(/<circle/g)).toHaveLength(2);
    expect(content).toContain('1.5 s');
  });

  it('is drawn without any measurement', () => {
    checkDocument('growth', drawGrowth([], { subtitle: 's', sizeLabel: 'Vehicles' }));
  });
});

describe('scales', () => {
  it('have ticks that are round, even and cover the values', () => {
    fc.assert(
      fc.property(fc.integer({ min: -9000, max: 9000 }), fc.integer({ min: 1, max: 9000 }), (low, span) => {
        const ticks = niceTicks(low, low + span, 5);
        expect(ticks[0]).toBeLessThanOrEqual(low);
        expect(ticks.at(-1)).toBeGreaterThanOrEqual(low + span - 1e-6);
        expect(ticks.length).toBeGreaterThanOrEqual(2);
        expect(ticks.length).toBeLessThanOrEqual(8);
      }),
    );
  });

  it('write the clock that the start is written with', () => {
    expect(clockAt('2025-06-10T12:00:00+02:00', 3 * 3600 + 60)).toBe('15:01');
    const ticks = timeTicks('2025-06-10T12:30:00+02:00', 0, 24 * 3600, 8);
    expect(ticks.map(({ label }) => label)).toEqual([
      '15:00',
      '18:00',
      '21:00',
      '11 Jun',
      '03:00',
      '06:00',
      '09:00',
      '12:00',
    ]);
    expect(ticks[0]?.atS).toBe(2.5 * 3600);
  });

  it('write numbers short', () => {
    expect([0, 0.123, 12.34, 123.4, 12_345, -2.5e6].map(shortNumber)).toEqual([
      '0',
      '0.12',
      '12.3',
      '123',
      '12.3 k',
      '-2.5 M',
    ]);
  });
});
