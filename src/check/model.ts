import type { Operation } from './history.ts';

/** A sequential specification as a pure function: states are values that are never changed. */
export interface Model<State, Input, Output> {
  initial(): State;
  /**
   * The state after the operation; undefined when `output` cannot come from `state`. An undefined output is that of an
   * open operation: whatever it would have been.
   */
  step(state: State, input: Input, output: Output | undefined): State | undefined;
  equal(a: State, b: State): boolean;
  /** Operations of different partitions do not influence each other: each partition is checked by itself. */
  partition?(input: Input): string;
  /** Leaves out open operations that nobody can have seen, when that cannot change the verdict. */
  prune?(operations: readonly Operation<Input, Output>[]): readonly Operation<Input, Output>[];
  describe(input: Input, output: Output | undefined): string;
}
