import type { Plan } from '../model/plan.ts';
import type { PlannedProcess, Problem } from '../model/problem.ts';
import { isFeasibleByMaxFlow, linkFlows, toleranceKw } from '../topology/feasibility.ts';
import { keepsPhaseLimits } from '../topology/phases.ts';
import { netDemand } from './dispatch.ts';

/** kWh by which a level may be off after many steps of rounding. */
const slackKwh = 1e-4;

/**
 * Everything physical that a plan breaks, one sentence each; none for a plan that can be carried out. Levels and
 * limits of vehicles are computed again, and trees are checked by maximum flow as well; the sum of demands and phase limits
 * are computed by the code that dispatch uses (tests add conductors up once more, see `testing/conductors.ts`).
 */
export function planViolations(problem: Problem, plan: Plan): string[] {
  return [
    ...problem.processes.flatMap((process) => processViolations(problem, process, plan)),
    ...networkViolations(problem, plan),
  ];
}

function processViolations(problem: Problem, process: PlannedProcess, plan: Plan): string[] {
  const broken: string[] = [];
  const power = plan.powerKw[process.index] ?? new Float64Array();
  const levels = plan.energyKwh[process.index] ?? new Float64Array();
  let energy = process.initialKwh;
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const kw = power[step] ?? Number.NaN;
    const say = (what: string): number => broken.push(`${process.id}, step ${step}: ${what}`);
    const before = energy;
    energy +=
      problem.stepHours * (kw >= 0 ? kw * process.chargeEfficiency : kw / process.dischargeEfficiency);
    if (!Number.isFinite(kw)) say(`power is ${kw}`);
    if (Math.abs((levels[step + 1] ?? Number.NaN) - energy) > slackKwh)
      say('energy does not follow from power');
    if (kw === 0) continue;
    if (step < process.first || step >= process.end) say('power outside of the stay');
    if (kw > 0) chargeViolations(process, kw, energy).forEach(say);
    else dischargeViolations(process, -kw, before, energy).forEach(say);
  }
  return broken;
}

function chargeViolations(process: PlannedProcess, kw: number, after: number): string[] {
  const broken: string[] = [];
  if (kw > process.maximumChargeKw + toleranceKw) broken.push(`charges with ${kw} kW, above its maximum`);
  if (kw < process.minimumChargeKw - toleranceKw) broken.push(`charges with ${kw} kW, below its minimum`);
  if (after > process.maximumKwh + slackKwh) broken.push(`is charged to ${after} kWh, above its maximum`);
  for (const { interceptKw, slopePerHour } of process.curve) {
    if (kw > interceptKw + slopePerHour * after + 1e-3) broken.push(`charges with ${kw} kW, above its curve`);
  }
  return broken;
}

function dischargeViolations(process: PlannedProcess, kw: number, before: number, after: number): string[] {
  const broken: string[] = [];
  if (kw > process.maximumDischargeKw + toleranceKw)
    broken.push(`discharges with ${kw} kW, above its maximum`);
  if (kw < process.minimumDischargeKw - toleranceKw)
    broken.push(`discharges with ${kw} kW, below its minimum`);
  if (after < process.minimumKwh - slackKwh) broken.push(`is discharged to ${after} kWh, below its minimum`);
  if (after < process.minimumV2xKwh - slackKwh)
    broken.push(`is discharged to ${after} kWh, below its window`);
  if (before > process.maximumV2xKwh + slackKwh)
    broken.push(`is discharged from ${before} kWh, above its window`);
  return broken;
}

function networkViolations(problem: Problem, plan: Plan): string[] {
  const broken: string[] = [];
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const powerKw = plan.powerKw.map((row) => row[step] ?? 0);
    const pvKw = plan.pvKw.map((row) => row[step] ?? 0);
    for (const [row, { id, kw }] of problem.generation.entries()) {
      const fed = pvKw[row] ?? 0;
      if (fed < -toleranceKw || fed > (kw[step] ?? 0) + toleranceKw)
        broken.push(`${id}, step ${step}: feeds in ${fed} kW`);
    }
    const demand = netDemand(problem, step, powerKw, pvKw);
    if (!isFeasibleByMaxFlow(problem, step, demand)) broken.push(`step ${step}: the network cannot carry it`);
    else broken.push(...flowViolations(problem, step, demand));
    if (!keepsPhaseLimits(problem, step, powerKw, pvKw))
      broken.push(`step ${step}: a phase limit is exceeded`);
  }
  return broken;
}

/** Kirchhoff's current law at every node but the grid connection, which balances the sum; capacities of the lines. */
function flowViolations(problem: Problem, step: number, demand: Float64Array): string[] {
  const broken: string[] = [];
  const flows = linkFlows(problem, step, demand);
  for (const { index, id, feeders, outlets } of problem.network.nodes) {
    if (index === 0) continue;
    const inflow = feeders.reduce((sum, link) => sum + (flows[link] ?? 0), 0);
    const outflow = outlets.reduce((sum, link) => sum + (flows[link] ?? 0), 0);
    if (Math.abs(inflow - outflow - (demand[index] ?? 0)) > 10 * toleranceKw) {
      broken.push(`${id}, step ${step}: ${inflow} kW flow in, ${outflow + (demand[index] ?? 0)} kW out`);
    }
  }
  for (const { index, importKw, exportKw } of problem.network.links) {
    const kw = flows[index] ?? 0;
    if (kw > importKw + toleranceKw || -kw > exportKw + toleranceKw)
      broken.push(`link ${index}, step ${step}: ${kw} kW`);
  }
  return broken;
}
