import { earlyObjective, type Objective } from '../planning/objective.ts';
import { planChargeOnly } from '../planning/planner.ts';
import { onlinePolicy } from './online.ts';
import type { Strategy } from './strategy.ts';

export interface RecedingHorizonOptions {
  /** The weights of the terms: fast charging by `earlyEurPerKwhHour`, an even load by `peakEurPerKw`. */
  readonly objective?: Objective;
  readonly everySteps?: number;
}

/**
 * Receding-horizon control in the manner of the adaptive charging network (Lee et al. 2021): at every event or timeout an
 * optimal schedule for the vehicles that are here, of which only the beginning is carried out. The terms are linear;
 * theirs for equal sharing is quadratic.
 */
export function recedingHorizon({
  objective = earlyObjective,
  everySteps = 4,
}: RecedingHorizonOptions = {}): Strategy {
  return {
    name: 'receding-horizon',
    summary: 'A linear program for the vehicles that are here, made again at every arrival and departure.',
    prepare: async (problem, { solver }) =>
      onlinePolicy(problem, {
        everySteps,
        view: (process) => process,
        plan: (sub) => planChargeOnly(sub, solver, objective),
      }),
  };
}
