import type { PlannedProcess, Problem } from '../model/problem.ts';

/** Which vehicles get their energy earlier: by start, end or duration of their stay, the earlier or shorter first. */
export type Order = 'none' | 'start' | 'end' | 'duration';

/** What a plan is good for. */
export interface Objective {
  /** `early` looks at time only; `cost` also at prices, wear and peak. */
  readonly type: 'early' | 'cost';
  /** EUR that one kWh in a battery is worth per hour: great for steep profiles, 0 for none. */
  readonly earlyEurPerKwhHour: number;
  readonly order: Order;
  /** EUR per kW of the highest import from the grid: great for flat profiles. */
  readonly peakEurPerKw: number;
}

/** Energy as early as possible; the value of an hour only has to be above what rounding can lose. */
export const earlyObjective: Objective = {
  type: 'early',
  earlyEurPerKwhHour: 0.01,
  order: 'none',
  peakEurPerKw: 0,
};

/** Prices decide; at equal prices earlier is better. */
export const costObjective: Objective = {
  type: 'cost',
  earlyEurPerKwhHour: 2e-5,
  order: 'none',
  peakEurPerKw: 0,
};

/** Between 1 and 2, the greatest for the process that the order puts first. */
export function orderFactor(problem: Problem, process: PlannedProcess, order: Order): number {
  const horizon = (problem.steps - problem.firstStep) * problem.stepSeconds;
  const start = problem.firstStep * problem.stepSeconds;
  const share = (seconds: number): number => 2 - Math.min(1, Math.max(0, seconds / horizon));
  switch (order) {
    case 'none':
      return 1;
    case 'start':
      return share(process.arrivalS - start);
    case 'end':
      return share(process.departureS - start);
    case 'duration':
      return share(process.departureS - process.arrivalS);
  }
}

/**
 * EUR per kWh of demand that is not met. Above everything that a kWh could save or earn elsewhere, losses included, so
 * that demand is never traded for money; the minimum counts more than the target.
 */
export function penalties(problem: Problem): { readonly target: number; readonly minimum: number } {
  let highest = 1;
  for (const prices of [problem.importEurPerKwh, problem.exportEurPerKwh]) {
    for (const price of prices) highest = Math.max(highest, Math.abs(price));
  }
  let worst = 1;
  for (const { chargeEfficiency, dischargeEfficiency, wearEurPerKwh } of problem.processes) {
    worst = Math.max(worst, (1 + wearEurPerKwh) / (chargeEfficiency * dischargeEfficiency));
  }
  const target = 10 * highest * worst;
  return { target, minimum: 10 * target };
}
