import type { Operation } from './history.ts';
import type { KeyValueInput, KeyValueOutput } from './key-value.ts';

type KeyValueOperation = Operation<KeyValueInput, KeyValueOutput>;

export type CausalVerdict =
  | { readonly type: 'ok' }
  | {
      readonly type: 'illegal';
      readonly pattern: 'thinAir' | 'cyclic' | 'staleRead' | 'staleInitialRead';
      readonly explanation: string;
    };

/**
 * Causal consistency of gets and puts in which every value is written once: by the bad patterns of Bouajjani, Enea,
 * Guerraoui and Hamza (2017), of which a history has one exactly when it is not causally consistent. Operations other than
 * gets and puts are none of its business.
 */
export function checkCausal(history: readonly KeyValueOperation[]): CausalVerdict {
  const operations = [...history]
    .filter(({ input, return: end }) => input.type === 'put' || (input.type === 'get' && end !== undefined))
    .sort((a, b) => a.call - b.call);
  const writers = new Map<string, number>();
  for (const [at, { input }] of operations.entries()) {
    if (input.type === 'put') writers.set(`${input.key}=${input.value}`, at);
  }
  const order = new CausalOrder(operations.length);
  const last = new Map<number, number>();
  for (const [at, operation] of operations.entries()) {
    const before = last.get(operation.client);
    if (before !== undefined) order.add(before, at);
    // A client that was never answered may go on before its write has happened.
    if (operation.return !== undefined) last.set(operation.client, at);
    const seen = valueRead(operation);
    if (seen === undefined) continue;
    const writer = writers.get(`${operation.input.key}=${seen}`);
    if (writer === undefined) return bad('thinAir', `${describe(operation)} returned what nobody wrote`);
    order.add(writer, at);
  }
  if (!order.close()) return bad('cyclic', 'an operation depends on what depends on it');
  return staleReads(operations, order, writers) ?? { type: 'ok' };
}

function staleReads(
  operations: readonly KeyValueOperation[],
  order: CausalOrder,
  writers: ReadonlyMap<string, number>,
): CausalVerdict | undefined {
  for (const [at, read] of operations.entries()) {
    if (read.input.type !== 'get') continue;
    const seen = valueRead(read);
    const source = seen === undefined ? undefined : writers.get(`${read.input.key}=${seen}`);
    for (const [other, write] of operations.entries()) {
      if (write.input.type !== 'put' || write.input.key !== read.input.key) continue;
      if (!order.has(other, at) || other === source) continue;
      if (source === undefined)
        return bad('staleInitialRead', `${describe(read)} saw nothing after ${describe(write)}`);
      if (order.has(source, other))
        return bad('staleRead', `${describe(read)} returned what ${describe(write)} had replaced`);
    }
  }
  return undefined;
}

/** Whether all replicas hold the same in the end, and only what was written: what eventual consistency promises. */
export function checkConvergence(
  history: readonly KeyValueOperation[],
  states: ReadonlyMap<string, ReadonlyMap<string, string>>,
): CausalVerdict {
  const written = new Set<string>();
  for (const { input } of history) {
    if (input.type === 'put' || input.type === 'compareAndSet') written.add(`${input.key}=${input.value}`);
  }
  const [first, ...rest] = [...states];
  for (const [replica, state] of states) {
    for (const [key, value] of state) {
      if (!written.has(`${key}=${value}`))
        return bad('thinAir', `${replica} holds ${key} = ${value}, which nobody wrote`);
    }
  }
  for (const [replica, state] of rest) {
    const keys = new Set([...state.keys(), ...(first?.[1].keys() ?? [])]);
    for (const key of keys) {
      if (state.get(key) !== first?.[1].get(key))
        return bad('staleRead', `${first?.[0]} and ${replica} differ in ${key}`);
    }
  }
  return { type: 'ok' };
}

const bad = (
  pattern: Extract<CausalVerdict, { type: 'illegal' }>['pattern'],
  explanation: string,
): CausalVerdict => ({ type: 'illegal', pattern, explanation });

const valueRead = ({ input, output }: KeyValueOperation): string | undefined =>
  input.type === 'get' && output?.type === 'observed' ? output.value : undefined;

const describe = ({ client, input, call }: KeyValueOperation): string =>
  `the ${input.type} of ${input.key} by client ${client} at ${call}`;

/** A relation over `size` operations that is closed under composition. */
class CausalOrder {
  readonly #size: number;
  readonly #follows: boolean[][];

  constructor(size: number) {
    this.#size = size;
    this.#follows = Array.from({ length: size }, () => new Array<boolean>(size).fill(false));
  }

  add(before: number, after: number): void {
    (this.#follows[before] as boolean[])[after] = true;
  }

  has(before: number, after: number): boolean {
    return this.#follows[before]?.[after] === true;
  }

  /** Adds what follows by composition (Warshall); false when something then comes before itself. */
  close(): boolean {
    for (let middle = 0; middle < this.#size; middle++) {
      for (let from = 0; from < this.#size; from++) {
        if (!this.has(from, middle)) continue;
        for (let to = 0; to < this.#size; to++) if (this.has(middle, to)) this.add(from, to);
      }
    }
    return this.#follows.every((row, at) => row[at] !== true);
  }
}
