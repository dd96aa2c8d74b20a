import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type ComparedStrategy, type Comparison, compareStrategies } from '../../compare/compare.ts';
import { drawComparison } from '../../figures/comparison-figure.ts';
import { drawDepot } from '../../figures/depot-figure.ts';
import { trajectoryOfPlan } from '../../figures/trajectory.ts';
import { compileProblem } from '../../model/compile-problem.ts';
import type { Problem } from '../../model/problem.ts';
import type { Scenario } from '../../model/scenario.ts';
import { openWorkerSolver } from '../../planning/worker-solver.ts';
import { PlanningFailed } from '../../strategies/planning.ts';
import type { StrategyName } from '../../strategies/registry.ts';
import { type OutputFormat, strategyList, strategyNames } from '../arguments.ts';
import { Progress } from '../progress.ts';
import { readScenario, remarkUnannounced } from '../scenario-file.ts';
import { failure, prepareDirectory, type Session, writeText } from '../session.ts';
import { figuresOption, outputOption, seedOption } from '../shared-options.ts';
import { left, right, table } from '../table.ts';

interface CompareFlags {
  readonly strategies: readonly StrategyName[];
  readonly figures?: string;
  readonly output: OutputFormat;
  readonly seed: string;
}

export function addCompareCommand(program: Command, session: Session): void {
  program
    .command('compare <scenario>')
    .description('Run every strategy on the same scenario, side by side with the optimum')
    .addOption(
      new Option('--strategies <NAMES>', `Some of ${strategyNames.join(', ')}, separated by commas`)
        .argParser(strategyList)
        .default(strategyNames, 'all'),
    )
    .addOption(figuresOption())
    .addOption(outputOption())
    .addOption(seedOption('strategies that draw at random'))
    .addHelpText(
      'after',
      `
Examples:
  npm run depot -- compare scenario.json
  npm run depot -- compare scenario.json --strategies planning,fcfs,edf --figures figures

The optimum knows the whole future and neglects minimum powers: nobody can meet more demand, and at the same demand
nobody can be cheaper. ENERGY, UNMET, COST, PEAK, CYCLED and TIME are ratios to it. Negative prices and V2X windows can make it hard to find; where
it is not proved in time, a line below the table says how far it may be from the least possible. The row "none" charges
everybody at once with full power; if that overloads no step, the depot needs no load management.`,
    )
    .action(async (path: string, flags: CompareFlags) => {
      const scenario = await readScenario(session, path);
      await prepareDirectory(session, flags.figures);
      const problem = compileProblem(scenario);
      const foreseen = compileProblem(scenario, { step: 0, foresight: true });
      remarkUnannounced(session, scenario, 'The optimum and "none" know them, the strategies do not.');
      const comparison = await compare(problem, foreseen, flags, session);
      session.stdout.write(
        flags.output === 'json'
          ? `${JSON.stringify(comparisonJson(scenario, comparison), undefined, 1)}\n`
          : comparisonTable(comparison),
      );
      if (flags.figures !== undefined) await writeComparison(session, flags.figures, scenario, comparison);
      const failed = comparison.failed.map(
        ({ name, detail }) => `${name} made no plan and is left out: ${detail}`,
      );
      if (failed.length > 0) throw failure(failed.join('\n'));
    });
}

async function compare(
  problem: Problem,
  foreseen: Problem,
  flags: CompareFlags,
  session: Session,
): Promise<Comparison> {
  const progress = new Progress(session.stderr);
  const solver = openWorkerSolver();
  try {
    return await compareStrategies(problem, {
      names: flags.strategies,
      foreseen,
      solver,
      seed: flags.seed,
      onProgress: (name, done, of) => progress.show(`comparing, now ${name}`, done / of),
    });
  } catch (error) {
    if (error instanceof PlanningFailed) throw failure(`${error.message} Nothing was compared.`);
    throw error;
  } finally {
    progress.end();
    await solver.close();
  }
}

function comparisonTable({ optimum, optimumGapEur, strategies, unmanaged }: Comparison): string {
  const rows = [optimum, ...strategies, unmanaged].map((compared) => {
    const { measures, runMs } = compared;
    const ratios = ratiosTo(optimum, compared);
    return [
      compared.name,
      measures.deliveredKwh.toFixed(1),
      shown(ratios.energyRatio),
      measures.unmetKwh.toFixed(1),
      shown(ratios.unmetRatio),
      String(measures.unmetVehicles),
      measures.costEur.toFixed(2),
      shown(ratios.costRatio),
      measures.peakKw.toFixed(1),
      shown(ratios.peakRatio),
      measures.cycledKwh.toFixed(1),
      shown(ratios.cycledRatio),
      String(measures.overloadedSteps),
      runMs.toFixed(0),
      shown(ratios.runRatio),
    ];
  });
  const compared = table(
    [
      left('STRATEGY'),
      right('KWH'),
      right('ENERGY'),
      right('UNMET KWH'),
      right('UNMET'),
      right('VEHICLES'),
      right('COST EUR'),
      right('COST'),
      right('PEAK KW'),
      right('PEAK'),
      right('CYCLED KWH'),
      right('CYCLED'),
      right('OVERLOADS'),
      right('MS'),
      right('TIME'),
    ],
    rows,
  );
  return `${compared}\n${proof(optimum, optimumGapEur)}\n`;
}

function proof({ measures }: ComparedStrategy, gapEur: number): string {
  if (gapEur === 0) return 'The optimum is proved.';
  const share = measures.costEur > 0 ? ` (${((100 * gapEur) / measures.costEur).toFixed(2)} %)` : '';
  return `The optimum is the best known plan; at most ${gapEur.toFixed(2)} EUR${share} could be saved beyond it.`;
}

interface Ratios {
  readonly energyRatio: number | null;
  readonly unmetRatio: number | null;
  readonly costRatio: number | null;
  readonly peakRatio: number | null;
  readonly cycledRatio: number | null;
  readonly runRatio: number | null;
}

function ratiosTo(optimum: ComparedStrategy, { measures, runMs }: ComparedStrategy): Ratios {
  const best = optimum.measures;
  return {
    energyRatio: ratio(measures.deliveredKwh, best.deliveredKwh),
    unmetRatio: ratio(measures.unmetKwh, best.unmetKwh),
    costRatio: ratio(measures.costEur, best.costEur),
    peakRatio: ratio(measures.peakKw, best.peakKw),
    cycledRatio: ratio(measures.cycledKwh, best.cycledKwh),
    runRatio: ratio(runMs, optimum.runMs),
  };
}

/** A ratio to something that is not above 0 says nothing. */
function ratio(value: number, reference: number): number | null {
  return reference > 1e-6 ? value / reference : null;
}

const shown = (value: number | null): string => value?.toFixed(3) ?? '-';

function comparisonJson(scenario: Scenario, comparison: Comparison): object {
  const { optimum, optimumGapEur, strategies, unmanaged, failed } = comparison;
  const plain = (compared: ComparedStrategy): object => ({
    name: compared.name,
    summary: compared.summary,
    ...compared.measures,
    ...ratiosTo(optimum, compared),
    runMs: compared.runMs,
  });
  return {
    format: 'quorate-depot-comparison/1',
    scenario: scenario.name,
    optimum: { ...plain(optimum), gapEur: optimumGapEur },
    strategies: strategies.map(plain),
    none: plain(unmanaged),
    failed,
  };
}

async function writeComparison(
  session: Session,
  directory: string,
  scenario: Scenario,
  comparison: Comparison,
): Promise<void> {
  await writeText(session, join(directory, 'comparison.svg'), drawComparison(comparison, scenario.name));
  const plans = [comparison.optimum, ...comparison.strategies, comparison.unmanaged];
  for (const { name, plan, problem } of plans) {
    const drawing = drawDepot(trajectoryOfPlan(scenario, problem, plan));
    await writeText(session, join(directory, `power-${name}.svg`), drawing);
  }
  session.stderr.write(`${plans.length + 1} figures are in ${directory}, begin with comparison.svg.\n`);
}
