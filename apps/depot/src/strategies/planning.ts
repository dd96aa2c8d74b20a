import type { PlannedProcess, Problem } from '../model/problem.ts';
import { FormerPlan } from '../planning/former-plan.ts';
import { costObjective, type Objective } from '../planning/objective.ts';
import { planDepot } from '../planning/planner.ts';
import type { PlannedPower, PlanOptions, WarmStart } from '../planning/solve-program.ts';
import { isPresent } from './dispatch.ts';
import type { StepLists, Strategy, StrategyTools } from './strategy.ts';

/** No plan could be made; whoever has an older one keeps it. */
export class PlanningFailed extends Error {
  override readonly name = 'PlanningFailed';
  readonly code = 'PLANNING_FAILED';
}

export interface PlanningOptions {
  readonly objective?: Objective;
  /** For each of the programs; a plan that takes longer fails. 300 if left out. */
  readonly timeLimitS?: number;
}

/**
 * Up to so many vehicles the one that leaves earlier comes first at equal prices: they charge one after the other instead of
 * by turns, at the same cost. More of them take the solver three times as long that way.
 */
const orderedVehicles = 100;

const defaultObjective = ({ processes }: Problem): Objective =>
  processes.length <= orderedVehicles ? { ...costObjective, order: 'end' } : costObjective;

/** s; enough for 2,000 vehicles and 96 steps, and short enough to say so when a depot is far larger. */
const defaultTimeLimitS = 300;

/**
 * Two linear programs over everything that has been announced. The strategy remembers its last plan: when it is asked
 * again, the solver starts from there.
 */
export function planning(options: PlanningOptions = {}): Strategy {
  let last: { warmStart: WarmStart; former?: FormerPlan } = { warmStart: new Map() };
  return {
    name: 'planning',
    summary:
      'Two linear programs over all announced stays: energy early up to the minimum, then the best with discharge.',
    prepare: async (problem, { solver, onProgress }) => {
      const result = await planDepot(problem, solver, {
        timeLimitS: defaultTimeLimitS,
        objective: defaultObjective(problem),
        ...options,
        ...last,
        ...(onProgress === undefined ? {} : reported(onProgress)),
      });
      if (result.type === 'failed')
        throw new PlanningFailed(`No plan for ${problem.name}: ${result.detail}.`);
      const { planned } = result;
      last = { warmStart: planned.warmStart, former: new FormerPlan(problem, planned.powerKw) };
      return {
        objective: planned.objective,
        listsFor: ({ step }) => listsFromPower(problem, step, planned),
      };
    },
  };
}

/** Says what is being solved and how much of all has been done. */
function reported(
  onProgress: NonNullable<StrategyTools['onProgress']>,
): Pick<PlanOptions, 'onProgress' | 'onSolve'> {
  let [phase, done] = ['planning', 0];
  return {
    onSolve: (what) => {
      phase = `planning: ${what}`;
      onProgress(phase, done);
    },
    onProgress: (fraction) => {
      done = fraction;
      onProgress(phase, done);
    },
  };
}

/** The two lists of a step of a plan: those who give come first, then those who leave first. */
export function listsFromPower(
  problem: Problem,
  step: number,
  { powerKw, pvKw }: Pick<PlannedPower, 'powerKw' | 'pvKw'>,
): StepLists {
  const percentOfMaximum = problem.processes.map((process) =>
    percentOf(process, powerKw[process.index]?.[step] ?? 0),
  );
  const executionPriority = problem.processes
    .filter((process) => isPresent(process, step) && percentOfMaximum[process.index] !== 0)
    .sort((a, b) => rank(percentOfMaximum, a) - rank(percentOfMaximum, b) || a.departureS - b.departureS)
    .map(({ index }) => index);
  const generationCeilingKw = problem.generation.map(({ kw }, row) => {
    const planned = pvKw[row]?.[step] ?? Infinity;
    // Where nothing is curtailed, more may be fed in than was known when the plan was made.
    return planned < (kw[step] ?? 0) - curtailedFromKw ? planned : Infinity;
  });
  return { executionPriority, percentOfMaximum, generationCeilingKw };
}

/** kW; less is what the solver's tolerance leaves away. */
const curtailedFromKw = 1e-4;

const rank = (percent: readonly number[], { index }: PlannedProcess): number =>
  (percent[index] ?? 0) < 0 ? 0 : 1;

/** A power at the EVSE as a percentage of the maximum in its direction. */
export function percentOf(process: PlannedProcess, kw: number): number {
  const maximum = kw >= 0 ? process.maximumChargeKw : process.maximumDischargeKw;
  return maximum > 0 ? Math.min(100, Math.max(-100, (100 * kw) / maximum)) : 0;
}
