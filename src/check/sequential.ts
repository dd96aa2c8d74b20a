import type { Operation } from './history.ts';
import type { KeyValueInput, KeyValueOutput } from './key-value.ts';
import { keyValueModel } from './key-value.ts';
import { defaultStepBudget, type Verdict } from './linearizability.ts';
import { findOrder, type OrderedOperation } from './order-search.ts';

/** All keys at once. */
type Keys = ReadonlyMap<string, string>;

const allKeys = {
  initial: (): Keys => new Map(),
  step(state: Keys, input: KeyValueInput, output: KeyValueOutput | undefined): Keys | undefined {
    const after = keyValueModel.step({ value: state.get(input.key) }, input, output);
    if (after === undefined) return undefined;
    const next = new Map(state);
    if (after.value === undefined) next.delete(input.key);
    else next.set(input.key, after.value);
    return next;
  },
  key: (state: Keys): string => JSON.stringify([...state].sort(([a], [b]) => (a < b ? -1 : 1))),
};

/**
 * Sequential consistency (Lamport 1979): one order explains all answers and keeps the order in which each client asked;
 * what clients know of each other's time does not count. Histories cannot be taken apart by keys here: two keys that are
 * sequentially consistent one by one need not be so together.
 */
export function checkSequential(
  history: readonly Operation<KeyValueInput, KeyValueOutput>[],
  budget: number = defaultStepBudget,
): Verdict {
  const result = findOrder(allKeys, inProgramOrder(history), budget);
  if (result.type === 'ok') return { type: 'ok', steps: result.steps };
  if (result.type === 'unknown') return { type: 'unknown', partition: '', steps: result.steps };
  const explanation = 'no order that keeps what each client did in turn explains the answers';
  return { type: 'illegal', partition: '', explanation };
}

/** An open operation may happen at any time after its call, while its client goes on. */
function inProgramOrder(
  history: readonly Operation<KeyValueInput, KeyValueOutput>[],
): OrderedOperation<KeyValueInput, KeyValueOutput>[] {
  const last = new Map<number, number>();
  return [...history]
    .sort((a, b) => a.call - b.call)
    .map(({ client, input, output, return: end }, at) => {
      const before = last.get(client);
      if (end !== undefined) last.set(client, at);
      return { input, output, after: before === undefined ? [] : [before], required: end !== undefined };
    });
}
