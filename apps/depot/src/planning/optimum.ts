import type { Problem } from '../model/problem.ts';
import { costObjective } from './objective.ts';
import { type PlanResult, planDepot } from './planner.ts';
import type { LpSolver } from './solver.ts';

/**
 * The yardstick: the whole future is known, nothing is frozen, and no minimum power is kept; demand first, then cost. It is
 * exact, so that nobody can surpass it, unless a V2X window ends below the target (who cycles is then decided by rule and
 * not by search) or a price is negative (discharging is charged for the energy that it could burn): then it is an
 * approximation that can be surpassed by a little.
 */
export async function offlineOptimum(problem: Problem, solver: LpSolver): Promise<PlanResult> {
  const relaxed: Problem = {
    ...problem,
    processes: problem.processes.map((process) => ({
      ...process,
      // A minimum at the present level frees every step, and a window from there on forbids nothing that was allowed.
      minimumKwh: Math.min(process.minimumKwh, process.initialKwh),
      minimumV2xKwh: Math.min(process.minimumV2xKwh, process.initialKwh),
      minimumChargeKw: 0,
      minimumDischargeKw: 0,
    })),
  };
  return planDepot(relaxed, solver, { objective: { ...costObjective, earlyEurPerKwhHour: 0 } });
}
