import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes, utf8 } from '../../../core/bytes.ts';
import type { KeyRange } from '../key-range.ts';
import { covers, keySet, singleKey } from './coverage.ts';

/** Few and short keys, so that ranges meet, touch and miss each other often. */
const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 2 });
const range: fc.Arbitrary<KeyRange> = fc.record({ from: key, to: fc.option(key, { nil: undefined }) });

/** Every key of up to three of these bytes, between any two of the above. */
const universe: readonly Uint8Array[] = allKeys(3);

function allKeys(length: number): Uint8Array[] {
  if (length === 0) return [];
  const shorter = allKeys(length - 1);
  const longest =
    shorter.length === 0 ? [new Uint8Array(0)] : shorter.filter((each) => each.length === length - 1);
  return [...shorter, ...longest.flatMap((each) => [0, 1, 2, 3].map((byte) => Uint8Array.of(...each, byte)))];
}

const contains = ({ from, to }: KeyRange, single: Uint8Array): boolean =>
  compareBytes(from, single) <= 0 && (to === undefined || compareBytes(single, to) < 0);

test('ranges cover what their keys cover, one by one', () => {
  let covered = 0;
  fc.assert(
    fc.property(fc.array(range, { maxLength: 6 }), range, (ranges, wanted) => {
      fc.pre(wanted.to === undefined || compareBytes(wanted.from, wanted.to) < 0);
      const naive =
        universe.every((each) => !contains(wanted, each) || ranges.some((one) => contains(one, each))) &&
        // No finite set of keys tells a range without end from one that ends behind all of them.
        (wanted.to !== undefined || ranges.some(({ to }) => to === undefined));
      if (naive) covered++;
      expect(covers([keySet(ranges)], wanted)).toBe(naive);
      expect(
        covers(
          ranges.map((each) => keySet([each])),
          wanted,
        ),
      ).toBe(naive);
      expect(covers([keySet(ranges.slice(0, 2)), keySet(ranges.slice(2))], wanted)).toBe(naive);
    }),
    { numRuns: 2000 },
  );
  expect(covered).toBeGreaterThan(50);
});

test('a key is covered by the ranges that it lies in', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 4 }), key, (ranges, single) => {
      expect(covers([keySet(ranges)], singleKey(single))).toBe(ranges.some((each) => contains(each, single)));
    }),
  );
});

test.each([
  [
    'neighbours',
    [
      ['a', 'c'],
      ['c', 'e'],
    ],
    ['b', 'd'],
    true,
  ],
  [
    'neighbours in any order',
    [
      ['c', 'e'],
      ['a', 'c'],
    ],
    ['b', 'd'],
    true,
  ],
  [
    'a gap of one key',
    [
      ['a', 'c'],
      ['c\0', 'e'],
    ],
    ['b', 'd'],
    false,
  ],
  ['nothing', [], ['a', 'b'], false],
  ['the end is missing', [['a', 'c']], ['b', undefined], false],
  [
    'without end',
    [
      ['a', 'c'],
      ['b', undefined],
    ],
    ['a', undefined],
    true,
  ],
  ['an empty range, inside', [['a', 'c']], ['b', 'a'], true],
  ['an empty range, outside', [['a', 'c']], ['x', 'a'], false],
] as const)('%s', (_name, ranges, wanted, expected) => {
  const of = ([from, to]: readonly [string, string | undefined]): KeyRange => ({
    from: utf8(from),
    to: to === undefined ? undefined : utf8(to),
  });
  expect(covers([keySet(ranges.map(of))], of(wanted))).toBe(expected);
  expect(
    covers(
      ranges.map((each) => keySet([of(each)])),
      of(wanted),
    ),
  ).toBe(expected);
});
