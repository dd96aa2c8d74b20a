import type { KeyValueInput, KeyValueOutput } from '../check/index.ts';
import { assert, assertNever, InvariantViolation } from '../core/assert.ts';
import { utf8, utf8Text } from '../core/bytes.ts';
import { Malformed } from '../core/codec.ts';
import type { ReadStore } from '../core/store.ts';
import {
  decodeAnswer,
  encodeCommand,
  type KeyCommand,
  type KeyRange,
  type KeyValue,
  machineView,
  type OperationResult,
  type PutRequest,
  putOf,
  range,
  rangeOf,
} from '../machine/index.ts';

/** What a client learns: the answer as the model knows it, and the revision of the key space that came with it. */
export interface Answer {
  readonly output: KeyValueOutput;
  readonly revision: number;
  /** The answer belongs to a write that took a revision of its own. */
  readonly wrote: boolean;
}

type Write = Exclude<KeyValueInput, { readonly type: 'get' }>;

/** The command for a write. Each asks for what was there before, so that its answer says the most about the order. */
export function encodeWrite(input: Write): Uint8Array {
  return encodeCommand(commandOf(input));
}

export function decodeWriteAnswer(input: Write, bytes: Uint8Array): Answer {
  const answer = decodeAnswer(bytes);
  assert(!(answer instanceof Malformed), 'an answer of the key space does not decode');
  const { result } = answer;
  assert(result.type !== 'error', `the key space refused ${input.type}`);
  const revision = Number(answer.revision);
  switch (result.type) {
    case 'put':
      return { output: observed(result.previous), revision, wrote: true };
    case 'delete':
      return { output: observed(result.previous[0]), revision, wrote: result.deleted > 0 };
    case 'txn': {
      const value = textOf(previousIn(result.results[0]));
      return {
        output: { type: 'swapped', swapped: result.succeeded, value },
        revision,
        wrote: result.succeeded,
      };
    }
    default:
      throw new InvariantViolation(`a write was answered by a ${result.type}`);
  }
}

/** Reads a key in the state of a replica: now, or at a past revision. */
export function readKey(
  store: ReadStore,
  key: string,
  revision = 0,
): { pair: KeyValue | undefined; revision: number } {
  const answer = range(machineView(store), rangeOf(singleKey(key), { revision: BigInt(revision) }));
  const { result } = answer;
  assert(
    result.type === 'range',
    `reading ${key} at revision ${revision} answered ${JSON.stringify(result.type)}`,
  );
  return { pair: result.pairs[0], revision: Number(answer.revision) };
}

export function readAnswer(store: ReadStore, key: string): Answer {
  const { pair, revision } = readKey(store, key);
  return { output: observed(pair), revision, wrote: false };
}

export const textOf = (pair: KeyValue | undefined): string | undefined =>
  pair === undefined ? undefined : utf8Text(pair.value);

const observed = (pair: KeyValue | undefined): KeyValueOutput => ({ type: 'observed', value: textOf(pair) });

function previousIn(result: OperationResult | undefined): KeyValue | undefined {
  if (result?.type === 'put') return result.previous;
  assert(result?.type === 'range', 'a compare-and-set answers with a put or a range');
  return result.pairs[0];
}

function commandOf(input: Write): KeyCommand {
  switch (input.type) {
    case 'put':
      return put(input.key, input.value);
    case 'delete':
      return { type: 'delete', range: singleKey(input.key), previous: true };
    case 'compareAndSet':
      return {
        type: 'txn',
        compare: [
          { range: singleKey(input.key), target: 'value', relation: 'equal', operand: utf8(input.expected) },
        ],
        success: [put(input.key, input.value)],
        failure: [rangeOf(singleKey(input.key))],
      };
    default:
      return assertNever(input);
  }
}

const singleKey = (key: string): KeyRange => ({ from: utf8(key), to: utf8(`${key}\0`) });

const put = (key: string, value: string): PutRequest => putOf(utf8(key), utf8(value), { previous: true });
