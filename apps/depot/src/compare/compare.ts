import { Random } from '../../../../src/core/random.ts';
import type { Plan } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { energyAfter } from '../physics/battery.ts';
import { penalties } from '../planning/objective.ts';
import { offlineOptimum } from '../planning/optimum.ts';
import type { LpSolver } from '../planning/solver.ts';
import { withoutManagement } from '../strategies/no-management.ts';
import { PlanningFailed } from '../strategies/planning.ts';
import { type StrategyName, strategies } from '../strategies/registry.ts';
import { runStrategy, unmetDemand } from '../strategies/run.ts';
import type { Strategy } from '../strategies/strategy.ts';
import { type Measures, measure } from './measures.ts';

export interface ComparedStrategy {
  readonly name: string;
  readonly summary: string;
  readonly measures: Measures;
  /** Wall-clock time for the whole plan, ms. */
  readonly runMs: number;
  readonly plan: Plan;
  /** What was planned for: the optimum and "none" know stays that are announced later as well. */
  readonly problem: Problem;
}

/** A strategy that could not make a plan, and why. */
export interface FailedStrategy {
  readonly name: string;
  readonly detail: string;
}

export interface Comparison {
  /** The best that anybody could do who knows the whole future. */
  readonly optimum: ComparedStrategy;
  /** EUR by which the optimum may still be above the least possible, unmet demand at its penalty; 0 where it is proved. */
  readonly optimumGapEur: number;
  /** Charging at once with full power: what it costs, and what it would overload. */
  readonly unmanaged: ComparedStrategy;
  readonly strategies: readonly ComparedStrategy[];
  readonly failed: readonly FailedStrategy[];
}

export interface CompareOptions {
  readonly names: readonly StrategyName[];
  readonly solver: LpSolver;
  readonly seed: string;
  /** For each program of the optimum, s; 30 if left out. */
  readonly optimumTimeLimitS?: number;
  /** The problem with everybody who will come; left out: everybody is announced at the start. */
  readonly foreseen?: Problem;
  readonly onProgress?: (name: string, done: number, of: number) => void;
}

/** Every strategy on the same problem; a strategy that fails does not keep the others from being compared. */
export async function compareStrategies(problem: Problem, options: CompareOptions): Promise<Comparison> {
  const { names, solver, seed, onProgress, foreseen = problem } = options;
  const total = names.length + 1;
  const compared: ComparedStrategy[] = [];
  const failed: FailedStrategy[] = [];
  onProgress?.('optimum', 0, total);
  let optimumGapEur = 0;
  const optimum = await timed(foreseen, optimumSubject, async () => {
    const best = await optimumPlan(foreseen, solver, options.optimumTimeLimitS);
    optimumGapEur = best.gapEur;
    return best.plan;
  });
  for (const [position, name] of names.entries()) {
    onProgress?.(name, position + 1, total);
    const strategy = strategies[name]();
    try {
      compared.push(await timed(problem, strategy, (each) => run(problem, each, solver, seed)));
    } catch (error) {
      if (!(error instanceof PlanningFailed)) throw error;
      failed.push({ name, detail: error.message });
    }
  }
  const unmanaged = await timed(foreseen, noManagement, async () => withoutManagement(foreseen));
  return { optimum, optimumGapEur, unmanaged, strategies: compared, failed };
}

const noManagement = {
  name: 'none',
  summary: 'Everybody charges at once with full power, whatever the limits.',
};

const optimumSubject = {
  name: 'optimum',
  summary: 'The least cost at the least unmet demand, with the whole future known.',
};

/** As the program found it: carried out step by step, it would be held to the minimum powers that it may neglect. */
async function optimumPlan(
  problem: Problem,
  solver: LpSolver,
  timeLimitS: number | undefined,
): Promise<{ plan: Plan; gapEur: number }> {
  const result = await offlineOptimum(problem, solver, timeLimitS === undefined ? {} : { timeLimitS });
  if (result.type === 'failed') throw new PlanningFailed(`No optimum for ${problem.name}: ${result.detail}.`);
  const { powerKw, pvKw, objective } = result.planned;
  const energyKwh = problem.processes.map((process) => {
    const levels = new Float64Array(problem.steps + 1).fill(process.initialKwh);
    for (let step = problem.firstStep; step < problem.steps; step++) {
      const kw = powerKw[process.index]?.[step] ?? 0;
      levels[step + 1] = energyAfter(process, levels[step] ?? 0, kw, problem.stepHours);
    }
    return levels;
  });
  const plan: Plan = {
    strategy: optimumSubject.name,
    processIds: problem.processes.map(({ id }) => id),
    stepSeconds: problem.stepSeconds,
    powerKw,
    energyKwh,
    pvKw,
    unmet: problem.processes.flatMap((process) =>
      unmetDemand(problem, process, energyKwh[process.index]?.at(-1) ?? process.initialKwh),
    ),
    objective,
  };
  const { proof } = result;
  if (proof.type === 'proved') return { plan, gapEur: 0 };
  const { costEur, unmetKwh } = measure(problem, plan);
  return { plan, gapEur: Math.max(0, costEur + penalties(problem).target * unmetKwh - proof.boundEur) };
}

/** Each strategy draws from a stream of its own, so that it behaves the same whoever else is compared. */
function run(problem: Problem, strategy: Strategy, solver: LpSolver, seed: string): Promise<Plan> {
  return runStrategy(problem, strategy, { solver, random: Random.fromSeed(seed).stream(strategy.name) });
}

async function timed<T extends { readonly name: string; readonly summary: string }>(
  problem: Problem,
  subject: T,
  plan: (subject: T) => Promise<Plan>,
): Promise<ComparedStrategy> {
  const startedAt = performance.now();
  const made = await plan(subject);
  const runMs = performance.now() - startedAt;
  const { name, summary } = subject;
  return { name, summary, measures: measure(problem, made), runMs, plan: made, problem };
}
