import { type Command, Option } from 'commander';
import { clockAt, firstAt } from '../../figures/scale.ts';
import { trajectoryOfDay } from '../../figures/trajectory.ts';
import type { Scenario } from '../../model/scenario.ts';
import { openWorkerSolver } from '../../planning/worker-solver.ts';
import { allTriggers, type StrategySwitch, simulateDay } from '../../simulate/simulate-day.ts';
import type { LogEntry, SimulatedDay, StayOutcome } from '../../simulate/simulated-day.ts';
import type { UndeclaredTaper } from '../../simulate/vehicle.ts';
import { type StrategyName, strategies } from '../../strategies/registry.ts';
import { compileNetwork } from '../../topology/network.ts';
import {
  type ClockSwitch,
  clockSwitch,
  duration,
  type OutputFormat,
  type Replan,
  replanPolicy,
  taper,
} from '../arguments.ts';
import { topologyFigure, writeFigures } from '../figure-files.ts';
import { Progress } from '../progress.ts';
import { readScenario } from '../scenario-file.ts';
import { type CommandFailure, failure, prepareDirectory, type Session, usage } from '../session.ts';
import { figuresOption, outputOption, seedOption, strategyOption } from '../shared-options.ts';
import { left, right, table } from '../table.ts';

interface SimulateFlags {
  readonly strategy: StrategyName;
  readonly replan: Replan;
  readonly switch: readonly ClockSwitch[];
  readonly tick: number;
  readonly planLatency?: number;
  readonly planDeadline?: number;
  readonly taper?: UndeclaredTaper;
  readonly figures?: string;
  readonly output: OutputFormat;
  readonly seed: string;
}

export function addSimulateCommand(program: Command, session: Session): void {
  program
    .command('simulate <scenario>')
    .description('Let a day happen: arrivals, early departures, limit cuts, price changes')
    .addOption(strategyOption())
    .addOption(
      new Option('--replan <WHEN>', 'Plan again after this time and at every event, only at events, or never')
        .argParser(replanPolicy)
        .default({ type: 'every', seconds: 300 } satisfies Replan, '5m'),
    )
    .addOption(
      new Option('--tick <TIME>', 'Vehicles are measured at least so often')
        .argParser(duration)
        .default(60, '60s'),
    )
    .addOption(
      new Option(
        '--switch <TIME=NAME>',
        'Another strategy from this time on, as 12:00=priority; may be repeated',
      )
        .argParser(clockSwitch)
        .default([], 'none'),
    )
    .option('--plan-latency <TIME>', 'Simulated time until a plan is ready', duration)
    .option('--plan-deadline <TIME>', 'A plan that takes longer is dropped', duration)
    .option('--taper <FROM:TO>', 'Vehicles take less near full without having said so, as 0.8:0.1', taper)
    .addOption(figuresOption())
    .addOption(outputOption())
    .addOption(seedOption('everything that is drawn at random'))
    .addHelpText(
      'after',
      `
Examples:
  npm run depot -- simulate scenario.json --strategy planning --replan 5m
  npm run depot -- simulate scenario.json --replan events --taper 0.8:0.1 --figures figures
  npm run depot -- simulate scenario.json --plan-latency 2m --replan 10m
  npm run depot -- simulate scenario.json --strategy equal --switch 22:00=planning

Vehicles come and go as the scenario's events say, not as announced; the strategy learns of an event when it happens.
Between plans, and when a plan is late or fails, the last one stays in force; its set-points are checked at every instant
against the limits of that instant, so a limit that is cut holds at once. Until the first plan is ready, everybody gets the
same percentage; if none ever is, as with a latency above the deadline, the exit code is 1. The same seed gives the same day.`,
    )
    .action(async (path: string, flags: SimulateFlags) => {
      const scenario = await readScenario(session, path);
      await prepareDirectory(session, flags.figures);
      const switches = switchesOf(scenario, flags.switch);
      const day = await simulate(scenario, flags, switches, session);
      session.stdout.write(
        flags.output === 'json' ? `${JSON.stringify(dayJson(scenario, day))}\n` : dayTable(scenario, day),
      );
      if (flags.figures !== undefined) {
        const topology = topologyFigure(compileNetwork(scenario.topology), day.utilization, {
          scenario: scenario.name,
          subject: `simulated day with ${day.strategy}`,
        });
        await writeFigures(session, flags.figures, trajectoryOfDay(scenario, day), topology);
      }
      if (day.plans.made === 0) throw withoutPlan(day);
    });
}

/** The day is shown all the same: it tells what the strategy equal made of it. */
function withoutPlan({ log, plans, strategy }: SimulatedDay): CommandFailure {
  const failed = log.find(({ type }) => type === 'failed')?.message;
  const late = 'all were late, --plan-latency is above --plan-deadline';
  const why = plans.late > 0 ? late : (failed ?? 'none was ready before the day ended');
  return failure(`Not one plan of ${strategy} was in force, everybody got the same percentage: ${why}`);
}

/** The format is described in docs/depot/formats.md. */
function dayJson(scenario: Scenario, day: SimulatedDay): object {
  const { utilization: _drawn, ...told } = day;
  return { format: 'quorate-depot-day/1', scenario: scenario.name, start: scenario.start, ...told };
}

/** A time of day is the first such instant of the scenario. */
function switchesOf(scenario: Scenario, wanted: readonly ClockSwitch[]): StrategySwitch[] {
  const endS = scenario.steps * scenario.stepSeconds;
  const switches = wanted.map(({ clock, name }) => {
    const atS = firstAt(scenario.start, clock);
    if (atS >= endS)
      throw usage(`--switch ${clock}=${name}: it is never ${clock} in the scenario. Nothing was done.`);
    return { atS, strategy: strategies[name]() };
  });
  return switches.sort((a, b) => a.atS - b.atS);
}

async function simulate(
  scenario: Scenario,
  flags: SimulateFlags,
  switches: readonly StrategySwitch[],
  session: Session,
): Promise<SimulatedDay> {
  const progress = new Progress(session.stderr);
  const solver = openWorkerSolver();
  const { replan, planLatency, planDeadline } = flags;
  const endS = scenario.steps * scenario.stepSeconds;
  try {
    return await simulateDay(scenario, {
      strategy: strategies[flags.strategy](),
      solver,
      seed: flags.seed,
      replan: {
        on: replan.type === 'never' ? new Set() : allTriggers,
        ...(replan.type === 'every' ? { everyS: replan.seconds } : {}),
      },
      tickS: flags.tick,
      switches,
      ...(planLatency === undefined ? {} : { planLatencyS: () => planLatency }),
      ...(planDeadline === undefined ? {} : { planDeadlineS: planDeadline }),
      ...(flags.taper === undefined ? {} : { undeclaredTaper: flags.taper }),
      onProgress: (nowS, plans) => progress.show(phase(scenario, nowS, plans, session), nowS / endS),
    });
  } finally {
    progress.end();
    await solver.close();
  }
}

/** The clock of the day runs only where the line can change. */
function phase(scenario: Scenario, nowS: number, plans: number, { stderr }: Session): string {
  return stderr.isTTY === true ? `${clockAt(scenario.start, nowS)}, ${plans} plans` : 'simulating';
}

function dayTable(scenario: Scenario, day: SimulatedDay): string {
  const log = story(day.log)
    .map(({ atS, message }) => `${clockAt(scenario.start, atS)}  ${message}\n`)
    .join('');
  const rows = day.stays
    .toSorted((a, b) => a.arrivalS - b.arrivalS)
    .map((stay) => [
      stay.process,
      clockAt(scenario.start, stay.arrivalS),
      clockAt(scenario.start, stay.departureS),
      stay.initialKwh.toFixed(1),
      stay.targetKwh.toFixed(1),
      stay.finalKwh.toFixed(1),
      remark(stay),
    ]);
  const columns = [
    left('VEHICLE'),
    right('CAME'),
    right('LEFT'),
    right('WITH KWH'),
    right('TARGET'),
    right('REACHED'),
    left('REMARK'),
  ];
  return `${log}\n${table(columns, rows)}\n${daySummary(day)}`;
}

/** Without the plans that were made; what went wrong with others again and again in the same way is told once. */
function story(log: readonly LogEntry[]): readonly Pick<LogEntry, 'atS' | 'message'>[] {
  const troubles = new Map<string, number>();
  for (const { type, message } of log)
    if (type === 'late' || type === 'failed') troubles.set(message, (troubles.get(message) ?? 0) + 1);
  const told = new Set<string>();
  return log.flatMap(({ type, atS, message }) => {
    if (type === 'plan' || told.has(message)) return [];
    const times = troubles.get(message) ?? 1;
    if (troubles.has(message)) told.add(message);
    return [{ atS, message: times === 1 ? message : `${message} (the first of ${times} times)` }];
  });
}

function remark({ targetKwh, finalKwh, early }: StayOutcome): string {
  const missing = targetKwh - finalKwh;
  if (missing <= 0.05) return early ? 'left early' : '';
  return `${missing.toFixed(1)} kWh short${early ? ', left early' : ''}`;
}

function daySummary(day: SimulatedDay): string {
  const short = day.stays.filter(({ targetKwh, finalKwh }) => targetKwh - finalKwh > 0.05);
  const missing = short.reduce((sum, { targetKwh, finalKwh }) => sum + targetKwh - finalKwh, 0);
  const { made, late, failed } = day.plans;
  const lines = [
    `${day.strategy}: ${day.stays.length - short.length} of ${day.stays.length} vehicles left with their target, ${missing.toFixed(1)} kWh missing`,
    `cost ${day.costEur.toFixed(2)} EUR, peak ${day.gridKw.reduce((most, kw) => Math.max(most, kw), 0).toFixed(1)} kW`,
    `${made} plans, ${late} late, ${failed} failed`,
    ...(day.missed.length === 0 ? [] : [`did not get an EVSE: ${day.missed.join(', ')}`]),
    ...(day.exceeded.length === 0
      ? ['no capacity was exceeded at any time']
      : day.exceeded.map(
          ({ node, kw, seconds }) =>
            `${node} carried ${Number(kw.toPrecision(2))} kW too much, ${seconds} s in all`,
        )),
  ];
  return lines.map((each) => `${each}\n`).join('');
}
