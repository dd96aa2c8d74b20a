import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyOperation, del, keys, put, rangeRequest, read, txn } from '../../../test/support/key-requests.ts';
import { MapStore } from '../../../test/support/map-store.ts';
import { NaiveKeySpace } from '../../../test/support/naive-key-space.ts';
import { compareBytes, utf8 } from '../../core/bytes.ts';
import { Malformed } from '../../core/codec.ts';
import { clusterTime, epoch, index } from '../../core/ids.ts';
import { maxFrameBytes, maxStoreValueBytes, rangeSliceBytes, rangeSliceKeys } from '../../core/limits.ts';
import type { Store } from '../../core/store.ts';
import { decodeAnswer } from './answer-codec.ts';
import { encodeCommand } from './command-codec.ts';
import { raiseRevision } from './compaction.ts';
import { keySpace } from './key-space.ts';
import { ReadSlices, range } from './read-slices.ts';
import type {
  KeyAnswer,
  KeyCommand,
  KeyErrorCode,
  RangeRequest,
  RangeResult,
  TxnRequest,
} from './requests.ts';
import { currentRevision } from './revisions.ts';
import { isReadOnly, validate } from './validate.ts';
import { maxEscapedKeyBytes } from './versions.ts';

const context = { index: index(1), epoch: epoch(1), time: clusterTime(0), featureLevel: 1 };

function apply(store: Store, command: KeyCommand): KeyAnswer {
  const answer = decodeAnswer(keySpace.apply(encodeCommand(command), context, store));
  if (answer instanceof Malformed) throw answer;
  return answer;
}

function rangeOf(answer: KeyAnswer): RangeResult {
  if (answer.result.type !== 'range') throw new Error(`expected a range, got ${answer.result.type}`);
  return answer.result;
}

function expectSame(actual: KeyAnswer, expected: KeyAnswer): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

/** The answer to a read, and how many slices it took; `between` happens between them. */
function inSlices(
  store: MapStore,
  request: RangeRequest | TxnRequest,
  between: (slices: number) => void = () => undefined,
): { answer: KeyAnswer; slices: number } {
  const reading = new ReadSlices(request);
  for (let slices = 1; ; slices++) {
    const answer = reading.next(store);
    if (answer !== undefined) return { answer, slices };
    between(slices);
  }
}

const refused = (code: KeyErrorCode): object => ({ type: 'error', code });

describe('against a naive twin', () => {
  test('any program of commands and reads gives the same answers', () => {
    fc.assert(
      fc.property(
        fc.array(anyOperation, { maxLength: 14 }),
        fc.array(rangeRequest, { maxLength: 6 }),
        (program, probes) => {
          const store = new MapStore();
          const twin = new NaiveKeySpace();
          for (const operation of program) {
            const expected = twin.apply(operation);
            if (operation.type === 'range') expectSame(range(store, operation), expected);
            else expectSame(apply(store, operation), expected);
            if (operation.type === 'txn' && isReadOnly(operation))
              expectSame(inSlices(store, operation).answer, expected);
            expect(currentRevision(store)).toBe(BigInt(twin.revision));
          }
          for (const probe of probes) expectSame(range(store, probe), twin.apply(probe));
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('what is validated before it is ordered is refused by apply in the same way', () => {
    fc.assert(
      fc.property(anyOperation, (operation) => {
        const error = validate(operation);
        if (error === undefined || operation.type === 'range') return;
        expect(apply(new MapStore(), operation)).toEqual({ revision: 1n, result: error });
      }),
      { numRuns: 500 },
    );
  });
});

describe('revisions', () => {
  test('1: an empty space has revision 1, the first write 2', () => {
    const store = new MapStore();
    expect(currentRevision(store)).toBe(1n);
    expect(apply(store, put('a')).revision).toBe(2n);
    expect(currentRevision(store)).toBe(2n);
  });

  test('1: one transaction is one revision; what writes nothing is none', () => {
    const store = new MapStore();
    expect(apply(store, txn([], [put('a'), put('b'), txn([], [put('c')])])).revision).toBe(2n);
    expect(apply(store, del(keys('x'))).revision).toBe(2n);
    expect(apply(store, txn([], [read(keys('a'))])).revision).toBe(2n);
    expect(apply(store, put('')).revision).toBe(2n);
    expect(apply(store, del(keys('a', 'z'))).revision).toBe(3n);
  });

  test('1: a read in the past answers with the present revision', () => {
    const store = new MapStore();
    apply(store, put('a', 'old'));
    apply(store, put('a', 'new'));
    const answer = range(store, read(keys('a'), { revision: 2n }));
    expect(answer.revision).toBe(3n);
    expect(rangeOf(answer).pairs[0]?.value).toEqual(utf8('old'));
  });

  test('a raised revision is where the next write goes on, and what is below is compacted', () => {
    const store = new MapStore();
    apply(store, put('a'));
    raiseRevision(store, 1_000_000);
    expect(apply(store, put('a')).revision).toBe(1_000_003n);
    const at = (revision: bigint): KeyAnswer => range(store, read(keys('a'), { revision }));
    expect(at(1_000_001n).result).toEqual({ type: 'error', code: 'compacted' });
    expect(rangeOf(at(1_000_002n)).pairs[0]?.modRevision).toBe(2n);
  });

  test('revisions above 2^32 keep their order', () => {
    const store = new MapStore();
    apply(store, put('a', 'low'));
    raiseRevision(store, 2 ** 32);
    apply(store, put('a', 'high'));
    expect(rangeOf(range(store, read(keys('a'), { revision: 2n ** 32n + 2n }))).pairs[0]?.value).toEqual(
      utf8('low'),
    );
    raiseRevision(store, 2 ** 45);
    expect(apply(store, put('b')).revision).toBe(2n ** 45n + 2n ** 32n + 4n);
    const [pair] = rangeOf(range(store, read(keys('a')))).pairs;
    expect(pair).toMatchObject({ value: utf8('high'), modRevision: 2n ** 32n + 3n, version: 2n });
  });
});

describe('ranges', () => {
  test('3: \\0 is the first of all keys, and the range from it without end is the whole space', () => {
    const store = new MapStore();
    for (const key of ['b', '\0', 'a\0', 'a', '\0\0']) apply(store, put(key));
    const all = rangeOf(range(store, read(keys('\0', null)))).pairs.map((pair) => pair.key);
    expect(all).toEqual(['\0', '\0\0', 'a', 'a\0', 'b'].map(utf8));
  });

  test('4: count ignores limit and bounds; the limit comes after bounds and sorting', () => {
    const store = new MapStore();
    for (const key of ['a', 'b', 'c', 'd']) apply(store, put(key));
    const { pairs, more, count } = rangeOf(
      range(
        store,
        read(keys('a', 'z'), { limit: 1, minModRevision: 3n, sort: { target: 'mod', descending: true } }),
      ),
    );
    expect(pairs.map((pair) => pair.key)).toEqual([utf8('d')]);
    expect({ more, count }).toEqual({ more: true, count: 4 });
  });

  test('5: the future is refused, the present as a number is not', () => {
    const store = new MapStore();
    apply(store, put('a'));
    expect(range(store, read(keys('a'), { revision: 3n })).result).toEqual(refused('futureRevision'));
    expect(rangeOf(range(store, read(keys('a'), { revision: 2n }))).count).toBe(1);
    expect(rangeOf(range(store, read(keys('a'), { revision: 1n }))).count).toBe(0);
  });

  test('many pairs are sorted in slices, with few of them kept where the limit is low', () => {
    const store = new MapStore();
    for (let i = 0; i < 5_300; i++) apply(store, put(`k${(i * 7919) % 5_300}`, String(i % 10)));
    const everything = read(keys('k', 'l'));
    const inOrder = [...rangeOf(range(store, everything)).pairs].sort(
      (a, b) => compareBytes(b.value, a.value) || compareBytes(a.key, b.key),
    );
    for (const limit of [0, 7, 1_000, 3_000, 9_999]) {
      const slices = new ReadSlices({ ...everything, limit, sort: { target: 'value', descending: true } });
      let calls = 1;
      let answer = slices.next(store);
      for (; answer === undefined; calls++) answer = slices.next(store);
      const expected = limit === 0 ? inOrder : inOrder.slice(0, limit);
      expectSame(answer, {
        revision: 5_301n,
        result: { type: 'range', pairs: expected, more: limit > 0 && limit < 5_300, count: 5_300 },
      });
      expect(calls).toBeGreaterThanOrEqual(limit > 1_000 || limit === 0 ? 10 : 6);
    }
  });

  test('5: what is below the last compaction is refused, what is at it is not', () => {
    const store = new MapStore();
    for (const value of ['1', '2', '3']) apply(store, put('a', value));
    const slices = new ReadSlices(read(keys('\0', null), { revision: 2n }));
    for (let i = 0; i < 1_000; i++) apply(store, put(`b${i}`));
    expect(slices.next(store)).toBeUndefined();
    store.put(Uint8Array.of(0x01), Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 3));
    expect(slices.next(store)).toEqual({ revision: 1_004n, result: refused('compacted') });
    expect(range(store, read(keys('a'), { revision: 2n })).result).toEqual(refused('compacted'));
    expect(rangeOf(range(store, read(keys('a'), { revision: 3n }))).pairs[0]?.value).toEqual(utf8('2'));
    expect(apply(store, txn([], [put('c'), read(keys('a'), { revision: 2n })])).result).toEqual(
      refused('compacted'),
    );
  });

  test('slices see their revision only, whatever happens between them', () => {
    const store = new MapStore();
    for (let i = 0; i < 2_500; i++) apply(store, put(`k${i}`, 'before'));
    const whole = rangeOf(range(store, read(keys('k', 'l'))));
    const slices = new ReadSlices(read(keys('k', 'l')));
    let answer = slices.next(store);
    let calls = 1;
    for (; answer === undefined; calls++) {
      for (let i = calls; i < 2_500; i += 10) apply(store, put(`k${i}`, 'after'));
      apply(store, del(keys(`k${calls}`, `k${calls + 1}`)));
      apply(store, put(`k1new${calls}`));
      answer = slices.next(store);
    }
    expect(calls).toBeGreaterThan(2);
    expect(rangeOf(answer)).toEqual(whole);
    expect(answer.revision).toBe(2_501n);
  });

  test('a slice ends by bytes too, so that large values do not hold the event loop', () => {
    const store = new MapStore();
    for (let i = 0; i < 100; i++) apply(store, put(`k${i}`, 'x'.repeat(64 * 1024)));
    const { answer, slices } = inSlices(store, read(keys('k', 'l')));
    expect(rangeOf(answer).count).toBe(100);
    expect(slices).toBeGreaterThanOrEqual((100 * 64 * 1024) / rangeSliceBytes - 1);
  });

  test('a transaction that only reads is sliced, comparisons included, and sees one revision', () => {
    const store = new MapStore();
    for (let i = 0; i < 2_500; i++) apply(store, put(`k${i}`, 'before'));
    const all = keys('k', 'l');
    const operand = utf8('before');
    const request = txn(
      [{ range: all, target: 'value', relation: 'equal', operand }],
      [read(all), txn([], [read(all, { countOnly: true })])],
    );
    const inOne = inSlices(store, request).answer;
    const { answer, slices } = inSlices(store, request, (number) => {
      for (let i = number; i < 2_500; i += 10) apply(store, put(`k${i}`, 'after'));
      apply(store, del(keys(`k${number}`)));
    });
    expectSame(answer, inOne);
    expect(inOne.result).toMatchObject({ succeeded: true });
    expect(slices).toBeGreaterThanOrEqual((3 * 2_500) / rangeSliceKeys);
  });

  test('a thousand small reads in one transaction are no more to do in one slice than one large one', () => {
    const store = new MapStore();
    const inner = Array.from({ length: 64 }, (_, i) => read(keys(`k${i}`)));
    const request = txn(
      [],
      Array.from({ length: 60 }, () => txn([], inner)),
    );
    expect(inSlices(store, request).slices).toBeGreaterThanOrEqual((60 * 64) / rangeSliceKeys);
  });

  test('a compaction between the slices of a transaction is noticed', () => {
    const store = new MapStore();
    for (let i = 0; i < 1_500; i++) apply(store, put(`k${i}`));
    const request = txn([], [read(keys('k', 'l'), { revision: 1_000n }), read(keys('k', 'l'))]);
    const { answer } = inSlices(store, request, () => {
      store.put(Uint8Array.of(0x01), Uint8Array.of(0, 0, 0, 0, 0, 0, 4, 0));
    });
    expect(answer).toEqual({ revision: 1_501n, result: refused('compacted') });
  });

  test('a key with thousands of versions costs a jump, not a walk', () => {
    const store = new MapStore();
    let steps = 0;
    const counted = {
      get: (key: Uint8Array) => store.get(key),
      *scan(bounds: Parameters<MapStore['scan']>[0]) {
        for (const pair of store.scan(bounds)) {
          steps++;
          yield pair;
        }
      },
    };
    for (let i = 0; i < 5_000; i++) apply(store, put('hot', String(i)));
    apply(store, put('next'));
    for (const revision of [0n, 5_002n, 2_500n, 2n]) {
      steps = 0;
      expect(rangeOf(range(counted, read(keys('a', 'z'), { revision }))).pairs.length).toBe(
        revision === 0n || revision === 5_002n ? 2 : 1,
      );
      expect(steps).toBeLessThan(60);
    }
  });
});

describe('puts', () => {
  test('7: keeping the value or lease needs the key, and forbids a value or lease', () => {
    const store = new MapStore();
    expect(apply(store, put('a', '', { ignoreValue: true })).result).toEqual(refused('keyNotFound'));
    expect(apply(store, put('a', '', { ignoreLease: true })).result).toEqual(refused('keyNotFound'));
    expect(apply(store, put('a', 'x', { ignoreValue: true })).result).toEqual(refused('valueProvided'));
    expect(apply(store, put('a', '', { ignoreLease: true, lease: 1n })).result).toEqual(
      refused('leaseProvided'),
    );
    apply(store, put('a', 'kept'));
    apply(store, put('a', '', { ignoreValue: true }));
    expect(rangeOf(range(store, read(keys('a')))).pairs[0]).toMatchObject({
      value: utf8('kept'),
      version: 2n,
    });
  });

  test('7: a lease that is not there is not found', () => {
    expect(apply(new MapStore(), put('a', '', { lease: 5n })).result).toEqual(refused('leaseNotFound'));
  });

  test('9: the version starts again after a delete', () => {
    const store = new MapStore();
    for (const command of [put('a'), put('a'), del(keys('a')), put('a')]) apply(store, command);
    const [pair] = rangeOf(range(store, read(keys('a')))).pairs;
    expect(pair).toMatchObject({ version: 1n, createRevision: 5n, modRevision: 5n });
  });

  test('the longest key is taken, and a longer one refused; zeros count twice', () => {
    const store = new MapStore();
    const longest = new Uint8Array(maxEscapedKeyBytes).fill(0x61);
    expect(apply(store, put(longest)).revision).toBe(2n);
    expect(apply(store, put(Uint8Array.of(...longest, 0x61))).result).toEqual(refused('keyTooLong'));
    expect(apply(store, put(Uint8Array.of(...longest.subarray(1), 0x00))).result).toEqual(
      refused('keyTooLong'),
    );
    const zeros = new Uint8Array(Math.floor(maxEscapedKeyBytes / 2));
    expect(apply(store, put(zeros)).revision).toBe(3n);
  });

  test('bounds that no key could have are as good as any', () => {
    const store = new MapStore();
    const longest = new Uint8Array(maxEscapedKeyBytes).fill(0x61);
    const longer = Uint8Array.of(...longest, 0x61);
    apply(store, put(longest));
    apply(store, put('b'));
    const counts = [
      keys(longest),
      keys(longer),
      keys(longer, null),
      keys('a', longer),
      keys(longest, longer),
    ].map((bounds) => rangeOf(range(store, read(bounds))).count);
    expect(counts).toEqual([1, 0, 1, 1, 1]);
  });
});

describe('transactions', () => {
  const holdsIf = (range: ReturnType<typeof keys>, operand: bigint) =>
    ({ range, target: 'version', relation: 'equal', operand }) as const;

  test('8: no comparison with the value of a missing key holds; its numbers are 0', () => {
    const store = new MapStore();
    for (const relation of ['equal', 'notEqual', 'less', 'greater'] as const) {
      const compare = { range: keys('a'), target: 'value', relation, operand: utf8('') } as const;
      expect(apply(store, txn([compare], [])).result).toMatchObject({ succeeded: false });
    }
    expect(apply(store, txn([holdsIf(keys('a'), 0n)], [])).result).toMatchObject({ succeeded: true });
  });

  test('8: a comparison is over every key of its range', () => {
    const store = new MapStore();
    apply(store, put('a'));
    apply(store, put('b'));
    expect(apply(store, txn([holdsIf(keys('a', 'c'), 1n)], [])).result).toMatchObject({ succeeded: true });
    apply(store, put('b'));
    expect(apply(store, txn([holdsIf(keys('a', 'c'), 1n)], [])).result).toMatchObject({ succeeded: false });
  });

  test('8: comparisons of inner transactions are over before anything is written', () => {
    const store = new MapStore();
    const inner = txn([holdsIf(keys('a'), 0n)], [put('b', 'first')], [put('b', 'second')]);
    apply(store, txn([], [put('a'), inner]));
    expect(rangeOf(range(store, read(keys('b')))).pairs[0]?.value).toEqual(utf8('first'));
  });

  test('8: later operations see earlier ones; an error among them undoes none because nothing was done', () => {
    const store = new MapStore();
    const { result } = apply(store, txn([], [put('a', '1'), read(keys('a')), del(keys('b')), put('c')]));
    expect(result).toMatchObject({
      results: [{}, { pairs: [{ value: utf8('1'), modRevision: 2n }] }, {}, {}],
    });
    const before = store.dump();
    const failing = txn([], [put('a', '2'), read(keys('a'), { revision: 9n })]);
    expect(apply(store, failing)).toEqual({ revision: 2n, result: refused('futureRevision') });
    expect(store.dump()).toEqual(before);
  });

  test('8: one path puts a key once and deletes none that it puts; branches may repeat', () => {
    expect(validate(txn([], [put('a'), put('a')]))).toEqual(refused('duplicateKey'));
    expect(validate(txn([], [put('b'), del(keys('a', 'c'))]))).toEqual(refused('duplicateKey'));
    expect(validate(txn([], [txn([], [put('b')]), txn([], [del(keys('a', null))])]))).toEqual(
      refused('duplicateKey'),
    );
    expect(validate(txn([], [put('a'), txn([], [], [put('a')])]))).toEqual(refused('duplicateKey'));
    expect(validate(txn([], [put('a')], [put('a'), del(keys('b'))]))).toBeUndefined();
    expect(validate(txn([], [txn([], [put('a')], [del(keys('a'))])]))).toBeUndefined();
    expect(validate(txn([], [del(keys('a', 'c')), del(keys('b', 'd'))]))).toBeUndefined();
  });

  test('8: 128 operations, fewer inside', () => {
    const reads = (count: number) => Array.from({ length: count }, () => read(keys('a')));
    expect(validate(txn([], reads(128)))).toBeUndefined();
    expect(validate(txn([], reads(129)))).toEqual(refused('tooManyOperations'));
    expect(validate(txn([], [], reads(129)))).toEqual(refused('tooManyOperations'));
    expect(validate(txn([], [txn([], reads(127))]))).toBeUndefined();
    expect(validate(txn([], [txn([], reads(128))]))).toEqual(refused('tooManyOperations'));
    let deep = txn([], []);
    for (let depth = 0; depth < 128; depth++) deep = txn([], [deep]);
    expect(validate(deep)).toBeUndefined();
    expect(apply(new MapStore(), deep).result.type).toBe('txn');
    expect(validate(txn([], [deep]))).toEqual(refused('tooManyOperations'));
  });

  test('8: a tree of transactions is bounded as a whole', () => {
    let tree = txn([], [put('a')]);
    for (let depth = 0; depth < 12; depth++) tree = txn([], [tree], [tree]);
    expect(validate(tree)).toEqual(refused('tooManyOperations'));
  });
});

test('the largest value that can be ordered fits the store', () => {
  expect(maxFrameBytes + 64).toBeLessThanOrEqual(maxStoreValueBytes);
});

test('a command that does not decode is answered, not thrown', () => {
  const store = new MapStore();
  const answer = decodeAnswer(keySpace.apply(utf8('garbage'), context, store));
  expect(answer).toEqual({ revision: 1n, result: refused('malformed') });
  expect(store.size).toBe(0);
});
