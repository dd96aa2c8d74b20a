import { assertNever } from '../../../../src/core/assert.ts';
import type { Random } from '../../../../src/core/random.ts';
import { join, type Reader } from '../model/reader.ts';

/** How the numbers of a generated scenario are spread. `normal` is cut to [low, high]. */
export type Distribution =
  | { readonly type: 'constant'; readonly value: number }
  | { readonly type: 'uniform'; readonly low: number; readonly high: number }
  | {
      readonly type: 'normal';
      readonly mean: number;
      readonly deviation: number;
      readonly low: number;
      readonly high: number;
    }
  | { readonly type: 'mixture'; readonly parts: readonly WeightedDistribution[] };

export interface WeightedDistribution {
  readonly weight: number;
  readonly of: Distribution;
}

/** A uniform number in [0, 1). */
export function unit(random: Random): number {
  return random.uint32() / 0x1_0000_0000;
}

export function sample(distribution: Distribution, random: Random): number {
  switch (distribution.type) {
    case 'constant':
      return distribution.value;
    case 'uniform':
      return distribution.low + (distribution.high - distribution.low) * unit(random);
    case 'normal': {
      const { mean, deviation, low, high } = distribution;
      return Math.min(high, Math.max(low, mean + deviation * standardNormal(random)));
    }
    case 'mixture':
      return sample(pickWeighted(distribution.parts, random).of, random);
    default:
      return assertNever(distribution);
  }
}

export function pickWeighted<T extends { readonly weight: number }>(
  items: readonly [T, ...T[]] | readonly T[],
  random: Random,
): T {
  let rest = unit(random) * items.reduce((sum, { weight }) => sum + weight, 0);
  for (const item of items) {
    rest -= item.weight;
    if (rest < 0) return item;
  }
  // Rounding may leave a rest above every weight; the last one is as good as any.
  return items[items.length - 1] as T;
}

/**
 * The sum of twelve uniform numbers minus six (Irwin and Hall): mean 0, variance 1, within ±6. It needs no logarithm, whose
 * last bits differ between engines, so that a seed gives the same scenario everywhere.
 */
function standardNormal(random: Random): number {
  let sum = -6;
  for (let draw = 0; draw < 12; draw++) sum += unit(random);
  return sum;
}

/** The least and the greatest number that may come out. */
export function range(distribution: Distribution): readonly [number, number] {
  switch (distribution.type) {
    case 'constant':
      return [distribution.value, distribution.value];
    case 'uniform':
    case 'normal':
      return [distribution.low, distribution.high];
    case 'mixture': {
      const ranges = distribution.parts.map(({ of }) => range(of));
      return [Math.min(...ranges.map(([low]) => low)), Math.max(...ranges.map(([, high]) => high))];
    }
    default:
      return assertNever(distribution);
  }
}

/** Reads a distribution; a plain number is a constant. Everything it can give lies in [min, max]. */
export function readDistribution(
  reader: Reader,
  value: unknown,
  path: string,
  rule: { readonly min: number; readonly max: number },
): Distribution {
  if (typeof value === 'number') return { type: 'constant', value: reader.number(value, path, rule) };
  const content = typeof value === 'object' && value !== null ? value : {};
  const type = reader.oneOf(Reflect.get(content, 'type'), join(path, 'type'), [
    'constant',
    'uniform',
    'normal',
    'mixture',
  ]);
  const number = (key: string) => reader.number(Reflect.get(content, key), join(path, key), rule);
  const bounds = (): { low: number; high: number } => {
    const [low, high] = [number('low'), number('high')];
    if (high < low) reader.fail(join(path, 'high'), `must be at least low ${low}, is ${high}`);
    return { low, high };
  };
  switch (type) {
    case 'constant':
      reader.record(value, path, ['type', 'value']);
      return { type, value: number('value') };
    case 'uniform':
      reader.record(value, path, ['type', 'low', 'high']);
      return { type, ...bounds() };
    case 'normal': {
      const record = reader.record(value, path, ['type', 'mean', 'deviation', 'low', 'high']);
      const deviation = reader.number(record['deviation'], join(path, 'deviation'), { min: 0, max: 1e6 });
      return { type, mean: number('mean'), deviation, ...bounds() };
    }
    case 'mixture': {
      const record = reader.record(value, path, ['type', 'parts']);
      const parts = reader.list(record['parts'], join(path, 'parts'), (item, at) => {
        const part = reader.record(item, at, ['weight', 'of']);
        return {
          weight: reader.number(part['weight'], join(at, 'weight'), { min: 0, aboveMin: true, max: 1e6 }),
          of: readDistribution(reader, part['of'], join(at, 'of'), rule),
        };
      });
      if (parts.length === 0) reader.fail(join(path, 'parts'), 'must not be empty');
      return { type, parts };
    }
    default:
      return assertNever(type);
  }
}
