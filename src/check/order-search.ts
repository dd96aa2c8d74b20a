import type { Model } from './model.ts';

/** One operation of a partial order. */
export interface OrderedOperation<Input, Output> {
  readonly input: Input;
  readonly output: Output | undefined;
  /** Must all come before it: places in the list, below its own. */
  readonly after: readonly number[];
  /** Open operations may stay out. */
  readonly required: boolean;
}

/**
 * Is there a total order that contains the partial one and that the model explains? Depth first, with the sets of operations
 * and states that led nowhere remembered. `budget` bounds the model steps.
 */
export function findOrder<State, Input, Output>(
  model: Pick<Model<State, Input, Output>, 'initial' | 'step'> & { readonly key: (state: State) => string },
  operations: readonly OrderedOperation<Input, Output>[],
  budget: number,
): { readonly type: 'ok' | 'illegal' | 'unknown'; readonly steps: number } {
  const done = new Array<boolean>(operations.length).fill(false);
  const dead = new Set<string>();
  let steps = 0;
  let exhausted = false;
  const explore = (state: State, left: number): boolean => {
    if (left === 0) return true;
    const place = `${done.map(Number).join('')}/${model.key(state)}`;
    if (dead.has(place)) return false;
    dead.add(place);
    for (const [at, operation] of operations.entries()) {
      if (done[at] || !operation.after.every((before) => done[before])) continue;
      if (steps >= budget) {
        exhausted = true;
        return false;
      }
      steps++;
      const next = model.step(state, operation.input, operation.output);
      if (next === undefined) continue;
      done[at] = true;
      const found = explore(next, left - Number(operation.required));
      done[at] = false;
      if (found) return true;
    }
    return false;
  };
  const found = explore(model.initial(), operations.filter(({ required }) => required).length);
  return { type: found ? 'ok' : exhausted ? 'unknown' : 'illegal', steps };
}
