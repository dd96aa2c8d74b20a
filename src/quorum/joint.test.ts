import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasJointMajority, jointMajorityValue } from './joint.ts';
import { hasMajority } from './majority.ts';

const members = fc.uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 7 });

describe('joint majority', () => {
  test('needs both halves', () => {
    expect(hasJointMajority([[1, 2, 3], []], (id) => id <= 2)).toBe(true);
    expect(
      hasJointMajority(
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
        (id) => id <= 4,
      ),
    ).toBe(false);
    expect(
      hasJointMajority(
        [
          [1, 2, 3],
          [3, 4, 5],
        ],
        (id) => id >= 2 && id <= 4,
      ),
    ).toBe(true);
  });

  test('meets every majority of either half, which is why nothing is decided without it', () => {
    const supporters = fc.func(fc.boolean());
    fc.assert(
      fc.property(members, members, supporters, supporters, (incoming, outgoing, joint, other) => {
        fc.pre(hasJointMajority([incoming, outgoing], joint));
        for (const half of [incoming, outgoing]) {
          if (hasMajority(half, other)) expect(half.some((id) => joint(id) && other(id))).toBe(true);
        }
      }),
    );
  });

  test('the value is the largest that a joint majority has reached, by trying every one', () => {
    const values = fc.func(fc.integer({ min: 0, max: 20 }));
    fc.assert(
      fc.property(members, members, values, (incoming, outgoing, valueAt) => {
        const groups = [incoming, outgoing];
        const reached = Array.from({ length: 21 }, (_, value) => value).filter((value) =>
          hasJointMajority(groups, (id) => valueAt(id) >= value),
        );
        expect(jointMajorityValue(groups, valueAt)).toBe(reached.at(-1));
      }),
    );
  });
});
