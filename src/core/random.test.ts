import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from './random.ts';

const draws = (random: Random, count: number): number[] =>
  Array.from({ length: count }, () => random.uint32());

describe('streams of randomness', () => {
  it('give the same numbers for a seed, for ever: recorded failures depend on it', () => {
    expect(draws(Random.fromSeed('quorate'), 4)).toMatchInlineSnapshot(`
      [
        508420514,
        1802919705,
        135944095,
        2885825090,
      ]
    `);
  });

  it('are independent by name, and deriving one does not advance another', () => {
    const random = Random.fromSeed('seed');
    const [disk, network] = [random.stream('disk'), random.stream('network')];
    expect(draws(disk, 8)).not.toEqual(draws(network, 8));
    expect(draws(random.stream('disk'), 8)).toEqual(draws(Random.fromSeed('seed').stream('disk'), 8));
  });

  it('go on alike after a fork', () => {
    const random = Random.fromSeed('seed');
    draws(random, 5);
    const copy = random.fork();
    expect(draws(copy, 8)).toEqual(draws(random, 8));
  });

  it('stay within their bounds', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
        const random = Random.fromSeed(seed);
        for (let i = 0; i < 20; i++) expect(random.below(bound)).toBeLessThan(bound);
      }),
    );
  });

  it('are even: each of ten values comes about as often as the others (chi-square, 9 degrees, p > 0.001)', () => {
    const random = Random.fromSeed('even');
    const counts = new Array<number>(10).fill(0);
    const total = 100_000;
    for (let i = 0; i < total; i++) {
      const value = random.below(10);
      counts[value] = (counts[value] ?? 0) + 1;
    }
    const expected = total / 10;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(27.88);
  });
});
