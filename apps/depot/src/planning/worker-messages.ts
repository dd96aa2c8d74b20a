import type { LinearProgram, LpSolution, SolveOptions } from './solver.ts';

export interface SolveRequest {
  readonly id: number;
  readonly program: LinearProgram;
  readonly options: SolveOptions;
}

export interface SolveResponse {
  readonly id: number;
  readonly solution: LpSolution;
}
