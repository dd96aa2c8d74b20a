import type { Problem } from '../model/problem.ts';

/** A plan that was made before, perhaps on steps that begin at other instants. */
export class FormerPlan {
  readonly #rows: ReadonlyMap<string, Float64Array>;
  readonly #problem: Problem;

  /** `powerKw` by process of `problem`. */
  constructor(problem: Problem, powerKw: readonly Float64Array[]) {
    this.#problem = problem;
    this.#rows = new Map(
      problem.processes.map(({ id, index }) => [id, powerKw[index] ?? new Float64Array()]),
    );
  }

  /** What it has a process do just before `instantMs`, kW; 0 where it says nothing. */
  powerBefore(process: string, instantMs: number): number {
    const { startMs, stepSeconds } = this.#problem;
    const step = Math.ceil((instantMs - startMs) / (1000 * stepSeconds) - 1e-9) - 1;
    return this.#rows.get(process)?.[step] ?? 0;
  }
}
