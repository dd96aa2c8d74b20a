import { assert } from '../../../../src/core/assert.ts';
import type { PlannedProcess, Problem } from '../model/problem.ts';
import { blocks, buildDepotProgram, type Freedom } from './depot-program.ts';
import type { FormerPlan } from './former-plan.ts';
import type { Objective } from './objective.ts';
import { type BuiltProgram, type SolvedProgram, transferBasis } from './program-builder.ts';
import type { LpSolution, LpSolver, SolveOptions } from './solver.ts';

/** Power over all steps as the programs found it: kW at the EVSE by process, kW fed in by row of generation. */
export interface PlannedPower {
  readonly powerKw: readonly Float64Array[];
  readonly pvKw: readonly Float64Array[];
  /** The optimum of the last program, EUR. */
  readonly objective: number;
  /** Where energy would be burnt by charging and discharging in one step. */
  readonly bothAtOnce: readonly { readonly index: number; readonly step: number }[];
  /** Where the programs ended, as a start for the next plan. */
  readonly warmStart: WarmStart;
}

type ProgramName = 'charge early' | 'optimise' | 'minimum power' | 'exact';

/** What takes least time from where the solver ended before: measured, see the benchmark. */
const fromStart: Readonly<Record<ProgramName, NonNullable<SolveOptions['method']>>> = {
  'charge early': 'simplex',
  optimise: 'primal simplex',
  'minimum power': 'primal simplex',
  exact: 'simplex',
};

const activities: Readonly<Record<ProgramName, string>> = {
  'charge early': 'charging early',
  optimise: 'optimising with prices and discharge',
  'minimum power': 'keeping minimum powers',
  exact: 'searching the optimum',
};

export type WarmStart = ReadonlyMap<ProgramName, SolvedProgram>;

export type PlanResult =
  | { readonly type: 'planned'; readonly planned: PlannedPower }
  | {
      readonly type: 'failed';
      readonly detail: string;
      /** EUR: no plan has a lower objective. Known when time ran out while whole numbers were searched. */
      readonly bound?: number;
    };

export interface PlanOptions {
  readonly objective?: Objective;
  /** Where the solver ended shortly before. */
  readonly warmStart?: WarmStart;
  /** The plan that is in force, to be kept where another one would be as good. */
  readonly former?: FormerPlan;
  /** For each program. */
  readonly timeLimitS?: number;
  /** Receives every program before it is solved, for export. */
  readonly onProgram?: (name: ProgramName, built: BuiltProgram) => void;
  readonly onProgress?: (fraction: number) => void;
  /** What is solved next, for people: programs of large depots take minutes. */
  readonly onSolve?: (what: string) => void;
}

/** One program, and what it may decide. */
export interface Task {
  readonly name: ProgramName;
  readonly freedom: readonly Freedom[];
  readonly objective: Objective;
}

export async function solveProgram(
  problem: Problem,
  solver: LpSolver,
  { name, freedom, objective }: Task,
  options: PlanOptions,
): Promise<PlanResult> {
  const built = buildDepotProgram(problem, freedom, objective, options.former);
  options.onProgram?.(name, built);
  options.onSolve?.(`${activities[name]}, ${built.program.columnCount} unknowns`);
  const start = options.warmStart?.get(name);
  const solution = await solver.solve(built.program, {
    // The second program has little to remove, and the basis of the program as it is starts the next one best.
    presolve: name === 'charge early',
    ...(start === undefined ? {} : { start: transferBasis(start, built), method: fromStart[name] }),
    ...(options.timeLimitS === undefined ? {} : { timeLimitS: options.timeLimitS }),
  });
  if (solution.type !== 'optimal') {
    const detail = `${name}: ${reasonOf(solution, options.timeLimitS)}`;
    return solution.type === 'time limit' && solution.bound !== undefined
      ? { type: 'failed', detail, bound: solution.bound }
      : { type: 'failed', detail };
  }
  assert(solution.columns.length === built.program.columnCount, 'a solution has a value for each column');
  const { basis } = solution;
  const bothAtOnce: { index: number; step: number }[] = [];
  return {
    type: 'planned',
    planned: {
      powerKw: problem.processes.map((process) =>
        readPower(problem, process, built, solution.columns, bothAtOnce),
      ),
      pvKw: problem.generation.map((_, row) =>
        readBlock(problem, built, solution.columns, blocks.generation(row)),
      ),
      objective: solution.objective,
      bothAtOnce,
      warmStart: basis === undefined ? new Map() : new Map([[name, { built, basis }]]),
    },
  };
}

function reasonOf(
  solution: Exclude<LpSolution, { type: 'optimal' }>,
  timeLimitS: number | undefined,
): string {
  switch (solution.type) {
    case 'time limit':
      return `no optimum within ${timeLimitS ?? '?'} s; allow more time, take longer steps or divide the depot`;
    case 'infeasible':
      return 'promised loads exceed what the limits of the moment leave';
    case 'unbounded':
      return 'the prices pay without end for power that nothing limits';
    case 'failed':
      return solution.detail;
  }
}

/** Charging minus discharging; where there is both, the power that stores the same energy. */
function readPower(
  problem: Problem,
  process: PlannedProcess,
  built: BuiltProgram,
  columns: Float64Array,
  bothAtOnce: { index: number; step: number }[],
): Float64Array {
  const power = readBlock(problem, built, columns, blocks.charge(process.id));
  const discharge = readBlock(problem, built, columns, blocks.discharge(process.id));
  const loses = process.chargeEfficiency * process.dischargeEfficiency < 1;
  for (const [step, kw] of discharge.entries()) {
    if (kw <= 0) continue;
    const charged = power[step] ?? 0;
    if (loses && Math.min(charged, kw) > 1e-4) bothAtOnce.push({ index: process.index, step });
    const stored = charged * process.chargeEfficiency - kw / process.dischargeEfficiency;
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
