import type { Command } from 'commander';
import { Random } from '../../../../../src/core/random.ts';
import { type Measures, measure } from '../../compare/measures.ts';
import { clockAt } from '../../figures/scale.ts';
import { trajectoryOfPlan } from '../../figures/trajectory.ts';
import { utilizationOfPlan } from '../../figures/utilization.ts';
import { compileProblem } from '../../model/compile-problem.ts';
import type { Plan } from '../../model/plan.ts';
import type { Problem } from '../../model/problem.ts';
import type { Scenario } from '../../model/scenario.ts';
import { openWorkerSolver } from '../../planning/worker-solver.ts';
import { PlanningFailed } from '../../strategies/planning.ts';
import { type StrategyName, strategies } from '../../strategies/registry.ts';
import { runStrategy } from '../../strategies/run.ts';
import type { OutputFormat } from '../arguments.ts';
import { topologyFigure, writeFigures } from '../figure-files.ts';
import { Progress } from '../progress.ts';
import { readScenario, remarkUnannounced } from '../scenario-file.ts';
import { failure, prepareDirectory, type Session } from '../session.ts';
import { figuresOption, outputOption, seedOption, strategyOption } from '../shared-options.ts';
import { left, right, table } from '../table.ts';

interface PlanFlags {
  readonly strategy: StrategyName;
  readonly figures?: string;
  readonly output: OutputFormat;
  readonly seed: string;
}

export function addPlanCommand(program: Command, session: Session): void {
  program
    .command('plan <scenario>')
    .description('Plan the power of every vehicle in every step of a scenario')
    .addOption(strategyOption())
    .addOption(figuresOption())
    .addOption(outputOption())
    .addOption(seedOption('strategies that draw at random'))
    .addHelpText(
      'after',
      `
Examples:
  npm run depot -- generate --seed 7 --vehicles 40 --out scenario.json
  npm run depot -- plan scenario.json --figures figures
  npm run depot -- plan scenario.json --strategy equal --output json > plan.json

A plan knows every stay that is announced at the start, and nothing of the scenario's events. Demand that cannot be met
is no error: the table names who lacks how much, and why. Planning beats the simple strategies where there are several
limits, changing prices, or vehicles that can give energy back.`,
    )
    .action(async (path: string, flags: PlanFlags) => {
      const scenario = await readScenario(session, path);
      await prepareDirectory(session, flags.figures);
      const problem = compileProblem(scenario);
      remarkUnannounced(session, scenario, '"simulate" lets them be announced, and come.');
      const startedAt = performance.now();
      const plan = await makePlan(problem, flags, session);
      const runMs = performance.now() - startedAt;
      const measures = measure(problem, plan);
      session.stdout.write(
        flags.output === 'json'
          ? `${JSON.stringify(planJson(scenario, problem, plan, measures, runMs), undefined, 1)}\n`
          : planTable(scenario, problem, plan, measures, runMs),
      );
      if (flags.figures === undefined) return;
      const trajectory = trajectoryOfPlan(scenario, problem, plan);
      const topology = topologyFigure(problem.network, utilizationOfPlan(problem, plan), {
        scenario: scenario.name,
        subject: plan.strategy,
      });
      await writeFigures(session, flags.figures, trajectory, topology);
    });
}

async function makePlan(problem: Problem, flags: PlanFlags, session: Session): Promise<Plan> {
  const progress = new Progress(session.stderr);
  const solver = openWorkerSolver();
  progress.show(flags.strategy, 0);
  try {
    return await runStrategy(problem, strategies[flags.strategy](), {
      solver,
      random: Random.fromSeed(flags.seed).stream(flags.strategy),
      onProgress: (phase, fraction) => progress.show(phase, fraction),
    });
  } catch (error) {
    if (error instanceof PlanningFailed) throw failure(`${error.message} No plan was made.`);
    throw error;
  } finally {
    progress.end();
    await solver.close();
  }
}

/** The format is described in docs/depot/formats.md. */
function planJson(
  scenario: Scenario,
  problem: Problem,
  plan: Plan,
  measures: Measures,
  runMs: number,
): object {
  return {
    format: 'quorate-depot-plan/1',
    scenario: scenario.name,
    strategy: plan.strategy,
    start: scenario.start,
    stepSeconds: plan.stepSeconds,
    measures,
    runMs,
    unmet: plan.unmet,
    processes: problem.processes.map((process) => ({
      id: process.id,
      evse: problem.network.nodes[process.evse]?.id,
      powerKw: Array.from(plan.powerKw[process.index] ?? []),
      energyKwh: Array.from(plan.energyKwh[process.index] ?? []),
    })),
    generation: problem.generation.map(({ id }, row) => ({ id, kw: Array.from(plan.pvKw[row] ?? []) })),
  };
}

function planTable(
  scenario: Scenario,
  problem: Problem,
  plan: Plan,
  measures: Measures,
  runMs: number,
): string {
  const reasons = new Map<string, string[]>();
  for (const { process, kwh, kind, reason } of plan.unmet) {
    const said = reasons.get(process) ?? [];
    reasons.set(process, [...said, `${kwh.toFixed(1)} kWh below its ${kind}: ${reason}`]);
  }
  const rows = problem.processes
    .toSorted((a, b) => a.arrivalS - b.arrivalS)
    .map((process) => {
      const power = Array.from(plan.powerKw[process.index] ?? []);
      const final = plan.energyKwh[process.index]?.at(-1) ?? process.initialKwh;
      return [
        process.id,
        problem.network.nodes[process.evse]?.id ?? '',
        clockAt(scenario.start, process.arrivalS),
        clockAt(scenario.start, process.departureS),
        process.initialKwh.toFixed(1),
        process.targetKwh.toFixed(1),
        final.toFixed(1),
        (power.reduce((sum, kw) => sum + Math.max(0, -kw), 0) * problem.stepHours).toFixed(1),
        reasons.get(process.id)?.join('; ') ?? '',
      ];
    });
  const columns = [
    left('VEHICLE'),
    left('EVSE'),
    right('ARRIVES'),
    right('LEAVES'),
    right('WITH KWH'),
    right('TARGET'),
    right('REACHED'),
    right('GIVEN BACK'),
    left('UNMET'),
  ];
  return `${table(columns, rows)}\n${summary(plan, measures, runMs)}`;
}

function summary(plan: Plan, measures: Measures, runMs: number): string {
  const unmet =
    measures.unmetVehicles === 0
      ? 'every target met'
      : `${measures.unmetKwh.toFixed(1)} kWh unmet of ${measures.unmetVehicles} vehicles`;
  return [
    `${plan.strategy}: ${measures.deliveredKwh.toFixed(1)} kWh delivered, ${unmet}`,
    `cost ${measures.costEur.toFixed(2)} EUR, peak ${measures.peakKw.toFixed(1)} kW, ${measures.cycledKwh.toFixed(1)} kWh given back`,
    `${runMs.toFixed(0)} ms`,
    '',
  ].join('\n');
}
