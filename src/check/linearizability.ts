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

/** Why a history is not linearizable: for `drawIllegal`. */
export interface IllegalHistory<Input, Output> {
  readonly partition: string;
  readonly operations: readonly Operation<Input, Output>[];
  /** The longest order that explains the answers; places in `operations`. */
  readonly order: readonly number[];
  /** What nothing explains after it. */
  readonly stuck: number | undefined;
}

/** Model steps per partition before a check gives up. */
export const defaultStepBudget = 2_000_000;

/**
 * Is there an order of the operations, consistent with the order of calls and returns, in which each gives the answer it
 * gave? The search of Wing and Gong with the memoization of Lowe, over partitions of the history. `budget` bounds the
 * model steps for each partition; `illegal` is told more about a history that has no such order.
 */
export function checkLinearizability<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: readonly Operation<Input, Output>[],
  budget: number = defaultStepBudget,
  illegal: (history: IllegalHistory<Input, Output>) => void = () => undefined,
): Verdict {
  let steps = 0;
  let exhausted: Verdict | undefined;
  for (const [partition, operations] of partitions(model, history)) {
    const kept = model.prune?.(operations) ?? operations;
    const search = new Search(model, kept, budget);
    const result = search.run();
    steps += search.steps;
    if (result === 'illegal') {
      illegal({ partition, operations: kept, ...search.deepest });
      return { type: 'illegal', partition, explanation: search.explain() };
    }
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
