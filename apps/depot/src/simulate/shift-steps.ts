import type { FixedPower, Scenario } from '../model/scenario.ts';

/**
 * The same scenario on steps that begin `offsetS` later, less than a step, so that a plan can begin at any instant. Prices
 * become means over the new steps; of what is promised and of what is generated the worse of both old steps is taken.
 * After the end, the last step goes on. Limits, stays and their numbers of seconds move along.
 */
export function shiftSteps(scenario: Scenario, offsetS: number): Scenario {
  if (offsetS === 0) return scenario;
  const { prices, fixedPower, limits, processes, start, stepSeconds } = scenario;
  const part = offsetS / stepSeconds;
  const paired = (values: readonly number[], combine: (now: number, next: number) => number): number[] =>
    values.map((value, step) => combine(value, values[step + 1] ?? value));
  const mean = (values: readonly number[]): number[] =>
    paired(values, (now, next) => now * (1 - part) + next * part);
  const worse = (power: FixedPower): FixedPower => ({
    ...power,
    kw: paired(power.kw, power.type === 'load' ? Math.max : Math.min),
  });
  return {
    ...scenario,
    start: new Date(Date.parse(start) + offsetS * 1000).toISOString(),
    processes: processes.map((process) => ({
      ...process,
      arrivalS: process.arrivalS - offsetS,
      departureS: process.departureS - offsetS,
      ...(process.announcedS === undefined ? {} : { announcedS: process.announcedS - offsetS }),
    })),
    ...(prices === undefined
      ? {}
      : {
          prices: {
            importEurPerKwh: mean(prices.importEurPerKwh),
            exportEurPerKwh: mean(prices.exportEurPerKwh),
          },
        }),
    ...(fixedPower === undefined ? {} : { fixedPower: fixedPower.map(worse) }),
    ...(limits === undefined
      ? {}
      : {
          limits: limits.map((limit) => ({
            ...limit,
            fromS: limit.fromS - offsetS,
            toS: limit.toS - offsetS,
          })),
        }),
  };
}
