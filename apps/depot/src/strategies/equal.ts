import type { Problem } from '../model/problem.ts';
import { maximumCharge, maximumDischarge, withoutTrickle } from '../physics/battery.ts';
import { isFeasible } from '../topology/feasibility.ts';
import { keepsPhaseLimits } from '../topology/phases.ts';
import { isPresent, netDemand } from './dispatch.ts';
import { percentOf } from './planning.ts';
import type { DepotState, StepLists, Strategy } from './strategy.ts';

export interface EqualOptions {
  /** Percentage by group, in [−100, 100]; 100 for groups that are not named. */
  readonly groups?: ReadonlyMap<string, number>;
  /** At and below the mean price 100 % stay 100 %; from there they fall in a straight line to −100 % at the highest. */
  readonly followPrices?: boolean;
}

/**
 * The same percentage for all, as great as the network allows: what one node cannot carry reduces everybody. Groups stand
 * in a fixed ratio to one another.
 */
export function equal(options: EqualOptions = {}): Strategy {
  return {
    name: options.followPrices === true ? 'equal-prices' : 'equal',
    summary:
      options.followPrices === true
        ? 'The same percentage for all, falling with the price down to −100 %.'
        : 'The same percentage for all, as much as the network carries.',
    prepare: async (problem) => {
      const reduction = priceReduction(problem, options.followPrices === true);
      return { listsFor: (state) => equalLists(problem, state, options, reduction[state.step] ?? 1) };
    },
  };
}

/** By step, the factor in [−1, 1] that the price puts on every percentage. */
function priceReduction(problem: Problem, followPrices: boolean): Float64Array {
  const factors = new Float64Array(problem.steps).fill(1);
  if (!followPrices) return factors;
  const prices = problem.importEurPerKwh.subarray(problem.firstStep, problem.steps);
  const mean = prices.reduce((sum, price) => sum + price, 0) / prices.length;
  const highest = prices.reduce((most, price) => Math.max(most, price), mean);
  if (highest - mean < 1e-9) return factors;
  return factors.map((_, step) => {
    const above = Math.max(0, ((problem.importEurPerKwh[step] ?? mean) - mean) / (highest - mean));
    return 1 - 2 * Math.min(1, above);
  });
}

function equalLists(
  problem: Problem,
  state: DepotState,
  options: EqualOptions,
  reduction: number,
): StepLists {
  const here = problem.processes.filter((process) => isPresent(process, state.step));
  const pvKw = Float64Array.from(problem.generation, ({ kw }) => kw[state.step] ?? 0);
  const percents = (scale: number): Float64Array => {
    const list = new Float64Array(problem.processes.length);
    for (const process of here) {
      const percent = (options.groups?.get(process.group) ?? 100) * reduction * scale;
      const energy = state.energyKwh[process.index] ?? 0;
      const kw =
        percent >= 0
          ? Math.min(
              (percent / 100) * process.maximumChargeKw,
              maximumCharge(process, energy, problem.stepHours, process.targetKwh),
            )
          : -Math.min(
              (-percent / 100) * process.maximumDischargeKw,
              maximumDischarge(process, energy, problem.stepHours),
            );
      list[process.index] = percentOf(process, withoutTrickle(process, kw));
    }
    return list;
  };
  const fits = (list: Float64Array): boolean => {
    const powerKw = list.map((percent, index) => powerOf(problem, index, percent));
    return (
      isFeasible(problem, state.step, netDemand(problem, state.step, powerKw, pvKw)) &&
      keepsPhaseLimits(problem, state.step, powerKw, pvKw)
    );
  };
  return {
    executionPriority: here.map(({ index }) => index),
    percentOfMaximum: largest(percents, fits),
  };
}

function powerOf(problem: Problem, index: number, percent: number): number {
  const process = problem.processes[index];
  if (process === undefined) return 0;
  return (percent / 100) * (percent >= 0 ? process.maximumChargeKw : process.maximumDischargeKw);
}

/** The list for the largest scale in [0, 1] that fits, by bisection; that of 1 if it fits. */
function largest(
  percents: (scale: number) => Float64Array,
  fits: (list: Float64Array) => boolean,
): Float64Array {
  let best = percents(1);
  if (fits(best)) return best;
  best = percents(0);
  for (let low = 0, high = 1, turn = 0; turn < 20; turn++) {
    const middle = (low + high) / 2;
    const list = percents(middle);
    if (fits(list)) {
      low = middle;
      best = list;
    } else {
      high = middle;
    }
  }
  return best;
}
