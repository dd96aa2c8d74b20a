/**
 * A linear program over columns x: minimise cost·x so that colLower ≤ x ≤ colUpper and rowLower ≤ A x ≤ rowUpper. A is in
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
}

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
  | { readonly type: 'time limit' }
  | { readonly type: 'failed'; readonly detail: string };

export interface SolveOptions {
  readonly start?: Basis;
  readonly method?: 'simplex' | 'ipm';
  /** Whether the solver shall first make the program smaller; true if left out. */
  readonly presolve?: boolean;
  readonly timeLimitS?: number;
}

/** One solver; calls are served one after the other. `close` frees it, also while a call is under way. */
export interface LpSolver {
  solve(program: LinearProgram, options?: SolveOptions): Promise<LpSolution>;
  close(): Promise<void>;
}
