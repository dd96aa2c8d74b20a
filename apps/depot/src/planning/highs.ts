import highsLoader, { type Highs, type InitOptions, type ModelStatusCode } from 'highs';
import {
  type LinearProgram,
  type LpSolution,
  type LpSolver,
  type SolveOptions,
  wholeNumberGapEur,
} from './solver.ts';

// The package's types are read as those of a CommonJS module; what an import gets is its ES module.
const loadHighs = highsLoader as unknown as (options?: InitOptions) => Promise<Highs>;

/**
 * HiGHS (Huangfu and Hall 2018), compiled to WebAssembly, in the calling thread, which it blocks while it solves. Matrices
 * are handed over as compressed rows: to write and parse a model as text takes longer than to solve it.
 */
export async function openInlineSolver(): Promise<LpSolver> {
  const highs = await loadHighs();
  return {
    solve: async (program, options = {}) => solveStubbornly(highs, program, options),
    close: async () => undefined,
  };
}

/**
 * Simplex may end without an answer, or with one that only rounding explains: programs of a depot always have a solution.
 * Another way through the same program then mostly finds it.
 */
function solveStubbornly(highs: Highs, program: LinearProgram, options: SolveOptions): LpSolution {
  const { start: _ended, ...fresh } = options;
  const ways: readonly SolveOptions[] = [
    options,
    { ...fresh, presolve: options.presolve === false },
    { ...fresh, method: options.method === 'ipm' ? 'simplex' : 'ipm' },
  ];
  let solution: LpSolution = { type: 'failed', detail: 'it was not tried' };
  for (const way of ways) {
    solution = solveProgram(highs, program, way);
    if (solution.type !== 'failed' && solution.type !== 'infeasible') break;
  }
  return solution;
}

// HiGHS's code of the strategy.
const primalSimplex = 4;

function solveProgram(highs: Highs, program: LinearProgram, options: SolveOptions): LpSolution {
  const started = performance.now();
  const model = highs.createModel();
  try {
    model.options.set({
      output_flag: false,
      // Of a program with whole numbers this chooses how its relaxations are solved.
      solver: program.integrality === undefined ? (options.method === 'ipm' ? 'ipm' : 'simplex') : 'choose',
      ...(options.method === 'primal simplex' ? { simplex_strategy: primalSimplex } : {}),
      ...(program.integrality === undefined ? {} : { mip_rel_gap: 1e-7, mip_abs_gap: wholeNumberGapEur }),
      presolve: options.presolve === false ? 'off' : 'choose',
      ...(options.timeLimitS === undefined ? {} : { time_limit: options.timeLimitS }),
    });
    model.passModel({
      numCols: program.columnCount,
      numRows: program.rowCount,
      colCost: program.cost,
      colLower: program.colLower,
      colUpper: program.colUpper,
      rowLower: program.rowLower,
      rowUpper: program.rowUpper,
      matrix: {
        format: 'csr',
        numRows: program.rowCount,
        numCols: program.columnCount,
        starts: program.rowStarts,
        indices: program.columns,
        values: program.coefficients,
      },
      ...(program.integrality === undefined ? {} : { integrality: program.integrality }),
    });
    if (options.start !== undefined) {
      model.setBasis({ colStatus: options.start.columns, rowStatus: options.start.rows });
    }
    const { modelStatus } = model.run();
    const failure = failureOf(modelStatus);
    if (failure?.type === 'time limit' && program.integrality !== undefined)
      return { ...failure, bound: Number(model.info.get('mip_dual_bound')) };
    if (failure !== undefined) return failure;
    const basis = program.integrality === undefined ? model.getBasis() : undefined;
    return {
      type: 'optimal',
      objective: model.getObjectiveValue(),
      columns: model.getSolution().colValue,
      basis: basis && { columns: basis.colStatus, rows: basis.rowStatus },
      solveMs: performance.now() - started,
    };
  } catch (error) {
    return { type: 'failed', detail: error instanceof Error ? error.message : String(error) };
  } finally {
    // Memory of WebAssembly is not collected: what is not given back stays until the thread ends.
    model.dispose();
  }
}

function failureOf(status: ModelStatusCode): LpSolution | undefined {
  switch (status) {
    case 6: // no rows and no columns
    case 7:
      return undefined;
    case 8:
    case 9:
      return { type: 'infeasible' };
    case 10:
      return { type: 'unbounded' };
    case 13:
    case 17:
      return { type: 'time limit' };
    default:
      return { type: 'failed', detail: `HiGHS ended with model status ${status}` };
  }
}
