import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Command } from 'commander';
import { Random } from '../../../../src/core/random.ts';
import { drawGrowth, type GrowthPoint } from '../figures/growth-figure.ts';
import { compileProblem } from '../model/compile-problem.ts';
import { FormerPlan } from '../planning/former-plan.ts';
import { openInlineSolver } from '../planning/highs.ts';
import { planDepot } from '../planning/planner.ts';
import type { LpSolver } from '../planning/solver.ts';
import { evolutionary } from '../strategies/evolutionary.ts';
import { runStrategy } from '../strategies/run.ts';
import { planCity } from './city.ts';
import { benchmarkDepot, cityDepotSizes, disturbed } from './depots.ts';
import { medianOf, type Time, timed } from './measure.ts';

interface Result extends Time {
  readonly series: 'plan' | 're-plan' | 'evolutionary' | 'city';
  readonly vehicles: number;
  /** What is promised, s. */
  readonly targetS: number | undefined;
}

const targets: Readonly<Record<string, number>> = {
  'plan 200': 1.5,
  're-plan 200': 0.5,
  'plan 1000': 15,
  're-plan 1000': 2,
  'city 5805': 60,
};

const result = (series: Result['series'], vehicles: number, time: Time): Result => ({
  series,
  vehicles,
  ...time,
  targetS: targets[`${series} ${vehicles}`],
});

async function planAndReplan(solver: LpSolver, vehicles: number): Promise<Result[]> {
  const runs = vehicles > 400 ? 1 : 3;
  const scenario = benchmarkDepot(vehicles, 'bench');
  const plan = await medianOf(runs, async () => planned(await planDepot(compileProblem(scenario), solver)));
  const changed = disturbed(scenario);
  const { warmStart, powerKw } = plan.value;
  const former = new FormerPlan(compileProblem(scenario), powerKw);
  const replan = await medianOf(runs, async () =>
    planned(await planDepot(compileProblem(changed), solver, { warmStart, former })),
  );
  return [result('plan', vehicles, plan.time), result('re-plan', vehicles, replan.time)];
}

function planned(outcome: Awaited<ReturnType<typeof planDepot>>) {
  if (outcome.type === 'failed') throw new Error(outcome.detail);
  return outcome.planned;
}

async function evolve(solver: LpSolver, vehicles: number): Promise<Result> {
  const problem = compileProblem(benchmarkDepot(vehicles, 'bench'));
  const tools = { solver, random: Random.fromSeed('bench') };
  const { time } = await timed(() => runStrategy(problem, evolutionary(), tools));
  return result('evolutionary', vehicles, time);
}

async function city(threads: number): Promise<Result> {
  const scenarios = cityDepotSizes().map((size, index) => benchmarkDepot(size, `city ${index}`));
  const { time } = await timed(() =>
    planCity(scenarios, threads, (done) => note(`city: ${done} of ${scenarios.length} depots`)),
  );
  return result('city', 5805, time);
}

const note = (text: string): boolean => process.stderr.write(`${text}\n`);

function describe({ series, vehicles, wallS, cpuS, targetS }: Result): string {
  const seconds = (value: number): string => value.toFixed(2).padStart(9);
  const target = targetS === undefined ? '' : `  target ${targetS} s`;
  return `${series.padEnd(14)}${String(vehicles).padStart(6)} vehicles ${seconds(wallS)} s ${seconds(cpuS)} s CPU${target}`;
}

async function measureAll(options: {
  sizes: string;
  evolutionary: string;
  city: boolean;
  threads: string;
}): Promise<Result[]> {
  const solver = await openInlineSolver();
  const results: Result[] = [];
  const keep = (...more: Result[]): void => {
    results.push(...more);
    for (const each of more) process.stdout.write(`${describe(each)}\n`);
  };
  // The first solves run in code that is still being compiled.
  await planAndReplan(solver, 50);
  for (const size of numbers(options.sizes)) keep(...(await planAndReplan(solver, size)));
  for (const size of numbers(options.evolutionary)) keep(await evolve(solver, size));
  if (options.city) keep(await city(Number(options.threads)));
  return results;
}

const numbers = (list: string): number[] =>
  list
    .split(',')
    .filter((part) => part !== '')
    .map(Number);

const program = new Command('bench:depot')
  .description('How long plans take: two linear programs and the rounding to minimum powers, over 96 steps.')
  .option('--sizes <LIST>', 'Vehicles of the depots to plan', '25,50,100,200,400,1000')
  .option('--evolutionary <LIST>', 'Vehicles of the depots for the evolutionary algorithm', '25,50,100,200')
  .option('--no-city', 'Leave out the city of 86 depots and 5,805 buses')
  .option('--threads <N>', 'Threads for the city', '2')
  .option('--figure <FILE>', 'Write the growth plot as SVG')
  .option('--json <FILE>', 'Write the results as JSON');
program.parse();
const options = program.opts<{
  sizes: string;
  evolutionary: string;
  city: boolean;
  threads: string;
  figure?: string;
  json?: string;
}>();
note(`Node.js ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}`);
const results = await measureAll(options);
const points = results
  .filter(({ series }) => series !== 'city')
  .map(({ series, vehicles, cpuS }): GrowthPoint => ({ series, size: vehicles, seconds: cpuS }));
if (options.figure !== undefined) {
  const promised = results.flatMap(({ series, vehicles, targetS }) =>
    targetS === undefined || series === 'city'
      ? []
      : [{ label: `${series} ≤ ${targetS} s`, size: vehicles, seconds: targetS }],
  );
  const subtitle = 'Time on one core of a plan over 96 steps, whole topology, half of the vehicles with BPT';
  writeFileSync(options.figure, drawGrowth(points, { subtitle, sizeLabel: 'vehicles', targets: promised }));
}
if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
