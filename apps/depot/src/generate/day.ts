import type { Random } from '../../../../src/core/random.ts';
import type { Prices } from '../model/scenario.ts';
import { unit } from './distribution.ts';
import type { PriceSpecification } from './specification.ts';

/** Hours of the local day at the middle of step `t`, in [0, 24), by the offset that `start` is written with. */
export function hourOfDay(start: string, stepSeconds: number, t: number): number {
  const clock = /T(\d{2}):(\d{2})/.exec(start);
  const first = Number(clock?.[1] ?? 0) + Number(clock?.[2] ?? 0) / 60;
  return (first + ((t + 0.5) * stepSeconds) / 3600) % 24;
}

/** What a day-ahead market mostly looks like: peaks in the morning and the evening, cheap at night and around noon. */
const shape: readonly (readonly [hour: number, level: number])[] = [
  [0, -0.35],
  [3, -0.5],
  [5, -0.3],
  [8, 0.8],
  [10, 0.1],
  [13, -0.9],
  [16, -0.2],
  [19, 1],
  [21, 0.5],
  [24, -0.35],
];

/** Prices for `steps` steps; each hour is off the usual shape by up to a fifth of the swing. */
export function dayAheadPrices(
  { meanEurPerKwh, swingEurPerKwh, feesEurPerKwh }: PriceSpecification,
  time: { readonly start: string; readonly stepSeconds: number; readonly steps: number },
  random: Random,
): Prices {
  const noise = new Map<number, number>();
  const market = Array.from({ length: time.steps }, (_, t) => {
    const hour = Math.floor((t * time.stepSeconds) / 3600);
    const off = noise.get(hour) ?? (unit(random) - 0.5) * 0.4;
    noise.set(hour, off);
    const level = interpolate(shape, hourOfDay(time.start, time.stepSeconds, t)) + off;
    return rounded(meanEurPerKwh + swingEurPerKwh * level, 4);
  });
  return {
    importEurPerKwh: market.map((price) => rounded(price + feesEurPerKwh, 4)),
    exportEurPerKwh: market,
  };
}

/** A clear summer day from 5 to 21 h with passing clouds, kW. */
export function pvDay(
  peakKw: number,
  time: { readonly start: string; readonly stepSeconds: number; readonly steps: number },
  random: Random,
): number[] {
  return Array.from({ length: time.steps }, (_, t) => {
    const fromNoon = (hourOfDay(time.start, time.stepSeconds, t) - 13) / 8;
    const clear = Math.max(0, 1 - fromNoon * fromNoon);
    return rounded(peakKw * clear * clear * (0.75 + 0.25 * unit(random)), 2);
  });
}

function interpolate(points: readonly (readonly [number, number])[], x: number): number {
  const after = points.findIndex(([at]) => at > x);
  const [x1, y1] = points[after] ?? [24, 0];
  const [x0, y0] = points[after - 1] ?? [0, 0];
  return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
