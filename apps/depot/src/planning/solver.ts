/**
 * A linear program, some of whose columns may have to be whole numbers, over columns x: minimise cost·x so that colLower ≤ x ≤ colUpper and rowLower ≤ A x ≤ rowUpper. A is in
 * compressed rows: entries rowStarts[r] … rowStarts[r + 1] − 1 of `columns` and `coefficients` belong to row r. Bounds may
 * be infinite.
 */
export interface LinearProgram {
  readonly columnCount: number;
  readonly rowCount: number;
  readonly cost: Float64Array;
  readonly colLower: Float64Array;
  readonly colUpper: Float64Array;
  readonly rowLower: Float64Array;
  readonly rowUpper: Float64Array;
  readonly rowStarts: Int32Array;
  readonly columns: Int32Array;
  readonly coefficients: Float64Array;
  /** For each column, 1 where it must be a whole number and 0 elsewhere; left out: no column must. */
  readonly integrality?: Int32Array;
}

/** EUR: a program with whole numbers counts as solved when nothing better than this is left. */
export const wholeNumberGapEur = 1e-3;

/** Where simplex stood, one status per column and row; a starting point for a program of the same shape. */
export interface Basis {
  readonly columns: Int32Array;
  readonly rows: Int32Array;
}

export type LpSolution =
  | {
      readonly type: 'optimal';
      readonly objective: number;
      readonly columns: Float64Array;
      readonly basis: Basis | undefined;
      /** Wall-clock time inside of the solver, ms. */
      readonly solveMs: number;
    }
  | { readonly type: 'infeasible' | 'unbounded' }
  | {
      readonly type: 'time limit';
      /** With whole numbers: no solution has a lower objective. */
      readonly bound?: number;
    }
  | { readonly type: 'failed'; readonly detail: string };

export interface SolveOptions {
  readonly start?: Basis;
  /** Dual simplex if left out. */
  readonly method?: 'simplex' | 'primal simplex' | 'ipm';
  /** Whether the solver shall first make the program smaller; true if left out. */
  readonly presolve?: boolean;
  readonly timeLimitS?: number;
}

/** One solver; calls are served one after the other. `close` frees it, also while a call is under way. */
export interface LpSolver {
  solve(program: LinearProgram, options?: SolveOptions): Promise<LpSolution>;
  close(): Promise<void>;
}
