import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasMajority, majorityOf, majorityValue } from './majority.ts';

const members = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { maxLength: 9 });

describe('majority', () => {
  test('sizes', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(majorityOf)).toEqual([1, 2, 2, 3, 3, 4, 4]);
  });

  test('two majorities of the same members meet', () => {
    fc.assert(
      fc.property(members, fc.func(fc.boolean()), fc.func(fc.boolean()), (ids, one, other) => {
        fc.pre(ids.length > 0 && hasMajority(ids, one) && hasMajority(ids, other));
        expect(ids.some((id) => one(id) && other(id))).toBe(true);
      }),
    );
  });

  test('the value is the largest that a majority has reached, by trying every one', () => {
    fc.assert(
      fc.property(members, fc.func(fc.integer({ min: 0, max: 20 })), (ids, valueAt) => {
        const reached = Array.from({ length: 21 }, (_, value) => value).filter((value) =>
          hasMajority(ids, (id) => valueAt(id) >= value),
        );
        const expected = ids.length === 0 ? Number.POSITIVE_INFINITY : reached.at(-1);
        expect(majorityValue(ids, valueAt)).toBe(expected);
      }),
    );
  });
});
