import { protocols } from '../protocols/registry.ts';
import { describeOptions, type WorldOverrides } from './options.ts';
import { exitCodeOf, type simulate, simulationExitCodes } from './simulate.ts';
import type { WorldReport } from './world.ts';

export interface RunnerDependencies {
  /** One line each. */
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  /** Real milliseconds; only for telling how fast it went. */
  readonly elapsedMs: () => number;
  readonly simulate: typeof simulate;
}

interface Arguments {
  readonly first: number;
  readonly last: number;
  readonly verbose: boolean;
  readonly overrides: WorldOverrides;
}

export const usage = `Usage: npm run sim -- [--seed N | --seeds A..B] [--protocol NAME] [--replicas N] [--minutes M] [--verbose]

Runs one simulated cluster for each seed: faults first, then everything is healed and must go on. Stops at the first
seed that fails and prints the command that replays it.

  --seed N        one world (0 unless told)
  --seeds A..B    all worlds from A to B
  --protocol NAME one of: ${[...protocols.keys()].join(', ')}
  --replicas N    1 to 9; drawn from the seed unless told
  --minutes M     simulated minutes with faults in each world; 10 seconds unless told
  --verbose       print every event

Exit codes: 0 good, 2 usage, 10 a replica crashed, 11 no progress without faults, 12 a promise was broken.`;

/** The simulator as a command. Returns the exit code. */
export function runSimulator(
  argv: readonly string[],
  { out, error, elapsedMs, simulate }: RunnerDependencies,
): number {
  if (argv.includes('--help')) {
    out(usage);
    return simulationExitCodes.good;
  }
  const parsed = parse(argv);
  if (typeof parsed === 'string') {
    error(`${parsed}\n\n${usage}`);
    return simulationExitCodes.usage;
  }
  const began = elapsedMs();
  let events = 0;
  let simulatedMs = 0;
  for (let seed = parsed.first; seed <= parsed.last; seed++) {
    const report = simulate(seed, parsed.overrides, parsed.verbose ? { print: out } : {});
    events += report.events;
    simulatedMs += report.simulatedMs;
    out(describeReport(report));
    if (report.violation === undefined) continue;
    error(describeFailure(report, parsed.overrides));
    return exitCodeOf(report.violation);
  }
  const seconds = Math.max(1, elapsedMs() - began) / 1000;
  const worlds = parsed.last - parsed.first + 1;
  out(
    `${worlds} worlds good: ${(simulatedMs / 1000).toFixed(0)} simulated seconds and ${events} events in ` +
      `${seconds.toFixed(1)} s, ${Math.round(events / seconds)} events/s`,
  );
  return simulationExitCodes.good;
}

function describeReport(report: WorldReport): string {
  const { options, operations, events, decided, hash, simulatedMs, faults } = report;
  const struck = [...faults].map(([kind, count]) => `${kind} ${count}`).join(', ') || 'none';
  return (
    `seed ${options.seed}: ${report.violation?.type ?? 'good'}, hash ${hash}, ${(simulatedMs / 1000).toFixed(1)} s, ${events} events, ` +
    `${decided} entries, ${operations.done} done, ${operations.refused} refused, ${operations.unknown} unknown; faults: ${struck}`
  );
}

function describeFailure({ options, violation }: WorldReport, overrides: WorldOverrides): string {
  const flags = [
    overrides.protocol === undefined ? '' : ` --protocol ${overrides.protocol}`,
    overrides.replicas === undefined ? '' : ` --replicas ${overrides.replicas}`,
    overrides.faultMs === undefined ? '' : ` --minutes ${overrides.faultMs / 60_000}`,
  ].join('');
  return [
    `seed ${options.seed} failed: ${violation?.property}`,
    violation?.detail ?? '',
    `the world: ${describeOptions(options)}`,
    `replay: npm run sim -- --seed ${options.seed}${flags} --verbose`,
  ].join('\n');
}

function parse(argv: readonly string[]): Arguments | string {
  const overrides: { protocol?: string; replicas?: number; faultMs?: number } = {};
  let [first, last, verbose] = [0, 0, false];
  for (let at = 0; at < argv.length; at++) {
    const flag = argv[at];
    if (flag === '--verbose') {
      verbose = true;
      continue;
    }
    const value = argv[++at];
    if (value === undefined) return `${flag} needs a value`;
    switch (flag) {
      case '--seed':
      case '--seeds': {
        const range = /^(\d{1,15})(?:\.\.(\d{1,15}))?$/.exec(value);
        if (range === null) return `${flag} ${value}: a number, or two as in 1..200`;
        first = Number(range[1]);
        last = Number(range[2] ?? range[1]);
        if (last < first) return `${flag} ${value}: the second number is below the first`;
        break;
      }
      case '--protocol':
        if (!protocols.has(value))
          return `--protocol ${value}: not one of ${[...protocols.keys()].join(', ')}`;
        overrides.protocol = value;
        break;
      case '--replicas':
        if (!/^[1-9]$/.test(value)) return `--replicas ${value}: a number from 1 to 9`;
        overrides.replicas = Number(value);
        break;
      case '--minutes': {
        const minutes = Number(value);
        if (!(minutes > 0 && minutes <= 60)) return `--minutes ${value}: more than 0, at most 60`;
        overrides.faultMs = Math.round(minutes * 60_000);
        break;
      }
      default:
        return `unknown flag ${flag}`;
    }
  }
  return { first, last, verbose, overrides };
}
