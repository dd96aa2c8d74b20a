import type { PlannedProcess, Problem } from '../model/problem.ts';
import { energyAfter, toleranceKwh } from '../physics/battery.ts';
import type { Freedom, PowerBounds } from './depot-program.ts';
import { roundToMinimumPower } from './minimum-power.ts';
import { costObjective, earlyObjective, type Objective } from './objective.ts';
import {
  type PlannedPower,
  type PlanOptions,
  type PlanResult,
  solveProgram,
  type Task,
  type WarmStart,
} from './solve-program.ts';
import type { LpSolver } from './solver.ts';

/**
 * Plans in two steps. The first program charges only, as early as possible. Until a process has reached its minimum
 * there, its steps are frozen; the second program decides all others, may take energy from vehicles in favour of
 * others and of the grid, and looks at prices.
 */
export async function planDepot(
  problem: Problem,
  solver: LpSolver,
  options: PlanOptions = {},
): Promise<PlanResult> {
  const early = await chargeEarly(problem, solver, options);
  if (early?.type === 'failed') return early;
  options.onProgress?.(0.3);
  const freedom = freeAfterMinimum(problem, early?.planned.powerKw);
  const objective = options.objective ?? costObjective;
  const task: Task = { name: 'optimise', freedom, objective };
  const cycling = await optimise(problem, solver, task, options);
  if (cycling.type === 'failed') return cycling;
  const best = await cheaperWithoutCycling(
    problem,
    solver,
    { ...task, freedom: cycling.freedom },
    options,
    cycling,
  );
  options.onProgress?.(0.8);
  const planned = await withMinimumPower(
    problem,
    solver,
    { freedom: best.freedom, objective },
    best.planned,
    options,
  );
  options.onProgress?.(1);
  const warmStart = new Map([...(early?.planned.warmStart ?? []), ...best.planned.warmStart]);
  return { type: 'planned', planned: { ...planned, warmStart } };
}

type Optimised = Extract<OptimiseResult, { type: 'planned' }>;

/**
 * The window of a process whose target lies above it holds its level down while it cycles, which can cost more than cycling
 * earns. Then all of these processes only charge, if that is better.
 */
async function cheaperWithoutCycling(
  problem: Problem,
  solver: LpSolver,
  task: Task,
  options: PlanOptions,
  cycling: Optimised,
): Promise<Optimised> {
  const freedom = task.freedom.map((free, index) => {
    const process = problem.processes[index];
    const heldDown = process !== undefined && process.targetKwh > process.maximumV2xKwh;
    return heldDown && free.dischargeFrom < free.dischargeEnd
      ? { ...free, dischargeFrom: 0, dischargeEnd: 0 }
      : free;
  });
  if (freedom.every((free, index) => free === task.freedom[index])) return cycling;
  const { warmStart } = cycling.planned;
  const charging = await optimise(problem, solver, { ...task, freedom }, { ...options, warmStart });
  if (charging.type === 'failed') return cycling;
  return charging.planned.objective < cycling.planned.objective - 1e-9 ? charging : cycling;
}

type OptimiseResult =
  | { readonly type: 'planned'; readonly planned: PlannedPower; readonly freedom: readonly Freedom[] }
  | { readonly type: 'failed'; readonly detail: string };

/**
 * Solves the second program, and again with less freedom while it makes use of what the linear form cannot exclude. The
 * last turn takes cycling away from those concerned, which leaves nothing to object to.
 */
async function optimise(
  problem: Problem,
  solver: LpSolver,
  task: Task,
  options: PlanOptions,
): Promise<OptimiseResult> {
  const turns = 4;
  let freedom = task.freedom;
  let result = await solveProgram(problem, solver, task, options);
  for (let turn = 1; turn <= turns && result.type === 'planned'; turn++) {
    const next =
      withoutLateCycling(problem, freedom, result.planned) ??
      withoutBothAtOnce(freedom, result.planned, turn === turns);
    if (next === undefined) break;
    const { warmStart } = result.planned;
    result = await solveProgram(problem, solver, { ...task, freedom: next }, { ...options, warmStart });
    freedom = next;
  }
  return result.type === 'failed' ? result : { ...result, freedom };
}

/**
 * Where a process charges and discharges in one step to burn energy, it has to decide for the direction of the sum;
 * in the `last` turn it may not discharge at all any more.
 */
function withoutBothAtOnce(
  freedom: readonly Freedom[],
  { bothAtOnce, powerKw }: PlannedPower,
  last: boolean,
): Freedom[] | undefined {
  if (bothAtOnce.length === 0) return undefined;
  const next = [...freedom];
  for (const { index, step } of bothAtOnce) {
    const free = next[index];
    if (free === undefined) continue;
    const charges = (powerKw[index]?.[step] ?? 0) >= 0;
    const decided: PowerBounds = charges
      ? { charge: [0, Infinity], discharge: [0, 0] }
      : { charge: [0, 0], discharge: [0, Infinity] };
    next[index] = last
      ? { ...free, dischargeFrom: 0, dischargeEnd: 0, bounds: undefined }
      : { ...free, bounds: new Map([...(free.bounds ?? []), [step, decided]]) };
  }
  return next;
}

/** One program that only charges the processes of the problem, with minimum powers; nothing is frozen. */
export async function planChargeOnly(
  problem: Problem,
  solver: LpSolver,
  objective: Objective,
  options: PlanOptions = {},
): Promise<PlanResult> {
  const freedom = problem.processes.map((process) => chargeOnly(process));
  const first = await solveProgram(problem, solver, { name: 'optimise', freedom, objective }, options);
  if (first.type === 'failed') return first;
  return {
    type: 'planned',
    planned: await withMinimumPower(problem, solver, { freedom, objective }, first.planned, options),
  };
}

/** What cannot be repaired stays as it was; whoever carries it out leaves the trickle away. */
async function withMinimumPower(
  problem: Problem,
  solver: LpSolver,
  { freedom, objective }: Omit<Task, 'name'>,
  planned: PlannedPower,
  options: PlanOptions,
): Promise<PlannedPower> {
  const rounded = roundToMinimumPower(problem, planned.powerKw, freedom);
  if (rounded === undefined) return planned;
  const task: Task = { name: 'minimum power', freedom: rounded, objective };
  const start = planned.warmStart.get('optimise');
  const warmStart: WarmStart = start === undefined ? new Map() : new Map([['minimum power', start]]);
  const again = await solveProgram(problem, solver, task, { ...options, warmStart });
  return again.type === 'planned' ? again.planned : planned;
}

/** Nothing is frozen, and the first program has nothing to say, when everybody has its minimum already. */
async function chargeEarly(
  problem: Problem,
  solver: LpSolver,
  options: PlanOptions,
): Promise<PlanResult | undefined> {
  if (problem.processes.every((process) => process.initialKwh >= unlockLevel(process))) return undefined;
  const freedom = problem.processes.map((process) => chargeOnly(process));
  return solveProgram(problem, solver, { name: 'charge early', freedom, objective: earlyObjective }, options);
}

function chargeOnly({ first }: PlannedProcess): Freedom {
  return { freeFrom: first, frozenKw: undefined, dischargeFrom: 0, dischargeEnd: 0, bounds: undefined };
}

/** From this level on a process is free: its minimum, or the lower end of its window if it can discharge. */
function unlockLevel(process: PlannedProcess): number {
  const level = process.maximumDischargeKw > 0 ? process.minimumV2xKwh : process.minimumKwh;
  return level - toleranceKwh;
}

function freeAfterMinimum(problem: Problem, earlyKw: readonly Float64Array[] | undefined): Freedom[] {
  return problem.processes.map((process) => {
    const frozenKw = earlyKw?.[process.index];
    const { step: freeFrom, energyKwh } = unlockStep(problem, process, frozenKw);
    const inWindow = process.maximumDischargeKw > 0 && energyKwh <= process.maximumV2xKwh + toleranceKwh;
    const dischargeEnd = process.end - recoverySteps(problem, process);
    const cycles = inWindow && freeFrom < dischargeEnd;
    return {
      freeFrom,
      frozenKw: freeFrom > process.first ? frozenKw : undefined,
      dischargeFrom: cycles ? freeFrom : 0,
      dischargeEnd: cycles ? dischargeEnd : 0,
      bounds: undefined,
    };
  });
}

/** The first step that begins at or above the level that frees the process, and its level then. */
function unlockStep(
  problem: Problem,
  process: PlannedProcess,
  powerKw: Float64Array | undefined,
): { step: number; energyKwh: number } {
  let energyKwh = process.initialKwh;
  for (let step = process.first; step < process.end; step++) {
    if (energyKwh >= unlockLevel(process)) return { step, energyKwh };
    energyKwh = energyAfter(process, energyKwh, powerKw?.[step] ?? 0, problem.stepHours);
  }
  return { step: process.end, energyKwh };
}

/**
 * Steps at the end of a stay that are kept for charging from the top of the cycling window to a target above it, with
 * half the power, since others want to charge then as well.
 */
function recoverySteps(problem: Problem, process: PlannedProcess): number {
  const above = process.targetKwh - process.maximumV2xKwh;
  if (above <= 0) return 0;
  const perStep = process.maximumChargeKw * process.chargeEfficiency * problem.stepHours * 0.5;
  return perStep > 0 ? Math.ceil(above / perStep) : process.end - process.first;
}

/** If someone misses a target above its cycling window, the window is to blame: without cycling it may do better. */
function withoutLateCycling(
  problem: Problem,
  freedom: readonly Freedom[],
  { powerKw }: PlannedPower,
): Freedom[] | undefined {
  let changed = false;
  const cautious = freedom.map((free, index): Freedom => {
    const process = problem.processes[index];
    if (process === undefined || free.dischargeFrom >= free.dischargeEnd) return free;
    if (process.targetKwh <= process.maximumV2xKwh) return free;
    let energy = process.initialKwh;
    for (const kw of powerKw[index] ?? []) energy = energyAfter(process, energy, kw, problem.stepHours);
    if (energy >= process.targetKwh - 1e-3) return free;
    changed = true;
    return { ...free, dischargeFrom: 0, dischargeEnd: 0 };
  });
  return changed ? cautious : undefined;
}
