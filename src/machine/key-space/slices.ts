import { rangeSliceBytes, rangeSliceKeys } from '../../core/limits.ts';
import type { ReadStore } from '../../core/store.ts';

/** What may still be passed before others get their turn: so much holds the event loop for a few milliseconds. */
export interface Slice {
  keys: number;
  bytes: number;
}

export const newSlice = (): Slice => ({ keys: rangeSliceKeys, bytes: rangeSliceBytes });

export const isOver = (slice: Slice): boolean => slice.keys <= 0 || slice.bytes <= 0;

/** One turn of a read: the state as it is now, and the slice of this turn. */
export interface Turn {
  store: ReadStore;
  slice: Slice;
}

/** A computation that yields when the slice of its turn is over, and goes on with the next turn. */
export type Sliced<T> = Generator<undefined, T, undefined>;

/** Runs it to its end in one go: an ordered command happens at one moment, and cannot be interrupted. */
export function inOneGo<T>(store: ReadStore, work: (turn: Turn) => Sliced<T>): T {
  const turn: Turn = { store, slice: newSlice() };
  const steps = work(turn);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    turn.slice = newSlice();
  }
}
