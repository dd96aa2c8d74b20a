import { assert } from '../../../../src/core/assert.ts';
import type { PlannedProcess, Problem } from '../model/problem.ts';
import { energyAfter, toleranceKwh } from '../physics/battery.ts';
import { blocks, buildDepotProgram, type Freedom } from './depot-program.ts';
import { roundToMinimumPower } from './minimum-power.ts';
import { costObjective, earlyObjective, type Objective } from './objective.ts';
import { type BuiltProgram, type SolvedProgram, transferBasis } from './program-builder.ts';
import type { LpSolver } from './solver.ts';

/** Power over all steps as the programs found it: kW at the EVSE by process, kW fed in by row of generation. */
export interface PlannedPower {
  readonly powerKw: readonly Float64Array[];
  readonly pvKw: readonly Float64Array[];
  /** The optimum of the last program, EUR. */
  readonly objective: number;
  /** The last program before rounding and where it ended, as a start for the next plan. */
  readonly solved: SolvedProgram | undefined;
}

export type PlanResult =
  | { readonly type: 'planned'; readonly planned: PlannedPower }
  | { readonly type: 'failed'; readonly detail: string };

export interface PlanOptions {
  readonly objective?: Objective;
  /** A plan that was made shortly before. */
  readonly warmStart?: SolvedProgram;
  /** For each program. */
  readonly timeLimitS?: number;
  /** Receives every program before it is solved, for export. */
  readonly onProgram?: (name: 'charge early' | 'optimise' | 'minimum power', built: BuiltProgram) => void;
  readonly onProgress?: (fraction: number) => void;
}

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
  if (early.type === 'failed') return early;
  options.onProgress?.(0.3);
  const freedom = freeAfterMinimum(problem, early.powerKw);
  const objective = options.objective ?? costObjective;
  const first = await solveProgram(problem, solver, 'optimise', freedom, objective, options);
  if (first.type === 'failed') return first;
  options.onProgress?.(0.8);
  let planned = first.planned;
  const cautious = withoutLateCycling(problem, freedom, planned);
  if (cautious !== undefined) {
    const again = await solveProgram(
      problem,
      solver,
      'optimise',
      cautious,
      objective,
      warmBy(options, planned),
    );
    if (again.type === 'planned') planned = again.planned;
  }
  const rounded = roundToMinimumPower(problem, planned.powerKw, cautious ?? freedom);
  if (rounded !== undefined) {
    const again = await solveProgram(
      problem,
      solver,
      'minimum power',
      rounded,
      objective,
      warmBy(options, planned),
    );
    // What cannot be repaired stays as it was; whoever carries it out leaves the trickle away.
    if (again.type === 'planned') planned = { ...again.planned, solved: planned.solved };
  }
  options.onProgress?.(1);
  return { type: 'planned', planned };
}

/** One program that only charges the processes of the problem, with minimum powers; nothing is frozen. */
export async function planChargeOnly(
  problem: Problem,
  solver: LpSolver,
  objective: Objective,
  options: PlanOptions = {},
): Promise<PlanResult> {
  const freedom = problem.processes.map((process) => chargeOnly(process));
  const first = await solveProgram(problem, solver, 'charge early', freedom, objective, options);
  if (first.type === 'failed') return first;
  const rounded = roundToMinimumPower(problem, first.planned.powerKw, freedom);
  if (rounded === undefined) return first;
  const again = await solveProgram(
    problem,
    solver,
    'minimum power',
    rounded,
    objective,
    warmBy(options, first.planned),
  );
  return again.type === 'planned' ? again : first;
}

const warmBy = (options: PlanOptions, { solved }: PlannedPower): PlanOptions =>
  solved === undefined ? options : { ...options, warmStart: solved };

type EarlyResult =
  | { readonly type: 'planned'; readonly powerKw: readonly Float64Array[] | undefined }
  | { readonly type: 'failed'; readonly detail: string };

/** Nothing is frozen, and the first program has nothing to say, when everybody has its minimum already. */
async function chargeEarly(problem: Problem, solver: LpSolver, options: PlanOptions): Promise<EarlyResult> {
  if (problem.processes.every((process) => process.initialKwh >= unlockLevel(process))) {
    return { type: 'planned', powerKw: undefined };
  }
  const freedom = problem.processes.map((process) => chargeOnly(process));
  const { warmStart: _other, ...rest } = options;
  const result = await solveProgram(problem, solver, 'charge early', freedom, earlyObjective, rest);
  return result.type === 'failed' ? result : { type: 'planned', powerKw: result.planned.powerKw };
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

async function solveProgram(
  problem: Problem,
  solver: LpSolver,
  name: 'charge early' | 'optimise' | 'minimum power',
  freedom: readonly Freedom[],
  objective: Objective,
  options: PlanOptions,
): Promise<PlanResult> {
  const built = buildDepotProgram(problem, freedom, objective);
  options.onProgram?.(name, built);
  const solution = await solver.solve(built.program, {
    ...(options.warmStart === undefined ? {} : { start: transferBasis(options.warmStart, built) }),
    ...(options.timeLimitS === undefined ? {} : { timeLimitS: options.timeLimitS }),
  });
  if (solution.type === 'failed') return { type: 'failed', detail: `${name}: ${solution.detail}` };
  if (solution.type !== 'optimal')
    return { type: 'failed', detail: `${name}: the program is ${solution.type}` };
  assert(solution.columns.length === built.program.columnCount, 'a solution has a value for each column');
  const { basis } = solution;
  return {
    type: 'planned',
    planned: {
      powerKw: problem.processes.map((process) => readPower(problem, process, built, solution.columns)),
      pvKw: problem.generation.map((_, row) =>
        readBlock(problem, built, solution.columns, blocks.generation(row)),
      ),
      objective: solution.objective,
      solved: basis === undefined ? undefined : { built, basis },
    },
  };
}

/**
 * Charging minus discharging. The program makes both at once worthless but not impossible: where a solution has both for
 * nothing, the power that stores the same energy takes their place; it is nearer to zero.
 */
function readPower(
  problem: Problem,
  process: PlannedProcess,
  built: BuiltProgram,
  columns: Float64Array,
): Float64Array {
  const power = readBlock(problem, built, columns, blocks.charge(process.id));
  const discharge = readBlock(problem, built, columns, blocks.discharge(process.id));
  for (const [step, kw] of discharge.entries()) {
    if (kw <= 0) continue;
    const stored = (power[step] ?? 0) * process.chargeEfficiency - kw / process.dischargeEfficiency;
    power[step] = stored >= 0 ? stored / process.chargeEfficiency : stored * process.dischargeEfficiency;
  }
  return power;
}

function readBlock(
  problem: Problem,
  built: BuiltProgram,
  columns: Float64Array,
  block: string,
): Float64Array {
  const row = new Float64Array(problem.steps);
  for (const [step, index] of (built.columnLayout.get(block) ?? []).entries()) {
    // The solver keeps a bound only up to its tolerance.
    if (index >= 0) row[step] = Math.max(0, columns[index] ?? 0);
  }
  return row;
}
