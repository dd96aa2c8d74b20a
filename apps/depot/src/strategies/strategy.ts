import type { Random } from '../../../../src/core/random.ts';
import type { Problem } from '../model/problem.ts';
import type { LpSolver } from '../planning/solver.ts';

/**
 * What a strategy says about one time step. The process that comes first in `executionPriority` (indices of processes)
 * is served first, as far as the topology, its battery and its needs allow. `percentOfMaximum[i]` is what process i shall
 * get of its maximum charging power (positive) or maximum discharging power (negative), in [−100, 100]. Processes that are
 * not in the list rest.
 */
export interface StepLists {
  readonly executionPriority: readonly number[];
  readonly percentOfMaximum: ArrayLike<number>;
  /**
   * For each row of generation, the most that may be fed in, kW; `Infinity` for all that there is. What is above it is
   * curtailed, as it shall be while feeding in costs money. Left out: nothing is curtailed but for limits.
   */
  readonly generationCeilingKw?: ArrayLike<number>;
}

/** The depot at the start of a step. */
export interface DepotState {
  readonly step: number;
  /** Energy in the battery of each process, kWh, in the problem's order. */
  readonly energyKwh: Float64Array;
}

/** What `prepare` returns: asked once for each step, in rising order. */
export interface StepPolicy {
  listsFor(state: DepotState): StepLists | Promise<StepLists>;
  /** The value of the optimum, when the strategy solved for it. */
  readonly objective?: number;
  close?(): Promise<void>;
}

/** What a strategy may use. */
export interface StrategyTools {
  readonly solver: LpSolver;
  readonly random: Random;
  /** `fraction` in [0, 1] of the work of `phase`. */
  readonly onProgress?: (phase: string, fraction: number) => void;
}

export interface Strategy {
  readonly name: string;
  /** One sentence for tables and help. */
  readonly summary: string;
  prepare(problem: Problem, tools: StrategyTools): Promise<StepPolicy>;
}
