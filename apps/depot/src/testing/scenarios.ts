import fc from 'fast-check';
import type { ChargingNeeds, ChargingProcess } from '../model/needs.ts';
import {
  type FixedPower,
  type Prices,
  type Scenario,
  type ScenarioEvent,
  scenarioFormat,
  type TemporaryLimit,
} from '../model/scenario.ts';
import type { Link, Phase, TopologyNode } from '../model/topology.ts';

/** Seconds of one step. */
const stepSeconds = 900;

/**
 * Small depots with everything that makes planning hard: narrow capacities in both directions, rings, phases, discharge,
 * losses, curves, minimum powers, negative prices, PV and loads, limits of one branch, stays that begin and end within a
 * step; and as events, which only a simulated day knows, needs that change during a stay, limits, and prices. Powers and
 * energies are whole, so that failures are readable.
 */
export function scenarios(shape: 'tree' | 'any' = 'any'): fc.Arbitrary<Scenario> {
  return fc
    .record({
      steps: fc.integer({ min: 2, max: 8 }),
      busbars: fc.integer({ min: 1, max: 3 }),
      stations: fc.integer({ min: 1, max: 4 }),
      ring: shape === 'tree' ? fc.constant(false) : fc.boolean(),
    })
    .chain(({ steps, busbars, stations, ring }) =>
      fc
        .record({
          topology: topologies(busbars, stations, ring),
          processes: fc.tuple(
            ...Array.from({ length: stations }, (_, index) =>
              processes(`evse ${index}`, `vehicle ${index}`, steps),
            ),
          ),
          prices: prices(steps),
          fixedPower: fixedPowers(steps),
          limits: fc.array(branchLimits(busbars, steps), { maxLength: 2 }),
          events: events(busbars, stations, steps),
        })
        .map(
          (parts): Scenario => ({
            format: scenarioFormat,
            name: 'drawn',
            start: '2025-01-01T00:00:00Z',
            stepSeconds,
            steps,
            ...parts,
          }),
        ),
    );
}

const kw = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max });
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });

function topologies(busbars: number, stations: number, ring: boolean): fc.Arbitrary<Scenario['topology']> {
  const capacity = fc.record({ importKw: kw(60), exportKw: kw(40) });
  const conductors = fc.shuffledSubarray<Phase>(['L1', 'L2', 'L3'], { minLength: 1 });
  return fc
    .record({
      grid: fc.record({ importKw: fc.integer({ min: 20, max: 100 }), exportKw: kw(60) }),
      busbarCapacity: fc.array(maybe(capacity), { minLength: busbars, maxLength: busbars }),
      stationCapacity: fc.array(maybe(capacity), { minLength: stations, maxLength: stations }),
      supply: fc.array(maybe(conductors), { minLength: stations, maxLength: stations }),
      at: fc.array(fc.nat(busbars - 1), { minLength: stations, maxLength: stations }),
      phaseA: fc.option(fc.integer({ min: 10, max: 80 }), { nil: undefined }),
      lineCapacity: capacity,
    })
    .map(({ grid, busbarCapacity, stationCapacity, supply, at, phaseA, lineCapacity }) => {
      const nodes: TopologyNode[] = [{ type: 'grid', id: 'grid', capacity: grid }];
      const links: Link[] = [];
      for (const [index, capacityHere] of busbarCapacity.entries()) {
        const limited = phaseA !== undefined && !ring && index === 0;
        nodes.push({
          type: 'busbar',
          id: `busbar ${index}`,
          ...(capacityHere === undefined ? {} : { capacity: capacityHere }),
          ...(limited ? { phaseLimit: { currentA: phaseA, voltageV: 230 } } : {}),
        });
        links.push({ from: 'grid', to: `busbar ${index}` });
        // A tie between neighbouring bus bars gives the second one two feeders.
        if (ring && index > 0)
          links.push({ from: `busbar ${index - 1}`, to: `busbar ${index}`, capacity: lineCapacity });
      }
      for (const [index, capacityHere] of stationCapacity.entries()) {
        const used = supply[index];
        nodes.push(
          {
            type: 'station',
            id: `station ${index}`,
            ...(capacityHere === undefined ? {} : { capacity: capacityHere }),
          },
          {
            type: 'evse',
            id: `evse ${index}`,
            supply: used === undefined ? { type: 'dc' } : { type: 'ac', conductors: used },
          },
        );
        links.push({ from: `busbar ${at[index] ?? 0}`, to: `station ${index}` });
        links.push({ from: `station ${index}`, to: `evse ${index}` });
      }
      return { nodes, links };
    });
}

function processes(evse: string, id: string, steps: number): fc.Arbitrary<ChargingProcess> {
  return fc
    .record({
      arrival: fc.nat(steps - 1),
      // Half of the stays begin and end somewhere within a step.
      within: fc.constantFrom<readonly [number, number]>([0, 0], [0, 0], [123.4, 0], [500.5, 77.7]),
      stay: fc.integer({ min: 1, max: steps }),
      present: fc.integer({ min: 0, max: 50 }),
      energies,
      charge: fc.integer({ min: 1, max: 44 }),
      discharge: kw(30),
      efficiency: fc.constantFrom(1, 0.9),
      leastShare: fc.constantFrom(0, 0, 0.3),
      wear: fc.constantFrom(0, 0.02),
      taper: fc.boolean(),
      phases: fc.constantFrom<1 | 2 | 3>(1, 2, 3),
    })
    .map((drawn): ChargingProcess => {
      const [afterS, moreS] = drawn.within;
      return {
        id,
        evse,
        arrivalS: drawn.arrival * stepSeconds + afterS,
        departureS: (drawn.arrival + drawn.stay) * stepSeconds + moreS + afterS,
        presentEnergyKwh: drawn.present,
        phases: drawn.phases,
        battery: {
          capacityKwh: 60,
          chargeEfficiency: drawn.efficiency,
          dischargeEfficiency: drawn.efficiency,
          wearEurPerKwh: drawn.wear,
          ...(drawn.taper
            ? {
                chargingCurve: [
                  { energyKwh: 30, kw: drawn.charge },
                  { energyKwh: 60, kw: drawn.charge * 0.2 },
                ],
              }
            : {}),
        },
        needs: {
          ...requests(drawn.energies, drawn.present),
          maximumChargeKw: drawn.charge,
          minimumChargeKw: drawn.charge * drawn.leastShare,
          maximumDischargeKw: drawn.discharge,
          minimumDischargeKw: drawn.discharge * drawn.leastShare,
        },
      };
    });
}

interface Energies {
  readonly levels: readonly number[];
  readonly targetShare: number;
}

/** Levels in rising order: minimum, window from, window to, maximum; the target lies between minimum and maximum. */
const energies: fc.Arbitrary<Energies> = fc.record({
  levels: fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 4, maxLength: 4 }),
  targetShare: fc.constantFrom(0, 0.5, 1),
});

function requests(
  { levels, targetShare }: Energies,
  presentKwh: number,
): Omit<ChargingNeeds, 'maximumChargeKw'> {
  const [minimum = 0, windowFrom = 0, windowTo = 0, maximum = 0] = [...levels].sort((a, b) => a - b);
  const request = (level: number): number => level - presentKwh;
  return {
    minimumEnergyRequestKwh: request(minimum),
    targetEnergyRequestKwh: request(Math.round(minimum + targetShare * (maximum - minimum))),
    maximumEnergyRequestKwh: request(maximum),
    minimumV2xEnergyRequestKwh: request(windowFrom),
    maximumV2xEnergyRequestKwh: request(windowTo),
  };
}

/** Limits of one bus bar: no load is promised below it, so nothing has to be above them. */
function branchLimits(busbars: number, steps: number): fc.Arbitrary<TemporaryLimit> {
  return fc
    .record({
      busbar: fc.nat(busbars - 1),
      fromS: fc.nat(steps * stepSeconds - 1),
      lastsS: fc.integer({ min: 1, max: 3 * stepSeconds }),
      importKw: kw(30),
      exportKw: kw(20),
    })
    .map(({ busbar, fromS, lastsS, ...powers }) => ({
      node: `busbar ${busbar}`,
      fromS,
      toS: fromS + lastsS,
      ...powers,
    }));
}

function events(busbars: number, stations: number, steps: number): fc.Arbitrary<ScenarioEvent[]> {
  const atS = fc.integer({ min: 0, max: 10 * steps * stepSeconds }).map((tenths) => tenths / 10);
  const process = fc.nat(stations - 1).map((index) => `vehicle ${index}`);
  const needs = fc.record({ energies, charge: kw(40), discharge: kw(30), at: kw(60) });
  const event: fc.Arbitrary<ScenarioEvent> = fc.oneof(
    fc
      .record({ atS, process, needs })
      .map(({ needs: { energies: wanted, charge, discharge, at }, ...rest }) => ({
        ...rest,
        type: 'needs' as const,
        needs: { ...requests(wanted, at), maximumChargeKw: charge, maximumDischargeKw: discharge },
      })),
    fc
      .record({ atS, limit: branchLimits(busbars, steps) })
      .map((rest) => ({ ...rest, type: 'limit' as const })),
    fc.record({ atS, prices: prices(steps) }).map((rest) => ({ ...rest, type: 'prices' as const })),
    fc.record({ atS, process }).map((rest) => ({ ...rest, type: 'departure' as const })),
    fc.record({ atS, process }).map((rest) => ({ ...rest, type: 'arrival' as const })),
  );
  return fc.array(event, { maxLength: 4 });
}

function prices(steps: number): fc.Arbitrary<Prices> {
  const cents = fc.array(fc.tuple(fc.integer({ min: -30, max: 50 }), fc.integer({ min: 0, max: 30 })), {
    minLength: steps,
    maxLength: steps,
  });
  return cents.map((pairs) => ({
    importEurPerKwh: pairs.map(([price]) => price / 100),
    exportEurPerKwh: pairs.map(([price, less]) => (price - less) / 100),
  }));
}

function fixedPowers(steps: number): fc.Arbitrary<FixedPower[]> {
  const series = (max: number) => fc.array(kw(max), { minLength: steps, maxLength: steps });
  return fc.record({ load: series(15), pv: series(40) }).map(({ load, pv }) => [
    { type: 'load', id: 'building', node: 'grid', kw: load },
    { type: 'pv', id: 'roof', node: 'busbar 0', kw: pv },
  ]);
}
