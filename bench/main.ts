import { availableParallelism, cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { foreignProgram } from '../test/support/foreign.ts';
import { measureApply } from './apply.ts';
import { EtcdSubject } from './etcd.ts';
import { measureFreshStart, measureGaps, measureRestart } from './lifecycle.ts';
import { measureLoad } from './load.ts';
import { measureSimulator } from './simulator.ts';
import { QuorateSubject, type Subject } from './subject.ts';
import { measureWatchers } from './watchers.ts';

const parts = ['apply', 'load', 'gaps', 'start', 'restart', 'watchers', 'simulator'] as const;
type Part = (typeof parts)[number];

const usage = `Usage: npm run bench -- [PARTS] [--compare etcd]

Parts: ${parts.join(', ')}; all of them unless named. docs/benchmarks.md says what each measures.
`;

const appliedCommands = 100_000;
const loadSeconds = 5;
const gapRounds = 20;
const freshStartRounds = 5;
const restartMegabytes = 200;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { compare: { type: 'string' } },
  });
  const unknown = positionals.find((each) => !(parts as readonly string[]).includes(each));
  if (unknown !== undefined || (values.compare !== undefined && values.compare !== 'etcd')) {
    process.stderr.write(usage);
    return 2;
  }
  const wanted = (part: Part): boolean => positionals.length === 0 || positionals.includes(part);
  print(
    `${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown processor'}, Node.js ${process.versions.node}, load before: ${loadavg()[0]?.toFixed(2)}\n`,
  );
  if (wanted('apply')) print(await measureApply(appliedCommands));
  if (wanted('load')) await load(values.compare === 'etcd');
  if (wanted('gaps')) print(await measureGaps(gapRounds));
  if (wanted('start')) print(await measureFreshStart(freshStartRounds));
  if (wanted('restart')) print(await measureRestart(restartMegabytes));
  if (wanted('watchers')) await watchers(values.compare === 'etcd');
  if (wanted('simulator')) print(measureSimulator());
  return 0;
}

async function watchers(compare: boolean): Promise<void> {
  print(await measureWatchers(() => QuorateSubject.start()));
  const etcd = compare ? EtcdSubject.program() : undefined;
  if (etcd !== undefined) print(await measureWatchers(() => EtcdSubject.start(etcd)));
}

async function load(compare: boolean): Promise<void> {
  const program = foreignProgram('h2load');
  if (program === undefined) return;
  await measured(await QuorateSubject.start(), program);
  if (!compare) return;
  const etcd = EtcdSubject.program();
  if (etcd === undefined)
    print('left out: the comparison, because etcd is missing (apt install etcd-server)\n');
  else await measured(await EtcdSubject.start(etcd), program);
}

async function measured(started: Subject, program: string): Promise<void> {
  await using subject = started;
  print(await measureLoad(subject, program, loadSeconds));
}

process.exitCode = await main();
