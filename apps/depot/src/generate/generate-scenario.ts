import type { Random } from '../../../../src/core/random.ts';
import type { Battery, ChargingProcess } from '../model/needs.ts';
import { describeFindings, parseScenario } from '../model/parse-scenario.ts';
import {
  type FixedPower,
  type Prices,
  type Scenario,
  type ScenarioEvent,
  scenarioFormat,
} from '../model/scenario.ts';
import { dayAheadPrices, pvDay, rounded } from './day.ts';
import { pickWeighted, sample, unit } from './distribution.ts';
import type { Specification, VehicleKind } from './specification.ts';
import { drawStays, type Stay } from './stays.ts';
import { drawSurprises } from './surprises.ts';
import { buildTree } from './tree.ts';

export type Generated =
  | { readonly type: 'generated'; readonly scenario: Scenario }
  | { readonly type: 'impossible'; readonly message: string };

/**
 * A scenario drawn from a specification. The same specification and state of `random` give the same scenario, to the bit.
 * Every part draws from a stream of its own, so that a change to one distribution leaves the others' draws as they were.
 */
export function generateScenario(specification: Specification, random: Random): Generated {
  const { start, stepSeconds, steps } = specification;
  const topology =
    specification.topology.type === 'tree'
      ? buildTree(specification.topology)
      : specification.topology.topology;
  const evses = topology.nodes.flatMap((node) => (node.type === 'evse' ? [node.id] : []));
  if (evses.length === 0) return { type: 'impossible', message: 'The topology has no EVSE.' };
  const grid = topology.nodes.find((node) => node.type === 'grid')?.id ?? '';
  const drawn = drawStays(specification, evses, random.stream('stays'));
  if (drawn.type === 'no room') {
    return {
      type: 'impossible',
      message: `Only ${drawn.placed} of ${specification.vehicles} stays find one of ${evses.length} EVSEs before the scenario ends. Take more EVSEs, shorter stays, earlier arrivals or more steps.`,
    };
  }
  const vehicles = random.stream('vehicles');
  const width = String(specification.vehicles).length;
  const processes = drawn.stays.map((stay, index) =>
    drawProcess(specification, stay, index, width, vehicles),
  );
  const surprises = drawSurprises(specification, { topology, processes }, random.stream('surprises'));
  const prices =
    specification.prices === undefined
      ? undefined
      : dayAheadPrices(specification.prices, { start, stepSeconds, steps }, random.stream('prices'));
  const fixedPower = drawFixedPower(specification, grid, random.stream('pv'));
  const events = [
    ...surprises.events,
    ...priceChanges(specification, prices, random.stream('price changes')),
  ];
  return checked({
    format: scenarioFormat,
    name: specification.name,
    start,
    stepSeconds,
    steps,
    topology,
    processes: surprises.processes,
    ...(prices === undefined ? {} : { prices }),
    ...(fixedPower.length === 0 ? {} : { fixedPower }),
    ...(events.length === 0 ? {} : { events: events.sort((a, b) => a.atS - b.atS) }),
  });
}

/** A specification can ask for what no scenario may have, such as a building that needs more than the grid gives. */
function checked(scenario: Scenario): Generated {
  const parsed = parseScenario(scenario);
  return parsed.type === 'valid'
    ? { type: 'generated', scenario }
    : { type: 'impossible', message: describeFindings(parsed.findings) };
}

function drawProcess(
  specification: Specification,
  stay: Stay,
  index: number,
  width: number,
  random: Random,
): ChargingProcess {
  const kind = pickWeighted(specification.kinds, random);
  const capacityKwh = rounded(sample(kind.capacityKwh, random), 1);
  const level = (share: number): number => rounded(share * capacityKwh, 1);
  const presentKwh = level(sample(specification.presentShare, random));
  const maximumKwh = Math.max(presentKwh, level(sample(specification.maximumShare, random)));
  const targetKwh = Math.min(maximumKwh, level(sample(specification.targetShare, random)));
  const minimumKwh = Math.min(targetKwh, level(sample(specification.minimumShare, random)));
  const request = (kwh: number): number => rounded(kwh - presentKwh, 1);
  const maximumChargeKw = rounded(sample(kind.maximumChargeKw, random), 1);
  const dischargeKw = rounded(sample(kind.maximumDischargeKw, random), 1);
  const minimumChargeKw = Math.min(maximumChargeKw, rounded(sample(kind.minimumChargeKw, random), 1));
  const canDischarge = unit(random) < specification.bptShare && dischargeKw > 0;
  return {
    id: `V${String(index + 1).padStart(width, '0')}`,
    ...stay,
    presentEnergyKwh: presentKwh,
    battery: batteryOf(kind, capacityKwh, maximumChargeKw),
    needs: {
      targetEnergyRequestKwh: request(targetKwh),
      minimumEnergyRequestKwh: request(minimumKwh),
      maximumEnergyRequestKwh: request(maximumKwh),
      maximumChargeKw,
      ...(minimumChargeKw > 0 ? { minimumChargeKw } : {}),
      ...(canDischarge ? { maximumDischargeKw: dischargeKw } : {}),
    },
    ...(kind.phases === undefined ? {} : { phases: kind.phases }),
    group: `group ${1 + (index % specification.groups)}`,
    // An external schedule that serves first what leaves first.
    priority: -Math.round(stay.departureS / 60),
  };
}

function batteryOf(kind: VehicleKind, capacityKwh: number, maximumChargeKw: number): Battery {
  const { chargeEfficiency, dischargeEfficiency, wearEurPerKwh, taperFromShare, taperToPowerShare } = kind;
  const taper =
    taperFromShare === undefined
      ? {}
      : {
          chargingCurve: [
            { energyKwh: rounded(taperFromShare * capacityKwh, 1), kw: maximumChargeKw },
            { energyKwh: capacityKwh, kw: rounded((taperToPowerShare ?? 0) * maximumChargeKw, 1) },
          ],
        };
  return {
    capacityKwh,
    ...(chargeEfficiency < 1 ? { chargeEfficiency } : {}),
    ...(dischargeEfficiency < 1 ? { dischargeEfficiency } : {}),
    ...taper,
    ...(wearEurPerKwh > 0 ? { wearEurPerKwh } : {}),
  };
}

function drawFixedPower(specification: Specification, grid: string, random: Random): FixedPower[] {
  const { pvPeakKw, buildingKw, steps } = specification;
  const fixed: FixedPower[] = [];
  if (pvPeakKw > 0)
    fixed.push({ type: 'pv', id: 'PV', node: grid, kw: pvDay(pvPeakKw, specification, random) });
  if (buildingKw > 0) {
    const kw = new Array<number>(steps).fill(buildingKw);
    fixed.push({ type: 'load', id: 'building', node: grid, kw });
  }
  return fixed;
}

/** At each change, the prices of the hours to come are drawn anew; those of the past stay. */
function priceChanges(
  { surprises, ...specification }: Specification,
  prices: Prices | undefined,
  random: Random,
): ScenarioEvent[] {
  if (prices === undefined || specification.prices === undefined) return [];
  const { steps, stepSeconds } = specification;
  const events: ScenarioEvent[] = [];
  for (let change = 0; change < surprises.priceChanges; change++) {
    // Not in the last part of the scenario, when most vehicles have left.
    const from = 1 + Math.floor(unit(random) * 0.6 * (steps - 1));
    const drawn = dayAheadPrices(specification.prices, specification, random);
    const spliced = (old: readonly number[], next: readonly number[]): number[] => [
      ...old.slice(0, from),
      ...next.slice(from),
    ];
    events.push({
      type: 'prices',
      atS: from * stepSeconds,
      prices: {
        importEurPerKwh: spliced(prices.importEurPerKwh, drawn.importEurPerKwh),
        exportEurPerKwh: spliced(prices.exportEurPerKwh, drawn.exportEurPerKwh),
      },
    });
  }
  return events;
}
