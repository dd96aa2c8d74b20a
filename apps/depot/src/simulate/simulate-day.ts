import { assert, present } from '../../../../src/core/assert.ts';
import { Random } from '../../../../src/core/random.ts';
import type { Scenario } from '../model/scenario.ts';
import type { LpSolver } from '../planning/solver.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { Depot } from './depot.ts';
import { Replanner } from './replanner.ts';
import type { SimulatedDay, Trigger } from './simulated-day.ts';
import { timelineOf } from './timeline.ts';
import type { UndeclaredTaper } from './vehicle.ts';

export interface SimulationOptions {
  readonly strategy: Strategy;
  readonly solver: LpSolver;
  readonly seed: string;
  readonly replan: {
    /** Plans again after so many seconds without a plan; never, if left out. */
    readonly everyS?: number;
    readonly on: ReadonlySet<Trigger>;
  };
  /** Longest segment of constant power, s; vehicles are measured at least so often. */
  readonly tickS: number;
  /** Simulated seconds until plan number `index` is ready; 0 if left out. */
  readonly planLatencyS?: (index: number, random: Random) => number;
  /** A plan that takes longer is dropped; unlimited if left out. */
  readonly planDeadlineS?: number;
  /** Other strategies that take over during the day, in order of time. */
  readonly switches?: readonly StrategySwitch[];
  readonly undeclaredTaper?: UndeclaredTaper;
  readonly onProgress?: (nowS: number, plans: number) => void;
}

export interface StrategySwitch {
  /** Seconds after the scenario's start. */
  readonly atS: number;
  readonly strategy: Strategy;
}

/** Triggers that make a controller plan again: everything that changes what it knows. */
export const allTriggers: ReadonlySet<Trigger> = new Set([
  'arrival',
  'departure',
  'needs',
  'limit',
  'release',
  'prices',
]);

/**
 * Lets a day happen: vehicles come and go as the events say, limits and prices change unforeseen, and the strategy plans
 * again when it is told to. At every instant the set-points are made from the plan in force and checked against what is
 * true then. The same scenario, options and seed give the same day.
 */
export async function simulateDay(scenario: Scenario, options: SimulationOptions): Promise<SimulatedDay> {
  const random = Random.fromSeed(options.seed);
  const timeline = timelineOf(scenario);
  const depot = new Depot(scenario, timeline, options.undeclaredTaper);
  const replanner = new Replanner(depot.network, {
    strategy: options.strategy,
    tools: { solver: options.solver, random: random.stream('strategy') },
    latencyS: options.planLatencyS ?? (() => 0),
    deadlineS: options.planDeadlineS ?? Number.POSITIVE_INFINITY,
  });
  const plans = { made: 0, late: 0, failed: 0 };
  const endS = scenario.steps * scenario.stepSeconds;
  try {
    let nowS = 0;
    // The instant itself, not the time passed: a difference of fractions may fall short of the interval for ever.
    let nextPlanS = 0;
    const waiting = [...(options.switches ?? [])];
    const everyS = options.replan.everyS ?? Number.POSITIVE_INFINITY;
    while (nowS < endS) {
      for (; (waiting[0]?.atS ?? Number.POSITIVE_INFINITY) <= nowS; waiting.shift()) {
        const { strategy } = present(waiting[0], 'a switch is due');
        replanner.use(strategy);
        depot.noteStrategy(nowS, strategy.name);
      }
      const triggers = depot.happen(nowS);
      const asked = triggers.some((trigger) => options.replan.on.has(trigger));
      if (nowS >= nextPlanS || asked) {
        replanner.request();
        nextPlanS = nowS + everyS;
      }
      const attempts = await replanner.advance(nowS, () => depot.known(nowS));
      for (const attempt of attempts) {
        plans[attempt.type] += 1;
        depot.note(nowS, attempt);
      }
      const instructions = await replanner.instructions(nowS, (process) => depot.energyOf(process));
      const nextS = Math.min(
        endS,
        nowS + options.tickS,
        timeline.nextChangeS(nowS),
        replanner.nextChangeS(nowS),
        nextPlanS,
        waiting[0]?.atS ?? Number.POSITIVE_INFINITY,
      );
      assert(nextS > nowS, `time passes at ${nowS} s`);
      depot.run(nowS, nextS, instructions);
      nowS = nextS;
      options.onProgress?.(nowS, plans.made);
    }
    depot.happen(endS);
    const names = [options.strategy, ...(options.switches ?? []).map(({ strategy }) => strategy)];
    return { strategy: names.map(({ name }) => name).join(', then '), ...depot.record(), plans };
  } finally {
    await replanner.close();
  }
}
