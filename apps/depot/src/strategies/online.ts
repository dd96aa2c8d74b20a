import type { PlannedProcess, Problem } from '../model/problem.ts';
import type { PlannedPower, PlanResult } from '../planning/solve-program.ts';
import { isPresent } from './dispatch.ts';
import { listsFromPower, PlanningFailed } from './planning.ts';
import type { DepotState, StepPolicy } from './strategy.ts';

interface OnlineOptions {
  /** Plans again when so many steps have passed without an arrival or departure. */
  readonly everySteps: number;
  /** The process as a plan that is made in `step` shall see it. */
  readonly view: (process: PlannedProcess, step: number) => PlannedProcess;
  readonly plan: (problem: Problem) => Promise<PlanResult>;
}

/**
 * Plans for those who are here, knowing nothing of who will come; again at every arrival and departure, and after a time
 * without.
 */
export function onlinePolicy(problem: Problem, options: OnlineOptions): StepPolicy {
  let current:
    | { key: string; made: number; sub: Problem; origin: readonly number[]; planned: PlannedPower }
    | undefined;
  return {
    listsFor: async (state) => {
      const here = problem.processes.filter((process) => isPresent(process, state.step));
      const key = here.map(({ index }) => index).join();
      if (current === undefined || current.key !== key || state.step - current.made >= options.everySteps) {
        const { sub, origin } = restricted(problem, state, here, options);
        const result = await options.plan(sub);
        if (result.type === 'failed') throw new PlanningFailed(`Step ${state.step}: ${result.detail}.`);
        current = { key, made: state.step, sub, origin, planned: result.planned };
      }
      const { sub, origin, planned } = current;
      const lists = listsFromPower(sub, state.step, planned);
      const percentOfMaximum = new Float64Array(problem.processes.length);
      for (const [index, at] of origin.entries()) percentOfMaximum[at] = lists.percentOfMaximum[index] ?? 0;
      return {
        executionPriority: lists.executionPriority.map((index) => origin[index] ?? 0),
        percentOfMaximum,
        ...(lists.generationCeilingKw === undefined
          ? {}
          : { generationCeilingKw: lists.generationCeilingKw }),
      };
    },
  };
}

/**
 * The problem from `step` on with some of the processes only, as long as they are here, and at least until it is planned
 * again: generation is planned for every step, whether somebody is here or not. `origin` leads back to their indices.
 */
function restricted(
  problem: Problem,
  { step, energyKwh }: DepotState,
  here: readonly PlannedProcess[],
  { view, everySteps }: OnlineOptions,
): { sub: Problem; origin: number[] } {
  const origin: number[] = [];
  const processes: PlannedProcess[] = [];
  for (const process of here) {
    origin.push(process.index);
    processes.push({
      ...view(process, step),
      index: processes.length,
      first: step,
      initialKwh: energyKwh[process.index] ?? process.initialKwh,
    });
  }
  const untilNext = Math.min(problem.steps, step + everySteps);
  const steps = processes.reduce((latest, { end }) => Math.max(latest, end), untilNext);
  return { sub: { ...problem, firstStep: step, steps, processes }, origin };
}
