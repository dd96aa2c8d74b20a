import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { Random } from '../../../../../src/core/random.ts';
import { generateScenario } from '../../generate/generate-scenario.ts';
import { importAcnData } from '../../generate/import/acn-data.ts';
import type { Imported } from '../../generate/import/imported.ts';
import { importPrices, importPv, type SeriesFile } from '../../generate/import/prices.ts';
import { importSpiceEv } from '../../generate/import/spice-ev.ts';
import { parseSpecification } from '../../generate/read-specification.ts';
import { defaultSpecification } from '../../generate/specification.ts';
import { limits } from '../../model/limits.ts';
import { describeFindings, parseScenario } from '../../model/parse-scenario.ts';
import type { Scenario } from '../../model/scenario.ts';
import { decimal, duration, wholeNumber } from '../arguments.ts';
import { failure, readJson, readText, type Session, usage, writeText } from '../session.ts';

interface GenerateFlags {
  readonly seed: string;
  readonly vehicles?: number;
  readonly specification?: string;
  readonly out?: string;
  readonly start?: string;
  readonly step?: number;
  readonly steps?: number;
  readonly acn?: string;
  readonly evseKw: number;
  readonly gridKw?: number;
  readonly departures: 'actual' | 'requested';
  readonly walkIn?: true;
  readonly spiceEv?: string;
  readonly connector?: string;
  readonly prices?: string;
  readonly priceColumn?: string;
  readonly fees: number;
  readonly pv?: string;
  readonly pvColumn?: string;
  readonly timeZone?: string;
}

const power = decimal(0, limits.powerKw);

export function addGenerateCommand(program: Command, session: Session): void {
  program
    .command('generate')
    .description('Make a scenario: drawn from a seed, or imported from real sessions, prices and PV')
    .addOption(new Option('--seed <TEXT>', 'The same seed gives the same scenario').default('1', '1'))
    .option('--vehicles <N>', 'Number of stays (default: 12)', wholeNumber(1, limits.processes))
    .option('--specification <FILE>', 'JSON that says how topology, stays and vehicles are drawn')
    .option('--out <FILE>', 'Write the scenario here instead of to stdout')
    .option('--start <TIME>', 'Instant of the first step, as 2025-06-10T12:00:00+02:00')
    .option('--step <TIME>', 'Length of a step, as 15m', duration)
    .option('--steps <N>', 'Number of steps', wholeNumber(1, limits.steps))
    .option('--acn <FILE>', 'Take the stays from sessions of ACN-Data (JSON)')
    .addOption(
      new Option('--evse-kw <KW>', 'Power of each EVSE of imported sessions')
        .argParser(power)
        .default(6.656, '6.656, 32 A at 208 V'),
    )
    .option('--grid-kw <KW>', 'Limit of the site of imported sessions (default: none)', power)
    .addOption(
      new Option(
        '--departures <WHICH>',
        'Plan with departures of imported sessions as they were, or as drivers said',
      )
        .choices(['actual', 'requested'])
        .default('actual', 'actual'),
    )
    .option('--walk-in', 'Imported sessions are unknown until they begin')
    .option('--spice-ev <FILE>', 'Take everything from a scenario of SpiceEV (JSON)')
    .option('--connector <NAME>', 'Only this grid connector of the SpiceEV scenario')
    .option('--prices <FILE>', 'Day-ahead prices, CSV of timestamp and EUR/MWh')
    .option('--price-column <NAME>', 'Header of the column with the prices (default: the second column)')
    .option('--fees <EUR>', 'Added to the price of what is imported, EUR/kWh', decimal(0, limits.price), 0)
    .option('--pv <FILE>', 'PV power at the grid connection, CSV of timestamp and kW')
    .option('--pv-column <NAME>', 'Header of the column with the power (default: the second column)')
    .option('--time-zone <ZONE>', 'Of timestamps in CSV files that have no offset, as Europe/Berlin')
    .addHelpText(
      'after',
      `
Examples:
  npm run depot -- generate --seed 7 --vehicles 40 --out scenario.json
  npm run depot -- generate --specification depot.json --seed 7 --out scenario.json
  npm run depot -- generate --acn sessions.json --grid-kw 50 --walk-in --out scenario.json
  npm run depot -- generate --vehicles 40 --start 2025-10-25T12:00:00+02:00 \\
    --prices prices.csv --time-zone Europe/Berlin --out scenario.json

Without a specification, buses come home in the evening and leave early, on a tree of bus bars whose grid connection has
25 kW for each EVSE; some surprises wait in the scenario's events for "simulate". All formats are described in
docs/depot/formats.md, small samples are in apps/depot/samples.`,
    )
    .action(async (flags: GenerateFlags, command: Command) => {
      checkUse(flags, command);
      const stays = await staysOf(flags, session);
      const scenario = await withSeries(stays, flags, session);
      const parsed = parseScenario(scenario);
      if (parsed.type === 'invalid') {
        throw failure(
          `The scenario would not be valid. Nothing was written.\n${describeFindings(parsed.findings)}`,
        );
      }
      const content = `${JSON.stringify(scenario, undefined, 1)}\n`;
      if (flags.out === undefined) {
        session.stdout.write(content);
        return;
      }
      await writeText(session, flags.out, content);
      session.stderr.write(
        `${flags.out}: ${scenario.processes.length} stays, ${scenario.topology.nodes.length} nodes, ${scenario.steps} steps of ${scenario.stepSeconds} s.\n`,
      );
    });
}

/** What an option is about: it says nothing, and would be passed over, where none of these is used. */
const about: Readonly<Record<string, readonly Use[]>> = {
  '--seed': ['drawn'],
  '--vehicles': ['drawn'],
  '--specification': ['drawn'],
  '--start': ['drawn', '--acn'],
  '--step': ['drawn', '--acn'],
  '--steps': ['drawn', '--acn'],
  '--evse-kw': ['--acn'],
  '--grid-kw': ['--acn'],
  '--departures': ['--acn'],
  '--walk-in': ['--acn'],
  '--connector': ['--spice-ev'],
  '--price-column': ['--prices'],
  '--fees': ['--prices'],
  '--pv-column': ['--pv'],
  '--time-zone': ['--prices', '--pv'],
};

type Use = 'drawn' | '--acn' | '--spice-ev' | '--prices' | '--pv';

function checkUse(flags: GenerateFlags, command: Command): void {
  if (flags.acn !== undefined && flags.spiceEv !== undefined) {
    throw usage('--acn and --spice-ev both say where the stays come from; give one of them.');
  }
  const used: Readonly<Record<Use, boolean>> = {
    drawn: flags.acn === undefined && flags.spiceEv === undefined,
    '--acn': flags.acn !== undefined,
    '--spice-ev': flags.spiceEv !== undefined,
    '--prices': flags.prices !== undefined,
    '--pv': flags.pv !== undefined,
  };
  for (const option of command.options) {
    const uses = about[option.long ?? ''];
    const given = command.getOptionValueSource(option.attributeName()) === 'cli';
    if (!given || uses === undefined || uses.some((use) => used[use])) continue;
    const where = uses.map((use) => (use === 'drawn' ? 'a scenario that is drawn' : use)).join(' or ');
    throw usage(`${option.long} is for ${where}, and would change nothing here; leave it out.`);
  }
}

async function staysOf(flags: GenerateFlags, session: Session): Promise<Scenario> {
  if (flags.acn !== undefined) return fromAcn(flags.acn, flags, session);
  if (flags.spiceEv !== undefined) return fromSpiceEv(flags.spiceEv, flags, session);
  return drawn(flags, session);
}

async function drawn(flags: GenerateFlags, session: Session): Promise<Scenario> {
  const { specification: file, vehicles, start, step, steps } = flags;
  const given: unknown = file === undefined ? {} : await readJson(session, file);
  const overrides = {
    ...(vehicles === undefined ? {} : { vehicles }),
    ...(start === undefined ? {} : { start }),
    ...(step === undefined ? {} : { stepSeconds: step }),
    ...(steps === undefined ? {} : { steps }),
  };
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given);
  const wanted: unknown = isObject ? { ...given, ...overrides } : given;
  const count: unknown = isObject ? Reflect.get(Object(wanted), 'vehicles') : undefined;
  // The default depot grows with the number of vehicles.
  const parsed = parseSpecification(wanted, defaultSpecification(typeof count === 'number' ? count : 12));
  if (parsed.type === 'invalid') {
    throw failure(`${file ?? 'The specification'} is not valid.\n${describeFindings(parsed.findings)}`);
  }
  const generated = generateScenario(parsed.specification, Random.fromSeed(flags.seed));
  if (generated.type === 'impossible') throw failure(generated.message);
  return generated.scenario;
}

async function fromAcn(file: string, flags: GenerateFlags, session: Session): Promise<Scenario> {
  const { start, step, steps, gridKw } = flags;
  return accepted(
    file,
    importAcnData(await readJson(session, file), {
      name: file,
      stepSeconds: step ?? 900,
      steps: steps ?? 96,
      evseKw: flags.evseKw,
      departure: flags.departures,
      announced: flags.walkIn === true ? 'at arrival' : 'ahead',
      ...(start === undefined ? {} : { start }),
      ...(gridKw === undefined ? {} : { gridKw }),
    }),
    session,
  );
}

async function fromSpiceEv(file: string, flags: GenerateFlags, session: Session): Promise<Scenario> {
  const beside = dirname(resolve(session.directory, file));
  return accepted(
    file,
    importSpiceEv(await readJson(session, file), {
      name: file,
      ...(flags.connector === undefined ? {} : { connector: flags.connector }),
      readFile: (name) => {
        const path = resolve(beside, name);
        return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
      },
    }),
    session,
  );
}

/** Prices and PV from files take the place of what the scenario has, or are added to it. */
async function withSeries(scenario: Scenario, flags: GenerateFlags, session: Session): Promise<Scenario> {
  let result = scenario;
  if (flags.prices !== undefined) {
    const source = await seriesFile(flags.prices, flags.priceColumn, flags, session);
    const prices = accepted(flags.prices, importPrices(source, scenario, flags.fees), session);
    // Changes of prices were drawn for the prices that are replaced.
    const events = (result.events ?? []).filter(({ type }) => type !== 'prices');
    result = { ...result, prices, events };
  }
  if (flags.pv !== undefined) {
    const source = await seriesFile(flags.pv, flags.pvColumn, flags, session);
    const kw = accepted(flags.pv, importPv(source, scenario), session);
    const grid = scenario.topology.nodes.find(({ type }) => type === 'grid')?.id ?? '';
    const others = (result.fixedPower ?? []).filter(({ type }) => type !== 'pv');
    result = { ...result, fixedPower: [...others, { type: 'pv', id: 'PV', node: grid, kw }] };
  }
  return result;
}

async function seriesFile(
  file: string,
  column: string | undefined,
  { timeZone }: GenerateFlags,
  session: Session,
): Promise<SeriesFile> {
  return {
    file,
    text: await readText(session, file),
    ...(timeZone === undefined ? {} : { zone: timeZone }),
    ...(column === undefined ? {} : { column }),
  };
}

function accepted<T>(file: string, imported: Imported<T>, session: Session): T {
  if (imported.type === 'invalid') {
    throw failure(`${file} cannot be imported.\n${describeFindings(imported.findings)}`);
  }
  for (const note of imported.notes) session.stderr.write(`${note}\n`);
  return imported.value;
}
