import type { Plan } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { netDemand } from '../strategies/dispatch.ts';
import { isFeasible } from '../topology/feasibility.ts';
import { keepsPhaseLimits } from '../topology/phases.ts';

/** What a plan is judged by. */
export interface Measures {
  /** Stored in batteries up to the targets, kWh: what the vehicles came for. */
  readonly deliveredKwh: number;
  /** Missing at the targets, kWh, and vehicles that miss more than 0.05 kWh. */
  readonly unmetKwh: number;
  readonly unmetVehicles: number;
  /** Energy bought minus energy sold plus wear, EUR. */
  readonly costEur: number;
  /** Greatest import from the grid, kW. */
  readonly peakKw: number;
  /** Taken out of batteries at the EVSEs, kWh. */
  readonly cycledKwh: number;
  /** Steps in which the power exceeds a capacity of the topology, or a phase limit. */
  readonly overloadedSteps: number;
}

export function measure(problem: Problem, plan: Plan): Measures {
  const { processes, stepHours } = problem;
  let [deliveredKwh, unmetKwh, unmetVehicles, cycledKwh, wearEur] = [0, 0, 0, 0, 0];
  for (const { index, initialKwh, targetKwh, wearEurPerKwh } of processes) {
    const final = plan.energyKwh[index]?.at(-1) ?? initialKwh;
    const missing = Math.max(0, targetKwh - final);
    deliveredKwh += Math.min(final, targetKwh) - Math.min(initialKwh, targetKwh);
    unmetKwh += missing;
    if (missing > 0.05) unmetVehicles += 1;
    for (const kw of plan.powerKw[index] ?? []) {
      cycledKwh += Math.max(0, -kw) * stepHours;
      wearEur += Math.max(0, -kw) * stepHours * wearEurPerKwh;
    }
  }
  let [energyEur, peakKw, overloadedSteps] = [0, 0, 0];
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const powerKw = plan.powerKw.map((row) => row[step] ?? 0);
    const pvKw = plan.pvKw.map((row) => row[step] ?? 0);
    const demand = netDemand(problem, step, powerKw, pvKw);
    const gridKw = demand.reduce((sum, kw) => sum + kw, 0);
    const price = gridKw >= 0 ? problem.importEurPerKwh[step] : problem.exportEurPerKwh[step];
    energyEur += gridKw * (price ?? 0) * stepHours;
    peakKw = Math.max(peakKw, gridKw);
    if (!isFeasible(problem, step, demand) || !keepsPhaseLimits(problem, step, powerKw, pvKw))
      overloadedSteps += 1;
  }
  return {
    deliveredKwh,
    unmetKwh,
    unmetVehicles,
    costEur: energyEur + wearEur,
    peakKw,
    cycledKwh,
    overloadedSteps,
  };
}
