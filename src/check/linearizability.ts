import type { Operation } from './history.ts';
import type { Model } from './model.ts';
import { Search } from './search.ts';

/**
 * `ok`: there is an order that explains the history. `illegal`: there is none. `unknown`: the budget was spent before
 * either was clear; who asks must not take it for a success.
 */
export type Verdict =
  | { readonly type: 'ok'; readonly steps: number }
  | { readonly type: 'illegal'; readonly partition: string; readonly explanation: string }
  | { readonly type: 'unknown'; readonly partition: string; readonly steps: number };

/** Model steps per partition before a check gives up. */
export const defaultStepBudget = 2_000_000;

/**
 * Is there an order of the operations, consistent with the order of calls and returns, in which each gives the answer it
 * gave? The search of Wing and Gong with the memoization of Lowe, over partitions of the history. `budget` bounds the
 * model steps for each partition.
 */
export function checkLinearizability<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  budget: number = defaultStepBudget,
): Verdict {
  let steps = 0;
  let exhausted: Verdict | undefined;
  for (const [partition, operations] of partitions(model, history)) {
    const search = new Search(model, model.prune?.(operations) ?? operations, budget);
    const result = search.run();
    steps += search.steps;
    if (result === 'illegal') return { type: 'illegal', partition, explanation: search.explain() };
    if (result === 'unknown') exhausted ??= { type: 'unknown', partition, steps: search.steps };
  }
  return exhausted ?? { type: 'ok', steps };
}

function partitions<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
): Map<string, Operation<Input, Output>[]> {
  const parts = new Map<string, Operation<Input, Output>[]>();
  for (const operation of history) {
    const key = model.partition?.(operation.input) ?? '';
    const part = parts.get(key);
    if (part === undefined) parts.set(key, [operation]);
    else part.push(operation);
  }
  return parts;
}
