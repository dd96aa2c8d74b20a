import type { PlannedProcess, Problem } from '../model/problem.ts';
import { energyAfter } from '../physics/battery.ts';
import { type Freedom, tieEurPerKwh } from './depot-program.ts';
import { costObjective, type Objective } from './objective.ts';
import { planDepot } from './planner.ts';
import { type PlannedPower, type PlanResult, solveProgram, type Task } from './solve-program.ts';
import { type LpSolver, wholeNumberGapEur } from './solver.ts';

export type Optimum =
  | {
      readonly type: 'planned';
      readonly planned: PlannedPower;
      /**
       * `proved`: within a tenth of a cent, nobody can have a lower objective. Otherwise time ran out, and the plan is the best
       * that is known.
       */
      readonly proof: { readonly type: 'proved' } | { readonly type: 'bounded'; readonly boundEur: number };
    }
  | Extract<PlanResult, { type: 'failed' }>;

/** s for each program with whole numbers; what is searched longer mostly stays unproved. */
const defaultTimeLimitS = 30;

/** s for the first program, which has none: it always ends, and it bounds the others. */
const relaxationTimeLimitS = 300;

const objective: Objective = { ...costObjective, earlyEurPerKwhHour: 0 };

/**
 * The yardstick: the whole future is known, nothing is frozen, and no minimum power is kept; demand first, then cost. Every
 * plan that the physics allow is looked at, so nobody can surpass it.
 *
 * Two rules are not convex: never to charge and discharge at once, which burning energy at a negative price would pay for, and
 * to discharge only inside of the V2X window. They are left away at first. Where the solution breaks one, whole numbers
 * hold it, and the program is solved again; a solution that breaks none of those that were left away is the optimum.
 */
export async function offlineOptimum(
  problem: Problem,
  solver: LpSolver,
  { timeLimitS = defaultTimeLimitS }: { readonly timeLimitS?: number } = {},
): Promise<Optimum> {
  const relaxed: Problem = {
    ...problem,
    processes: problem.processes.map((process) => ({
      ...process,
      // That it comes first is a rule for plans; that nothing is taken below it is in the V2X window.
      minimumKwh: Math.min(process.minimumKwh, process.initialKwh),
    })),
  };
  let freedom = relaxed.processes.map((process) => withoutRules(process));
  // Each program allows more than the next one: the objective of one bounds that of all that follow.
  let boundEur = Number.NEGATIVE_INFINITY;
  for (let limitS = relaxationTimeLimitS; ; limitS = timeLimitS) {
    const task: Task = { name: 'exact', freedom, objective };
    const result = await solveProgram(relaxed, solver, task, { timeLimitS: limitS });
    if (result.type === 'failed') {
      if (result.bound === undefined) return result;
      return bestKnown(relaxed, solver, Math.max(boundEur, result.bound));
    }
    boundEur = Math.max(boundEur, result.planned.objective - wholeNumberGapEur);
    const next = withBrokenRules(relaxed, freedom, result.planned);
    if (next === undefined) return { type: 'planned', planned: result.planned, proof: { type: 'proved' } };
    freedom = next;
  }
}

function withoutRules({ first, end, maximumDischargeKw }: PlannedProcess): Freedom {
  return {
    freeFrom: first,
    frozenKw: undefined,
    dischargeFrom: first,
    dischargeEnd: maximumDischargeKw > 0 ? end : first,
    bounds: undefined,
    exactIn: new Set(),
  };
}

/** Where burning energy pays; who did it in one of these steps would do it in the next one. */
function burningSteps(problem: Problem, process: PlannedProcess): number[] {
  const loss = 1 / (process.chargeEfficiency * process.dischargeEfficiency) - 1;
  return Array.from({ length: process.end - process.first }, (_, at) => process.first + at).filter((step) => {
    const earned = -(problem.importEurPerKwh[step] ?? 0) * loss;
    return earned > process.wearEurPerKwh + tieEurPerKwh;
  });
}

/** The freedom with the rules that a plan breaks; undefined when it breaks none. */
function withBrokenRules(
  problem: Problem,
  freedom: readonly Freedom[],
  { bothAtOnce, powerKw }: PlannedPower,
): Freedom[] | undefined {
  const broken = new Map<number, Set<number>>();
  const breaks = (index: number, step: number): void => {
    if (freedom[index]?.exactIn?.has(step) === true) return;
    broken.set(index, (broken.get(index) ?? new Set()).add(step));
  };
  for (const { index, step } of bothAtOnce) breaks(index, step);
  for (const process of problem.processes) {
    if (broken.has(process.index))
      for (const step of burningSteps(problem, process)) breaks(process.index, step);
    // Whoever leaves his window in one step would otherwise do so in the next one.
    if (leavesWindow(problem, process, powerKw[process.index]))
      for (let step = process.first; step < process.end; step++) breaks(process.index, step);
  }
  if (broken.size === 0) return undefined;
  return freedom.map((free, index) => {
    const steps = broken.get(index);
    return steps === undefined ? free : { ...free, exactIn: new Set([...(free.exactIn ?? []), ...steps]) };
  });
}

/** kWh and kW that the solver's tolerances may be off, whole numbers times the size of a battery included. */
const slack = 1e-3;

function leavesWindow(problem: Problem, process: PlannedProcess, powerKw: Float64Array | undefined): boolean {
  let energy = process.initialKwh;
  for (let step = process.first; step < process.end; step++) {
    const kw = powerKw?.[step] ?? 0;
    const after = energyAfter(process, energy, kw, problem.stepHours);
    const outside = energy > process.maximumV2xKwh + slack || after < process.minimumV2xKwh - slack;
    if (kw < -slack && outside) return true;
    energy = after;
  }
  return false;
}

/** The approximation that plans are made with, for want of the optimum. */
async function bestKnown(problem: Problem, solver: LpSolver, boundEur: number): Promise<Optimum> {
  const result = await planDepot(
    {
      ...problem,
      processes: problem.processes.map((process) => ({
        ...process,
        minimumChargeKw: 0,
        minimumDischargeKw: 0,
      })),
    },
    solver,
    { objective },
  );
  return result.type === 'failed' ? result : { ...result, proof: { type: 'bounded', boundEur } };
}
