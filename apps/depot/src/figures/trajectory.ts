import type { Plan } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import type { Scenario } from '../model/scenario.ts';
import { ExceedanceWatch } from '../simulate/exceedance-watch.ts';
import type { SimulatedDay } from '../simulate/simulated-day.ts';

/** One vehicle over time, for a figure. */
export interface VehicleTrack {
  readonly id: string;
  readonly evse: string;
  readonly arrivalS: number;
  readonly departureS: number;
  readonly minimumKwh: number;
  readonly targetKwh: number;
  readonly maximumKwh: number;
  readonly maximumChargeKw: number;
  /** By segment, kW, negative when discharging. */
  readonly powerKw: ArrayLike<number>;
  /** By edge, kWh. */
  readonly energyKwh: ArrayLike<number>;
}

/**
 * What figures are drawn from: a plan or a simulated day. Time is cut into segments from `edgesS[k]` to `edgesS[k + 1]`,
 * seconds after `start`.
 */
export interface Trajectory {
  readonly title: string;
  readonly start: string;
  readonly edgesS: ArrayLike<number>;
  /** In the order of their arrival. */
  readonly vehicles: readonly VehicleTrack[];
  /** By segment, kW. */
  readonly gridKw: ArrayLike<number>;
  readonly importLimitKw: ArrayLike<number>;
  readonly exportLimitKw: ArrayLike<number>;
  readonly loadKw: ArrayLike<number>;
  readonly pvKw: ArrayLike<number>;
  /** By segment, EUR per kWh of import. */
  readonly importEurPerKwh: ArrayLike<number>;
  /** Nodes and conductors that carry more than they may at some time, the grid connection among them. */
  readonly exceeded: readonly string[];
}

export function trajectoryOfPlan(scenario: Scenario, problem: Problem, plan: Plan): Trajectory {
  const segments = Array.from({ length: problem.steps }, (_, step) => step);
  const sumAt = (rows: readonly Float64Array[]) => (step: number) =>
    rows.reduce((sum, row) => sum + (row[step] ?? 0), 0);
  const loadKw = segments.map(sumAt(problem.loadKw));
  const pvKw = segments.map(sumAt(plan.pvKw));
  const vehicleKw = segments.map(sumAt(plan.powerKw));
  const vehicles = problem.processes.map(
    (process): VehicleTrack => ({
      id: process.id,
      evse: problem.network.nodes[process.evse]?.id ?? '',
      arrivalS: process.arrivalS,
      departureS: process.departureS,
      minimumKwh: process.minimumKwh,
      targetKwh: process.targetKwh,
      maximumKwh: process.maximumKwh,
      maximumChargeKw: process.maximumChargeKw,
      powerKw: plan.powerKw[process.index] ?? [],
      energyKwh: plan.energyKwh[process.index] ?? [],
    }),
  );
  return {
    title: `${scenario.name}, ${plan.strategy === 'none' ? 'without load management' : plan.strategy}`,
    start: scenario.start,
    edgesS: Array.from({ length: problem.steps + 1 }, (_, step) => step * problem.stepSeconds),
    vehicles: vehicles.sort((a, b) => a.arrivalS - b.arrivalS),
    gridKw: segments.map((step) => (vehicleKw[step] ?? 0) + (loadKw[step] ?? 0) - (pvKw[step] ?? 0)),
    importLimitKw: problem.importKw[0] ?? [],
    exportLimitKw: problem.exportKw[0] ?? [],
    loadKw,
    pvKw,
    importEurPerKwh: problem.importEurPerKwh,
    exceeded: exceededBy(problem, plan),
  };
}

function exceededBy(problem: Problem, plan: Plan): string[] {
  const watch = new ExceedanceWatch();
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const at = (rows: readonly Float64Array[]): number[] => rows.map((row) => row[step] ?? 0);
    watch.look(problem, at(plan.powerKw), at(plan.pvKw), problem.stepSeconds, step);
  }
  return watch.exceedances().map(({ node }) => node);
}

/** Stays are drawn as they were, not as they were announced. */
export function trajectoryOfDay(scenario: Scenario, day: SimulatedDay): Trajectory {
  const outcomes = new Map(day.stays.map((stay) => [stay.process, stay]));
  const segments = day.gridKw.map((_, segment) => segment);
  const stepOf = (segment: number): number =>
    Math.floor((day.edgesS[segment] ?? 0) / scenario.stepSeconds + 1e-9);
  const vehicleKw = segments.map((segment) => day.powerKw.reduce((sum, row) => sum + (row[segment] ?? 0), 0));
  const loads = (scenario.fixedPower ?? []).filter(({ type }) => type === 'load');
  const loadKw = segments.map((segment) =>
    loads.reduce((sum, { kw }) => sum + (kw[stepOf(segment)] ?? 0), 0),
  );
  const vehicles = scenario.processes.flatMap((process, index): VehicleTrack[] => {
    const stay = outcomes.get(process.id);
    if (stay === undefined) return [];
    return [
      {
        id: process.id,
        evse: process.evse,
        arrivalS: stay.arrivalS,
        departureS: stay.departureS,
        minimumKwh: stay.minimumKwh,
        targetKwh: stay.targetKwh,
        maximumKwh: process.presentEnergyKwh + process.needs.maximumEnergyRequestKwh,
        maximumChargeKw: process.needs.maximumChargeKw,
        powerKw: day.powerKw[index] ?? [],
        energyKwh: day.energyKwh[index] ?? [],
      },
    ];
  });
  return {
    title: `${scenario.name}, simulated day with ${day.strategy}`,
    start: scenario.start,
    edgesS: day.edgesS,
    vehicles: vehicles.sort((a, b) => a.arrivalS - b.arrivalS),
    gridKw: day.gridKw,
    importLimitKw: day.importLimitKw,
    exportLimitKw: day.exportLimitKw,
    loadKw,
    pvKw: segments.map((segment) =>
      Math.max(0, (vehicleKw[segment] ?? 0) + (loadKw[segment] ?? 0) - (day.gridKw[segment] ?? 0)),
    ),
    importEurPerKwh: day.importEurPerKwh,
    exceeded: day.exceeded.map(({ node }) => node),
  };
}
