import type { Plan } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { energyAfter, maximumCharge, withoutTrickle } from '../physics/battery.ts';
import { isPresent } from './dispatch.ts';
import { unmetDemand } from './run.ts';

/**
 * What happens without load management: everybody charges at full power from arrival up to the target, and only the EVSE
 * itself stands in the way. It is no strategy, since it does not keep the limits of the topology.
 */
export function withoutManagement(problem: Problem): Plan {
  const { processes, steps, firstStep, stepHours } = problem;
  const powerKw = processes.map(() => new Float64Array(steps));
  const energyKwh = processes.map(({ initialKwh }) => new Float64Array(steps + 1).fill(initialKwh));
  for (const process of processes) {
    const power = powerKw[process.index] ?? new Float64Array();
    const levels = energyKwh[process.index] ?? new Float64Array();
    let energy = process.initialKwh;
    for (let step = firstStep; step < steps; step++) {
      if (isPresent(process, step)) {
        const wish = maximumCharge(process, energy, stepHours, process.targetKwh);
        const kw = withoutTrickle(process, Math.min(wish, problem.importKw[process.evse]?.[step] ?? 0));
        power[step] = kw;
        energy = energyAfter(process, energy, kw, stepHours);
      }
      levels[step + 1] = energy;
    }
  }
  return {
    strategy: 'none',
    processIds: processes.map(({ id }) => id),
    stepSeconds: problem.stepSeconds,
    powerKw,
    energyKwh,
    pvKw: problem.generation.map(({ kw }) => kw.slice()),
    unmet: processes.flatMap((process) =>
      unmetDemand(problem, process, energyKwh[process.index]?.[steps] ?? 0),
    ),
  };
}
