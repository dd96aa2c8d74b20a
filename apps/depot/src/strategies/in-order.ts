import type { PlannedProcess, Problem } from '../model/problem.ts';
import { maximumCharge } from '../physics/battery.ts';
import { isPresent } from './dispatch.ts';
import { percentOf } from './planning.ts';
import type { DepotState, StepLists, Strategy } from './strategy.ts';

/** Who comes first: the smaller number. */
type Rank = (process: PlannedProcess, state: DepotState, problem: Problem) => number;

/** Everybody who is here gets as much as he can take up to his target, one after the other. */
function inOrder(name: string, summary: string, rank: Rank): Strategy {
  return {
    name,
    summary,
    prepare: async (problem) => ({ listsFor: (state) => listsInOrder(problem, state, rank) }),
  };
}

export const firstComeFirstServed = (): Strategy =>
  inOrder('fcfs', 'First come, first served.', ({ arrivalS }) => arrivalS);

export const earliestDeadlineFirst = (): Strategy =>
  inOrder(
    'edf',
    'Earliest deadline first: who leaves first is served first.',
    ({ departureS }) => departureS,
  );

export const leastLaxityFirst = (): Strategy =>
  inOrder('llf', 'Least laxity first: who has the least time to spare is served first.', laxity);

export const byPriority = (): Strategy =>
  inOrder(
    'priority',
    'By the priorities of an external schedule, the greater first.',
    ({ priority }) => -priority,
  );

function listsInOrder(problem: Problem, state: DepotState, rank: Rank): StepLists {
  const percentOfMaximum = new Float64Array(problem.processes.length);
  const order: { readonly index: number; readonly rank: number }[] = [];
  for (const process of problem.processes) {
    const percent = percentToTarget(problem, process, state);
    if (percent <= 0) continue;
    percentOfMaximum[process.index] = percent;
    order.push({ index: process.index, rank: rank(process, state, problem) });
  }
  order.sort((a, b) => a.rank - b.rank || a.index - b.index);
  return { executionPriority: order.map(({ index }) => index), percentOfMaximum };
}

/** What a process can take in the step without exceeding its target; 0 when it is not here. */
export function percentToTarget(
  problem: Problem,
  process: PlannedProcess,
  { step, energyKwh }: DepotState,
): number {
  if (!isPresent(process, step)) return 0;
  const energy = energyKwh[process.index] ?? 0;
  return percentOf(process, maximumCharge(process, energy, problem.stepHours, process.targetKwh));
}

/** Hours left minus hours of charging at full power that are needed (Liu and Layland 1973 call it slack). */
function laxity(process: PlannedProcess, { step, energyKwh }: DepotState, { stepHours }: Problem): number {
  const missing = Math.max(0, process.targetKwh - (energyKwh[process.index] ?? 0));
  const hours = missing / (process.maximumChargeKw * process.chargeEfficiency);
  return (process.end - step) * stepHours - hours;
}
