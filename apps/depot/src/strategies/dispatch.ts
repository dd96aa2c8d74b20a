import type { PlannedProcess, Problem } from '../model/problem.ts';
import { maximumCharge, maximumDischarge, withoutTrickle } from '../physics/battery.ts';
import { isFeasible } from '../topology/feasibility.ts';
import { keepsPhaseLimits } from '../topology/phases.ts';
import { balancedPhases, openRouter } from '../topology/router.ts';
import type { DepotState, StepLists } from './strategy.ts';

/** What the depot does in one step. */
export interface Dispatch {
  /** For each process, kW at the EVSE, negative when discharging. */
  readonly powerKw: Float64Array;
  /** For each row of generation, kW that are fed in. */
  readonly pvKw: Float64Array;
}

/** Who is here for the whole of a step. */
export function isPresent(process: PlannedProcess, step: number): boolean {
  return process.first <= step && step < process.end;
}

/**
 * Carries out what a strategy wants, as far as the physics allow. Nobody goes beyond his battery's or vehicle's limits. If
 * the network can carry all wishes together, they come true; otherwise the process that comes first is served first.
 */
export function dispatch(problem: Problem, state: DepotState, lists: StepLists): Dispatch {
  const { step } = state;
  const wishes = wishedPower(problem, state, lists);
  const availableKw = Float64Array.from(problem.generation, ({ kw }) => kw[step] ?? 0);
  const ceiledKw = availableKw.map((kw, row) =>
    Math.max(0, Math.min(kw, lists.generationCeilingKw?.[row] ?? Infinity)),
  );
  const asWished = usableGeneration(problem, step, wishes, ceiledKw);
  if (asWished !== undefined) return { powerKw: wishes, pvKw: asWished };
  const wantedKw = carriesLoads(problem, step, ceiledKw) ? ceiledKw : availableKw;
  return serveInOrder(problem, step, lists.executionPriority, { wishes, wantedKw });
}

/** A ceiling is for money, and no reason to exceed a limit: where loads need what is above it, it is not kept. */
function carriesLoads(problem: Problem, step: number, wantedKw: Float64Array): boolean {
  return usableGeneration(problem, step, new Float64Array(problem.processes.length), wantedKw) !== undefined;
}

/**
 * The generation with which the network carries all wishes, as much of it as possible: all that is wanted, or the same share
 * of every row. Undefined when there is none.
 */
function usableGeneration(
  problem: Problem,
  step: number,
  wishes: Float64Array,
  wantedKw: Float64Array,
): Float64Array | undefined {
  const scaled = (share: number): Float64Array => wantedKw.map((kw) => share * kw);
  const fits = (share: number, slackKw?: number): boolean => {
    const pvKw = scaled(share);
    return (
      isFeasible(problem, step, netDemand(problem, step, wishes, pvKw), slackKw) &&
      keepsPhaseLimits(problem, step, wishes, pvKw, slackKw)
    );
  };
  if (fits(1)) return scaled(1);
  if (scaled(1).every((kw) => kw === 0)) return undefined;
  // Wishes may need some generation, so the shares that fit need not begin at none.
  const tenths = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0].find((tenth) => fits(tenth / 10));
  if (tenths === undefined) return undefined;
  let low = tenths / 10;
  let high = (tenths + 1) / 10;
  for (let turn = 0; turn < 30; turn++) {
    const middle = (low + high) / 2;
    // Without slack: the search would end at the limit and the slack, every time.
    if (fits(middle, 0)) low = middle;
    else high = middle;
  }
  return scaled(low);
}

/** What all devices take at each node, kW. */
export function netDemand(
  problem: Problem,
  step: number,
  powerKw: ArrayLike<number>,
  pvKw: ArrayLike<number>,
): Float64Array {
  const demand = Float64Array.from(problem.loadKw, (row) => row[step] ?? 0);
  for (const { index, evse } of problem.processes) demand[evse] = (demand[evse] ?? 0) + (powerKw[index] ?? 0);
  for (const [row, { node }] of problem.generation.entries())
    demand[node] = (demand[node] ?? 0) - (pvKw[row] ?? 0);
  return demand;
}

function wishedPower(problem: Problem, { step, energyKwh }: DepotState, lists: StepLists): Float64Array {
  const wishes = new Float64Array(problem.processes.length);
  for (const index of lists.executionPriority) {
    const process = problem.processes[index];
    if (process === undefined || !isPresent(process, step)) continue;
    const share = Math.min(100, Math.max(-100, lists.percentOfMaximum[index] ?? 0)) / 100;
    const energy = energyKwh[index] ?? 0;
    const kw =
      share >= 0
        ? Math.min(share * process.maximumChargeKw, maximumCharge(process, energy, problem.stepHours))
        : -Math.min(
            -share * process.maximumDischargeKw,
            maximumDischarge(process, energy, problem.stepHours),
          );
    wishes[index] = withoutTrickle(process, kw);
  }
  return wishes;
}

/**
 * Several rounds, because who discharges makes room for others, and who charges for those who discharge. Generation comes
 * first in each round: it costs nothing.
 */
function serveInOrder(
  problem: Problem,
  step: number,
  order: readonly number[],
  { wishes, wantedKw }: { readonly wishes: Float64Array; readonly wantedKw: Float64Array },
): Dispatch {
  const rounds = 4;
  const router = openRouter(problem, step);
  const powerKw = new Float64Array(wishes.length);
  const pvKw = new Float64Array(problem.generation.length);
  for (let round = 0, progress = 1; round < rounds && progress > 0.01; round++) {
    progress = 0;
    for (const [row, { node }] of problem.generation.entries()) {
      const fed = -router.route(node, (pvKw[row] ?? 0) - (wantedKw[row] ?? 0), balancedPhases);
      pvKw[row] = (pvKw[row] ?? 0) + fed;
      progress += fed;
    }
    for (const index of order) {
      const process = problem.processes[index];
      const before = powerKw[index] ?? 0;
      const missing = (wishes[index] ?? 0) - before;
      if (process === undefined || Math.abs(missing) < 1e-9) continue;
      const routed = router.route(process.evse, missing, process.phaseShare);
      if (withoutTrickle(process, before + routed) === 0) {
        router.route(process.evse, -routed, process.phaseShare);
        continue;
      }
      powerKw[index] = before + routed;
      progress += Math.abs(routed);
    }
  }
  return { powerKw, pvKw };
}
