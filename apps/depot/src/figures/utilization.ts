import type { Plan } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { netDemand } from '../strategies/dispatch.ts';
import { type NetworkUtilization, UtilizationMeter } from '../topology/utilization.ts';

/** What a plan lets flow through each node and link. */
export function utilizationOfPlan(problem: Problem, plan: Plan): NetworkUtilization {
  const meter = new UtilizationMeter(problem.network);
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const powerKw = plan.powerKw.map((row) => row[step] ?? 0);
    const pvKw = plan.pvKw.map((row) => row[step] ?? 0);
    const demandKw = netDemand(problem, step, powerKw, pvKw);
    meter.add(problem, step, { powerKw, pvKw, demandKw }, problem.stepSeconds);
  }
  return meter.result();
}
