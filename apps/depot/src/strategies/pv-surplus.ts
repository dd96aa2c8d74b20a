import { costObjective } from '../planning/objective.ts';
import { planChargeOnly } from '../planning/planner.ts';
import { onlinePolicy } from './online.ts';
import type { Strategy } from './strategy.ts';

export interface PvSurplusOptions {
  /** Charging is planned to be done so long before the announced departure, s; half of the rest of the stay at most. */
  readonly marginS?: number;
  readonly everySteps?: number;
}

/**
 * PV surplus charging in the manner of the park-and-ride site of LEW: the vehicles that are here charge, and never
 * discharge, when the sun shines or energy is cheap, at no less than their minimum power, and are done some time before
 * they want to leave.
 */
export function pvSurplus({ marginS = 1800, everySteps = 4 }: PvSurplusOptions = {}): Strategy {
  return {
    name: 'pv-surplus',
    summary: 'Charges from PV surplus and at low prices, with a margin for early departure.',
    prepare: async (problem, { solver }) => {
      const marginSteps = Math.ceil(marginS / problem.stepSeconds);
      return onlinePolicy(problem, {
        everySteps,
        // Inside of its margin a vehicle that is not done goes on as long as it is here.
        view: (process, step) => {
          const margin = Math.min(marginSteps, Math.floor((process.end - process.first) / 2));
          return {
            ...process,
            end: Math.max(process.end - margin, Math.min(process.end, step + everySteps)),
          };
        },
        plan: (sub) => planChargeOnly(sub, solver, costObjective),
      });
    },
  };
}
