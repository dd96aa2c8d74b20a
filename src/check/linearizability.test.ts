import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { History, type Operation } from './history.ts';
import { type KeyValueInput, type KeyValueOutput, type KeyValueState, keyValueModel } from './key-value.ts';
import { checkLinearizability } from './linearizability.ts';
import type { Model } from './model.ts';

type KeyValueOperation = Operation<KeyValueInput, KeyValueOutput>;

const get = (client: number, from: number, to: number, value: string | undefined): KeyValueOperation => ({
  client,
  input: { type: 'get', key: 'x' },
  call: from,
  return: to,
  output: { type: 'observed', value },
});
const put = (client: number, from: number, to: number | undefined, value: string): KeyValueOperation => ({
  client,
  input: { type: 'put', key: 'x', value },
  call: from,
  return: to,
  output: to === undefined ? undefined : { type: 'written' },
});
const swap = (
  client: number,
  from: number,
  to: number | undefined,
  [expected, value]: [string, string],
  seen?: string,
): KeyValueOperation => ({
  client,
  input: { type: 'compareAndSet', key: 'x', expected, value },
  call: from,
  return: to,
  output: to === undefined ? undefined : { type: 'swapped', swapped: seen === expected, value: seen },
});

const verdict = (...history: KeyValueOperation[]) => checkLinearizability(keyValueModel, history).type;

describe('histories that are linearizable', () => {
  it('nothing happened', () => expect(verdict()).toBe('ok'));
  it('one after the other', () =>
    expect(verdict(get(1, 0, 1, undefined), put(1, 2, 3, 'a'), get(2, 4, 5, 'a'))).toBe('ok'));
  it('a read beside a write sees either side of it', () => {
    expect(verdict(put(1, 0, 3, 'a'), get(2, 1, 2, undefined))).toBe('ok');
    expect(verdict(put(1, 0, 3, 'a'), get(2, 1, 2, 'a'))).toBe('ok');
  });
  it('an open write takes effect late', () =>
    expect(verdict(put(1, 0, undefined, 'a'), get(2, 1, 2, undefined), get(2, 3, 4, 'a'))).toBe('ok'));
  it('an open write never takes effect', () =>
    expect(verdict(put(1, 0, undefined, 'a'), get(2, 1, 2, undefined), get(2, 3, 4, undefined))).toBe('ok'));
  it('an open compare-and-set explains what a later one saw', () =>
    expect(
      verdict(put(1, 0, 1, 'a'), swap(1, 2, undefined, ['a', 'b']), swap(2, 3, 4, ['a', 'c'], 'b')),
    ).toBe('ok'));
  it('operations that touch at one point count as concurrent', () =>
    expect(verdict(put(1, 0, 2, 'a'), get(2, 2, 3, undefined))).toBe('ok'));
});

describe('histories that are not', () => {
  it('stale read: a write was acknowledged before', () =>
    expect(verdict(put(1, 0, 1, 'a'), get(2, 2, 3, undefined))).toBe('illegal'));
  it('lost update: two compare-and-sets swap out the same value', () =>
    expect(verdict(put(1, 0, 1, 'a'), swap(1, 2, 5, ['a', 'b'], 'a'), swap(2, 3, 4, ['a', 'c'], 'a'))).toBe(
      'illegal',
    ));
  it('new/old inversion: one read sees the new value, a later one the old', () =>
    expect(verdict(put(1, 0, 1, 'a'), put(1, 2, 9, 'b'), get(2, 3, 4, 'b'), get(3, 5, 6, 'a'))).toBe(
      'illegal',
    ));
  it('a value out of nowhere', () => expect(verdict(get(1, 0, 1, 'a'))).toBe('illegal'));
  it('a write that comes back after it was overwritten', () =>
    expect(verdict(put(1, 0, 1, 'a'), put(1, 2, 3, 'b'), get(2, 4, 5, 'b'), get(2, 6, 7, 'a'))).toBe(
      'illegal',
    ));
  it('a swap that says it failed although it saw what it expected', () => {
    const liar: KeyValueOperation = {
      ...swap(2, 2, 3, ['a', 'b']),
      output: { type: 'swapped', swapped: false, value: 'a' },
    };
    expect(verdict(put(1, 0, 1, 'a'), liar)).toBe('illegal');
  });

  it('says what fits and what does not', () => {
    const result = checkLinearizability(keyValueModel, [put(1, 0, 1, 'a'), get(2, 2, 3, 'z')]);
    expect(result).toMatchObject({ type: 'illegal', partition: 'x' });
    if (result.type === 'illegal') {
      expect(result.explanation).toContain('client 1 [0, 1] put("x", a) -> done');
      expect(result.explanation).toContain('client 2 [2, 3] get("x") -> z');
    }
  });
});

describe('keys', () => {
  it('are checked apart, and the wrong one is named', () => {
    const onY = { ...get(1, 4, 5, 'nothing'), input: { type: 'get', key: 'y' } } as const;
    const result = checkLinearizability(keyValueModel, [put(1, 0, 1, 'a'), get(1, 2, 3, 'a'), onY]);
    expect(result).toMatchObject({ type: 'illegal', partition: 'y' });
  });
});

describe('the budget', () => {
  it('ends a long search with a verdict that is not ok', () => {
    const history = Array.from({ length: 12 }, (_, i) => put(i, 0, 100, `v${i}`));
    const result = checkLinearizability(keyValueModel, [...history, get(99, 101, 102, 'none')], 1_000);
    expect(result).toMatchObject({ type: 'unknown', steps: 1_000 });
  });

  it('is not spent on open writes that nobody saw', () => {
    const open = Array.from({ length: 60 }, (_, i) => put(i, 2 * i, undefined, `open${i}`));
    const reads = Array.from({ length: 60 }, (_, i) => put(100, 2 * i, 2 * i + 1, `v${i}`));
    expect(
      checkLinearizability(keyValueModel, [...open, ...reads, get(100, 500, 501, 'v59')], 2_000).type,
    ).toBe('ok');
  });
});

describe('History', () => {
  it('keeps answers, drops refusals and leaves the rest open', () => {
    const history = new History<KeyValueInput, KeyValueOutput>();
    const first = history.call(1, { type: 'put', key: 'x', value: 'a' });
    const second = history.call(2, { type: 'put', key: 'x', value: 'b' });
    const third = history.call(3, { type: 'put', key: 'x', value: 'c' });
    history.refused(second);
    history.done(first, { type: 'written' });
    const operations = history.operations();
    expect(operations.map((operation) => operation.client)).toEqual([1, 3]);
    expect(operations[0]).toMatchObject({ call: 0, return: 3 });
    expect(operations[1]).toMatchObject({ call: third, return: undefined, output: undefined });
    expect(() => history.done(first, { type: 'written' })).toThrow('returned already');
  });
});

/** The twin: every choice of open operations in every order, straight from the definition. */
function naive<S, I, O>(model: Model<S, I, O>, operations: readonly Operation<I, O>[]): boolean {
  const explore = (state: S, left: readonly Operation<I, O>[]): boolean => {
    if (left.every((operation) => operation.return === undefined)) return true;
    return left.some((candidate) => {
      const mayBeFirst = left.every((other) => other.return === undefined || other.return >= candidate.call);
      if (!mayBeFirst) return false;
      const after = model.step(state, candidate.input, candidate.output);
      return (
        after !== undefined &&
        explore(
          after,
          left.filter((other) => other !== candidate),
        )
      );
    });
  };
  return explore(model.initial(), operations);
}

const value = fc.constantFrom('a', 'b', 'c');
const seen = fc.option(value, { nil: undefined, freq: 3 });
const operation: fc.Arbitrary<KeyValueOperation> = fc
  .record({
    client: fc.nat(3),
    call: fc.nat(12),
    lasts: fc.option(fc.nat(6), { nil: undefined, freq: 4 }),
    input: fc.oneof(
      fc.constant<KeyValueInput>({ type: 'get', key: 'x' }),
      value.map((v): KeyValueInput => ({ type: 'put', key: 'x', value: v })),
      fc.constant<KeyValueInput>({ type: 'delete', key: 'x' }),
      fc.tuple(value, value).map(
        ([expected, v]): KeyValueInput => ({
          type: 'compareAndSet',
          key: 'x',
          expected,
          value: v,
        }),
      ),
    ),
    seen,
    blind: fc.boolean(),
  })
  .map(({ client, call, lasts, input, seen, blind }) => ({
    client,
    input,
    call,
    return: lasts === undefined ? undefined : call + lasts,
    output:
      lasts === undefined
        ? undefined
        : input.type === 'compareAndSet'
          ? { type: 'swapped', swapped: seen === input.expected, value: seen }
          : blind && input.type !== 'get'
            ? { type: 'written' }
            : { type: 'observed', value: seen },
  }));

/** Answers drawn from a real run of the model at random points, so that many histories are good ones. */
const goodHistory = fc.array(fc.tuple(operation, fc.boolean()), { maxLength: 7 }).map((drawn) => {
  let state: KeyValueState = keyValueModel.initial();
  return drawn.map(([{ client, input, return: end }, happens], at): KeyValueOperation => {
    const before = state.value;
    if (end !== undefined || happens) state = keyValueModel.step(state, input, undefined) ?? state;
    const call = Math.max(0, 3 * at - 4);
    if (end === undefined) return { client, input, call, return: undefined, output: undefined };
    const output: KeyValueOutput =
      input.type === 'compareAndSet'
        ? { type: 'swapped', swapped: before === input.expected, value: before }
        : { type: 'observed', value: before };
    return { client, input, call, return: 3 * at + 2, output };
  });
});

describe('against the naive twin', () => {
  it('gives the same verdict on arbitrary histories', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (history) => {
        expect(checkLinearizability(keyValueModel, history).type).toBe(
          naive(keyValueModel, history) ? 'ok' : 'illegal',
        );
      }),
      { numRuns: 3_000 },
    );
  });

  it('accepts every history that came from a run', () => {
    fc.assert(
      fc.property(goodHistory, (history) => {
        expect(naive(keyValueModel, history)).toBe(true);
        expect(checkLinearizability(keyValueModel, history).type).toBe('ok');
      }),
      { numRuns: 2_000 },
    );
  });

  it('gives the same verdict on runs with one answer changed', () => {
    const damaged = fc
      .tuple(goodHistory, fc.nat(6), seen)
      .map(([history, at, value]) =>
        history.map(
          (entry, i): KeyValueOperation =>
            i === at && entry.output?.type === 'observed'
              ? { ...entry, output: { type: 'observed', value } }
              : entry,
        ),
      );
    fc.assert(
      fc.property(damaged, (history) => {
        expect(checkLinearizability(keyValueModel, history).type).toBe(
          naive(keyValueModel, history) ? 'ok' : 'illegal',
        );
      }),
      { numRuns: 2_000 },
    );
  });
});
