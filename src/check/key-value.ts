import type { Operation } from './history.ts';
import type { Model } from './model.ts';

/** What clients ask of one key. Values are texts; undefined is the absent key. */
export type KeyValueInput =
  | { readonly type: 'get'; readonly key: string }
  | { readonly type: 'put'; readonly key: string; readonly value: string }
  | { readonly type: 'delete'; readonly key: string }
  | {
      readonly type: 'compareAndSet';
      readonly key: string;
      readonly expected: string;
      readonly value: string;
    };

/** `written`: done, and nothing seen. `observed`: the value before the operation. `swapped`: whether, and from what. */
export type KeyValueOutput =
  | { readonly type: 'written' }
  | { readonly type: 'observed'; readonly value: string | undefined }
  | { readonly type: 'swapped'; readonly swapped: boolean; readonly value: string | undefined };

/** The value of one key, in a box because a step's undefined means "impossible". */
export interface KeyValueState {
  readonly value: string | undefined;
}

/** A register for each key, with compare-and-set. */
export const keyValueModel: Model<KeyValueState, KeyValueInput, KeyValueOutput> = {
  initial: () => ({ value: undefined }),
  step(state, input, output) {
    if (output !== undefined && output.type !== 'written' && output.value !== state.value) return undefined;
    switch (input.type) {
      case 'get':
        return state;
      case 'put':
        return { value: input.value };
      case 'delete':
        return { value: undefined };
      case 'compareAndSet': {
        const swaps = state.value === input.expected;
        if (output?.type === 'swapped' && output.swapped !== swaps) return undefined;
        return swaps ? { value: input.value } : state;
      }
    }
  },
  equal: (a, b) => a.value === b.value,
  partition: (input) => input.key,
  prune: pruneUnseenWrites,
  describe: describeOperation,
};

/**
 * An open write whose value nobody saw or expected can be left out, where each value is written once: in any order that
 * explains the history it is followed by writes, or by open operations that may as well never happen. Without this,
 * every subset of such writes is a state of its own to the search.
 */
function pruneUnseenWrites(
  operations: readonly Operation<KeyValueInput, KeyValueOutput>[],
): readonly Operation<KeyValueInput, KeyValueOutput>[] {
  const written = new Map<string, number>();
  const seen = new Set<string>();
  for (const { input, output } of operations) {
    if (input.type === 'put' || input.type === 'compareAndSet')
      written.set(input.value, (written.get(input.value) ?? 0) + 1);
    if (input.type === 'compareAndSet') {
      seen.add(input.expected);
      // A failure that does not say what it saw may owe its failure to any of the open writes.
      if (output?.type === 'written') return operations;
    }
    if (output !== undefined && output.type !== 'written' && output.value !== undefined)
      seen.add(output.value);
  }
  return operations.filter(({ input, output }) => {
    if (output !== undefined) return true;
    if (input.type === 'get') return false;
    if (input.type === 'delete') return true;
    return seen.has(input.value) || (written.get(input.value) ?? 0) > 1;
  });
}

function describeOperation(input: KeyValueInput, output: KeyValueOutput | undefined): string {
  const key = JSON.stringify(input.key);
  const answer = output === undefined ? '?' : describeOutput(output);
  switch (input.type) {
    case 'get':
      return `get(${key}) -> ${answer}`;
    case 'put':
      return `put(${key}, ${input.value}) -> ${answer}`;
    case 'delete':
      return `delete(${key}) -> ${answer}`;
    case 'compareAndSet':
      return `compareAndSet(${key}, ${input.expected} => ${input.value}) -> ${answer}`;
  }
}

function describeOutput(output: KeyValueOutput): string {
  switch (output.type) {
    case 'written':
      return 'done';
    case 'observed':
      return output.value ?? 'absent';
    case 'swapped':
      return `${output.swapped ? 'swapped' : 'kept'} (was ${output.value ?? 'absent'})`;
  }
}
