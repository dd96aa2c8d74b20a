import { equal } from './equal.ts';
import { evolutionary } from './evolutionary.ts';
import { byPriority, earliestDeadlineFirst, firstComeFirstServed, leastLaxityFirst } from './in-order.ts';
import { planning } from './planning.ts';
import { pvSurplus } from './pv-surplus.ts';
import { recedingHorizon } from './receding-horizon.ts';
import { roundRobin } from './round-robin.ts';
import type { Strategy } from './strategy.ts';

/** Every strategy with its defaults, by name. A strategy may remember things: make a new one for each depot. */
export const strategies = {
  planning: () => planning(),
  equal: () => equal(),
  'equal-prices': () => equal({ followPrices: true }),
  priority: byPriority,
  fcfs: firstComeFirstServed,
  edf: earliestDeadlineFirst,
  llf: leastLaxityFirst,
  'round-robin': roundRobin,
  evolutionary: () => evolutionary(),
  'receding-horizon': () => recedingHorizon(),
  'pv-surplus': () => pvSurplus(),
} as const satisfies Record<string, () => Strategy>;

export type StrategyName = keyof typeof strategies;

export function isStrategyName(name: string): name is StrategyName {
  return Object.hasOwn(strategies, name);
}
