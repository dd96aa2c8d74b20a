import type { Random } from '../../../../src/core/random.ts';
import { compileProblem } from '../model/compile-problem.ts';
import type { PlannedProcess, Problem } from '../model/problem.ts';
import { equal } from '../strategies/equal.ts';
import { PlanningFailed } from '../strategies/planning.ts';
import type { StepLists, StepPolicy, Strategy, StrategyTools } from '../strategies/strategy.ts';
import type { Network } from '../topology/network.ts';
import type { Outlook } from './knowledge.ts';
import { shiftSteps } from './shift-steps.ts';

/** What a plan says about one process now: its place in the order, and a percentage of its maximum power (beyond ±100: all). */
export interface Instruction {
  readonly rank: number;
  readonly percent: number;
}

/** What the plan in force says about the present moment. */
export interface Instructions {
  readonly processes: ReadonlyMap<string, Instruction>;
  /** By row of generation, as in `StepLists`. */
  readonly generationCeilingKw?: ArrayLike<number>;
}

interface PolicyInForce {
  readonly problem: Problem;
  readonly policy: StepPolicy;
  /** Seconds after the scenario's start at which step 0 of the problem begins. */
  readonly offsetS: number;
  readonly realPower: Outlook['realPower'];
  step: number;
  lists: StepLists | undefined;
}

/** What is to be planned, and the measured levels of those who are here, kWh. */
export interface Known {
  readonly outlook: Outlook;
  readonly energyKwh: ReadonlyMap<string, number>;
}

export type PlanAttempt =
  | { readonly type: 'made' }
  | { readonly type: 'late' }
  | { readonly type: 'failed'; readonly detail: string };

export interface ReplannerOptions {
  readonly strategy: Strategy;
  readonly tools: StrategyTools;
  /** Simulated seconds until plan number `index` (from 0) is ready. */
  readonly latencyS: (index: number, random: Random) => number;
  /** A plan that takes longer is dropped. */
  readonly deadlineS: number;
}

/**
 * Keeps one plan in force and makes the next one. A plan takes simulated time; meanwhile, and when it fails or is late,
 * the one before stays in force; until there is a first one, everybody gets the same percentage. Requests that come while a plan is being made are answered by one plan after it.
 */
export class Replanner {
  readonly #options: ReplannerOptions;
  readonly #network: Network;
  #inForce: PolicyInForce | undefined;
  #underWay: { readonly readyS: number; readonly next: PolicyInForce | undefined } | undefined;
  #strategy: Strategy;
  #hasPlan = false;
  #requested = false;
  #attempts = 0;

  constructor(network: Network, options: ReplannerOptions) {
    this.#network = network;
    this.#options = options;
    this.#strategy = options.strategy;
  }

  /** From the next plan on. What is in force stays so until that one is ready. */
  use(strategy: Strategy): void {
    this.#strategy = strategy;
    this.#requested = true;
  }

  request(): void {
    this.#requested = true;
  }

  /** The next instant after `nowS` at which this changes what is in force: a plan gets ready, or a step of it ends. */
  nextChangeS(nowS: number): number {
    const ready = this.#underWay?.readyS ?? Number.POSITIVE_INFINITY;
    if (this.#inForce === undefined) return ready;
    const { offsetS, problem } = this.#inForce;
    const stepEnd = offsetS + (stepAt(nowS, offsetS, problem) + 1) * problem.stepSeconds;
    return Math.min(ready, stepEnd, nextPulseEnd(this.#inForce, nowS));
  }

  /**
   * Puts a plan in force that is ready at `nowS`, and begins another one if that was requested. `known` is asked
   * only then.
   */
  async advance(nowS: number, known: () => Known): Promise<PlanAttempt[]> {
    const asked = this.#requested;
    const outcomes = await this.#pursue(nowS, known);
    if (asked && !this.#hasPlan) await this.#fallBack(nowS, known());
    return outcomes;
  }

  async #pursue(nowS: number, known: () => Known): Promise<PlanAttempt[]> {
    const outcomes: PlanAttempt[] = [];
    for (;;) {
      if (this.#underWay !== undefined) {
        if (this.#underWay.readyS > nowS) return outcomes;
        outcomes.push(await this.#finish(this.#underWay.next));
        this.#underWay = undefined;
      }
      if (!this.#requested) return outcomes;
      this.#requested = false;
      const failure = await this.#begin(nowS, known());
      if (failure !== undefined) outcomes.push(failure);
    }
  }

  /** What the plan in force wants of each process of its problem; nothing without a plan. */
  async instructions(nowS: number, energyOf: (process: string) => number | undefined): Promise<Instructions> {
    const processes = new Map<string, Instruction>();
    const current = this.#inForce;
    if (current === undefined) return { processes };
    const { problem, policy, offsetS } = current;
    const step = stepAt(nowS, offsetS, problem);
    if (step >= problem.steps) return { processes };
    if (current.lists === undefined || current.step !== step) {
      const energyKwh = Float64Array.from(
        problem.processes,
        ({ id, initialKwh }) => energyOf(id) ?? initialKwh,
      );
      current.lists = await policy.listsFor({ step, energyKwh });
      current.step = step;
    }
    const { executionPriority, percentOfMaximum, generationCeilingKw } = current.lists;
    for (const [rank, index] of executionPriority.entries()) {
      const process = problem.processes[index];
      if (process === undefined) continue;
      const percent = pulsed(process, percentOfMaximum[index] ?? 0, nowS, current);
      processes.set(process.id, { rank, percent });
    }
    return { processes, ...(generationCeilingKw === undefined ? {} : { generationCeilingKw }) };
  }

  async close(): Promise<void> {
    await this.#inForce?.policy.close?.();
    await this.#underWay?.next?.policy.close?.();
  }

  /** Needs no solver and no time, and knows only who is here: what there is when no plan was ever made. */
  async #fallBack(nowS: number, known: Known): Promise<void> {
    this.#inForce = await this.#prepare(equal(), nowS, known);
  }

  async #begin(nowS: number, known: Known): Promise<PlanAttempt | undefined> {
    const { tools, latencyS, deadlineS } = this.#options;
    const latency = latencyS(this.#attempts++, tools.random);
    if (latency > deadlineS) {
      this.#underWay = { readyS: nowS + deadlineS, next: undefined };
      return undefined;
    }
    try {
      this.#underWay = { readyS: nowS + latency, next: await this.#prepare(this.#strategy, nowS, known) };
      return undefined;
    } catch (error) {
      // Other errors are mistakes of ours and must not be taken for a plan that could not be made.
      if (!(error instanceof PlanningFailed)) throw error;
      return { type: 'failed', detail: error.message };
    }
  }

  async #prepare(strategy: Strategy, nowS: number, { outlook, energyKwh }: Known): Promise<PolicyInForce> {
    const { scenario, realPower } = outlook;
    const step = Math.floor(nowS / scenario.stepSeconds + 1e-9);
    const offsetS = Math.max(0, nowS - step * scenario.stepSeconds);
    const problem = compileProblem(shiftSteps(scenario, offsetS), { step, energyKwh }, this.#network);
    const policy = await strategy.prepare(problem, this.#options.tools);
    return { problem, policy, offsetS, realPower, step: -1, lists: undefined };
  }

  async #finish(next: PolicyInForce | undefined): Promise<PlanAttempt> {
    if (next === undefined) return { type: 'late' };
    await this.#inForce?.policy.close?.();
    this.#inForce = next;
    this.#hasPlan = true;
    return { type: 'made' };
  }
}

/** The step of the problem that covers `nowS`; the instant of a boundary belongs to the step after it. */
function stepAt(nowS: number, offsetS: number, { stepSeconds }: Problem): number {
  return Math.floor((nowS - offsetS) / stepSeconds + 1e-9);
}

/**
 * A mean power below what the vehicle takes at all becomes its minimum power for a part of the step: until then, the
 * percentage of that power, and nothing after it.
 */
function pulsed(process: PlannedProcess, percent: number, nowS: number, current: PolicyInForce): number {
  const endS = pulseEndS(process, percent, current);
  if (endS === undefined) return percent;
  const real = current.realPower.get(process.id);
  if (real === undefined || nowS >= endS - 1e-6) return 0;
  return (100 * real.minimumChargeKw) / real.maximumChargeKw;
}

/** When a pulse that begins with the present step ends; undefined where none is needed. */
function pulseEndS(
  process: PlannedProcess,
  percent: number,
  { problem, offsetS, step, realPower }: PolicyInForce,
): number | undefined {
  const real = realPower.get(process.id);
  if (real === undefined || percent <= 0) return undefined;
  if ((percent / 100) * real.maximumChargeKw >= real.minimumChargeKw - 1e-9) return undefined;
  const part = ((percent / 100) * process.maximumChargeKw) / real.minimumChargeKw;
  return offsetS + (step + part) * problem.stepSeconds;
}

function nextPulseEnd(current: PolicyInForce, nowS: number): number {
  let next = Number.POSITIVE_INFINITY;
  for (const id of current.realPower.keys()) {
    const process = current.problem.processes.find((each) => each.id === id);
    const percent = current.lists?.percentOfMaximum[process?.index ?? -1] ?? 0;
    const endS = process === undefined ? undefined : pulseEndS(process, percent, current);
    if (endS !== undefined && endS > nowS + 1e-6) next = Math.min(next, endS);
  }
  return next;
}
