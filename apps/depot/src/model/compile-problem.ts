import { present } from '../../../../src/core/assert.ts';
import { compileNetwork, type Network } from '../topology/network.ts';
import type { ChargingProcess, CurvePoint } from './needs.ts';
import type { CurveLine, GenerationRow, PlannedProcess, Problem } from './problem.ts';
import type { Scenario } from './scenario.ts';
import { type Phase, phases, type TopologyNode } from './topology.ts';

/** The moment from which on to plan. */
export interface Now {
  /** The first step to plan; what lies before it is past. */
  readonly step: number;
  /** Energy in the batteries of vehicles that are here, kWh, by process; of others it is that of their arrival. */
  readonly energyKwh?: ReadonlyMap<string, number>;
  /** Stays that are announced only later are known as well. */
  readonly foresight?: boolean;
}

/** EUR per kWh when a scenario has no prices. */
export const defaultImportPrice = 0.2;

/**
 * The problem that a valid scenario poses at `now`: processes that have left, or are not announced yet, are not in it.
 * `network` spares the work when it was compiled from this scenario's topology before.
 */
export function compileProblem(
  scenario: Scenario,
  now: Now = { step: 0 },
  network: Network = compileNetwork(scenario.topology),
): Problem {
  const { stepSeconds, steps } = scenario;
  const nodeAt = new Map(network.nodes.map((node) => [node.id, node.index]));
  const index = (id: string): number => present(nodeAt.get(id), `node ${id} is known`);
  const row = (kw: number): Float64Array => new Float64Array(steps).fill(kw);
  const loadKw = network.nodes.map(() => row(0));
  const generation: GenerationRow[] = [];
  for (const { type, id, node, kw } of scenario.fixedPower ?? []) {
    if (type === 'pv') generation.push({ id, node: index(node), kw: Float64Array.from(kw) });
    else for (const [t, value] of kw.entries()) add(loadKw[index(node)], t, value);
  }
  const nodeById = new Map(scenario.topology.nodes.map((node) => [node.id, node]));
  const processes = scenario.processes
    .filter((process) => now.foresight === true || isAnnounced(process, now.step * stepSeconds))
    .filter((process) => process.departureS > now.step * stepSeconds)
    .map((process, position) =>
      planned(process, position, {
        scenario,
        now,
        evse: index(process.evse),
        node: nodeById.get(process.evse),
      }),
    );
  return {
    name: scenario.name,
    startMs: Date.parse(scenario.start),
    stepSeconds,
    stepHours: stepSeconds / 3600,
    firstStep: now.step,
    steps,
    network,
    processes,
    ...capacities(scenario, network, index),
    loadKw,
    generation,
    importEurPerKwh: scenario.prices
      ? Float64Array.from(scenario.prices.importEurPerKwh)
      : row(defaultImportPrice),
    exportEurPerKwh: scenario.prices ? Float64Array.from(scenario.prices.exportEurPerKwh) : row(0),
  };
}

/** Whether a stay is known `atS` seconds after the scenario's start. */
export function isAnnounced({ announcedS = 0 }: ChargingProcess, atS: number): boolean {
  return announcedS <= atS;
}

/** The capacity of each node in each step: its own, that of its only feeder, and the limits of the moment. */
function capacities(
  { limits = [], steps, stepSeconds }: Scenario,
  network: Network,
  index: (id: string) => number,
): { importKw: Float64Array[]; exportKw: Float64Array[] } {
  const feeder = (node: Network['nodes'][number]) =>
    node.feeders.length === 1 ? network.links[node.feeders[0] ?? -1] : undefined;
  const importKw = network.nodes.map((node) =>
    new Float64Array(steps).fill(Math.min(node.importKw, feeder(node)?.importKw ?? Infinity)),
  );
  const exportKw = network.nodes.map((node) =>
    new Float64Array(steps).fill(Math.min(node.exportKw, feeder(node)?.exportKw ?? Infinity)),
  );
  for (const limit of limits) {
    const node = index(limit.node);
    // A step that the limit touches is bound by it.
    const from = Math.max(0, Math.floor(limit.fromS / stepSeconds));
    const to = Math.min(steps, Math.ceil(limit.toS / stepSeconds));
    for (let t = from; t < to; t++) {
      lower(importKw[node], t, limit.importKw);
      lower(exportKw[node], t, limit.exportKw);
    }
  }
  return { importKw, exportKw };
}

function planned(
  process: ChargingProcess,
  position: number,
  context: { scenario: Scenario; now: Now; evse: number; node: TopologyNode | undefined },
): PlannedProcess {
  const { needs, battery, presentEnergyKwh } = process;
  const { scenario, now } = context;
  const level = (requestKwh: number): number => presentEnergyKwh + requestKwh;
  const minimumKwh = Math.max(0, level(needs.minimumEnergyRequestKwh));
  const first = Math.max(now.step, Math.ceil(process.arrivalS / scenario.stepSeconds - 1e-9));
  const end = Math.min(scenario.steps, Math.floor(process.departureS / scenario.stepSeconds + 1e-9));
  return {
    index: position,
    id: process.id,
    evse: context.evse,
    first,
    end: Math.max(first, end),
    arrivalS: process.arrivalS,
    departureS: process.departureS,
    initialKwh: now.energyKwh?.get(process.id) ?? presentEnergyKwh,
    targetKwh: level(needs.targetEnergyRequestKwh),
    minimumKwh,
    maximumKwh: level(needs.maximumEnergyRequestKwh),
    minimumV2xKwh: Math.max(
      minimumKwh,
      level(needs.minimumV2xEnergyRequestKwh ?? needs.minimumEnergyRequestKwh),
    ),
    maximumV2xKwh: level(needs.maximumV2xEnergyRequestKwh ?? needs.maximumEnergyRequestKwh),
    // The flat beginning of the curve is a limit like any other.
    maximumChargeKw: Math.min(needs.maximumChargeKw, battery.chargingCurve?.[0]?.kw ?? Infinity),
    minimumChargeKw: needs.minimumChargeKw ?? 0,
    maximumDischargeKw: needs.maximumDischargeKw ?? 0,
    minimumDischargeKw: needs.minimumDischargeKw ?? 0,
    chargeEfficiency: battery.chargeEfficiency ?? 1,
    dischargeEfficiency: battery.dischargeEfficiency ?? 1,
    curve: curveLines(battery.chargingCurve ?? []),
    wearEurPerKwh: battery.wearEurPerKwh ?? 0,
    phaseShare: phaseShare(process, context.node?.supply),
    group: process.group ?? '',
    priority: process.priority ?? 0,
  };
}

function curveLines(points: readonly CurvePoint[]): CurveLine[] {
  const lines: CurveLine[] = [];
  for (const [index, point] of points.entries()) {
    const before = points[index - 1];
    if (before === undefined || point.kw === before.kw) continue;
    const slopePerHour = (point.kw - before.kw) / (point.energyKwh - before.energyKwh);
    lines.push({ slopePerHour, interceptKw: before.kw - slopePerHour * before.energyKwh });
  }
  return lines;
}

function phaseShare(process: ChargingProcess, supply: TopologyNode['supply']): [number, number, number] {
  const conductors: readonly Phase[] = supply?.type === 'ac' ? supply.conductors : phases;
  const used = supply?.type === 'ac' ? conductors.slice(0, process.phases ?? 3) : conductors;
  const share = (phase: Phase): number => (used.includes(phase) ? 1 / used.length : 0);
  return [share('L1'), share('L2'), share('L3')];
}

function add(row: Float64Array | undefined, t: number, value: number): void {
  if (row !== undefined) row[t] = (row[t] ?? 0) + value;
}

function lower(row: Float64Array | undefined, t: number, limit: number | undefined): void {
  if (row !== undefined && limit !== undefined) row[t] = Math.min(row[t] ?? limit, limit);
}
