import type { Plan, UnmetDemand, UnmetReason } from '../model/plan.ts';
import type { PlannedProcess, Problem } from '../model/problem.ts';
import { energyAfter, maximumCharge, withoutTrickle } from '../physics/battery.ts';
import { dispatch } from './dispatch.ts';
import type { Strategy, StrategyTools } from './strategy.ts';

/** kWh below which demand counts as met. */
export const unmetFromKwh = 1e-3;

/** Lets a strategy decide step by step, and carries it out as the depot would. */
export async function runStrategy(problem: Problem, strategy: Strategy, tools: StrategyTools): Promise<Plan> {
  const policy = await strategy.prepare(problem, tools);
  const { processes, steps, firstStep, stepHours } = problem;
  const table = () => processes.map(() => new Float64Array(steps));
  const powerKw = table();
  const levels = processes.map(({ initialKwh }) => new Float64Array(steps + 1).fill(initialKwh));
  const pvKw = problem.generation.map(() => new Float64Array(steps));
  const energyKwh = Float64Array.from(processes, ({ initialKwh }) => initialKwh);
  try {
    for (let step = firstStep; step < steps; step++) {
      const state = { step, energyKwh: energyKwh.slice() };
      const done = dispatch(problem, state, await policy.listsFor(state));
      for (const process of processes) {
        const { index } = process;
        const kw = done.powerKw[index] ?? 0;
        energyKwh[index] = energyAfter(process, energyKwh[index] ?? 0, kw, stepHours);
        set(powerKw[index], step, kw);
        set(levels[index], step + 1, energyKwh[index]);
      }
      for (const [row, kw] of done.pvKw.entries()) set(pvKw[row], step, kw);
      tools.onProgress?.(strategy.name, (step + 1 - firstStep) / (steps - firstStep));
    }
  } finally {
    await policy.close?.();
  }
  return {
    strategy: strategy.name,
    processIds: processes.map(({ id }) => id),
    stepSeconds: problem.stepSeconds,
    powerKw,
    energyKwh: levels,
    pvKw,
    unmet: processes.flatMap((process) => unmetDemand(problem, process, energyKwh[process.index] ?? 0)),
    ...(policy.objective === undefined ? {} : { objective: policy.objective }),
  };
}

/** What `process` lacks when it leaves with `finalKwh`. */
export function unmetDemand(problem: Problem, process: PlannedProcess, finalKwh: number): UnmetDemand[] {
  const missing = (kind: UnmetDemand['kind'], wantedKwh: number): UnmetDemand[] => {
    const kwh = wantedKwh - finalKwh;
    if (kwh <= unmetFromKwh) return [];
    return [{ process: process.id, kind, kwh, reason: reasonOf(problem, process, wantedKwh - unmetFromKwh) }];
  };
  return [...missing('target', process.targetKwh), ...missing('minimum', process.minimumKwh)];
}

function reasonOf(problem: Problem, process: PlannedProcess, wantedKwh: number): UnmetReason {
  if (greatestEnergy(problem, process) >= wantedKwh) return 'others or limits';
  if (greatestEnergy(problem, { ...process, minimumChargeKw: 0 }) >= wantedKwh) return 'minimum power';
  const endS = problem.steps * problem.stepSeconds;
  return process.departureS > endS ? 'the scenario ends before' : 'stay too short';
}

/** The energy that the process could have at departure if it were alone at an EVSE of full capacity. */
function greatestEnergy(problem: Problem, process: PlannedProcess): number {
  let energy = process.initialKwh;
  for (let step = process.first; step < process.end; step++) {
    const evseKw = problem.importKw[process.evse]?.[step] ?? 0;
    const kw = Math.min(evseKw, maximumCharge(process, energy, problem.stepHours));
    energy = energyAfter(process, energy, withoutTrickle(process, kw), problem.stepHours);
  }
  return energy;
}

function set(row: Float64Array | undefined, step: number, value: number | undefined): void {
  if (row !== undefined && value !== undefined) row[step] = value;
}
