import { fork } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { explore as exploreAll, parseScope } from '../src/check/explorer/index.ts';
import { InvariantViolation } from '../src/core/assert.ts';
import { laboratory } from '../src/protocols/laboratory.ts';
import { explore as randomSchedule } from '../src/protocols/raft/exploration.ts';
import { mutants as raftMutants } from '../src/protocols/raft/mutants.ts';
import { RaftRehearsal } from '../src/protocols/raft/rehearsal.ts';
import { schedules } from '../src/protocols/raft/schedules.ts';
import { huntFor, hunts, mutantsOf, simulateWorld, type WorldMutant } from '../src/simulator/index.ts';
import { likeItsTwin } from '../test/support/key-space-twin.ts';

/**
 * Runs every known mistake under every technique, and writes what caught it, and how soon, to docs/protocols/kill-matrix.md.
 * What is counted is the same on every machine: seeds, simulated time, states, events. `npm run kill-matrix`: a process for each processor, and some minutes.
 */
export const matrixPage = fileURLToPath(new URL('../docs/protocols/kill-matrix.md', import.meta.url));

const programs = 20_000;
const randomSchedules = 225;
const worlds = 80;
/** Of 15 seconds of faults instead of 5. */
const longWorlds = 10;
const exploredStates = 60_000;
const scopes = [
  'terms=1,entries=1,crashes=1',
  'terms=2,entries=0,crashes=1',
  'terms=1,entries=1,crashes=0,reads=1,duplicates=1',
  'terms=2,entries=1,crashes=0,duplicates=1',
];

const script = fileURLToPath(import.meta.url);
const missed = '—';
const notTried = ' ';

async function main(): Promise<void> {
  const mutants = mutantsOf('raft');
  const rows: string[][] = mutants.map(() => []);
  let next = 0;
  // Processes, since threads of Node 20 do not inherit what loads TypeScript.
  const serve = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const hunter = fork(script, ['hunt']);
      const order = (): void => {
        if (next < mutants.length) hunter.send(next++);
        else hunter.disconnect();
      };
      hunter.on('message', ({ at, cells }: Row) => {
        rows[at] = cells;
        process.stdout.write(`${cells.join(' | ')}\n`);
        order();
      });
      hunter.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`a hunter ended with ${code}`)),
      );
      order();
    });
  await Promise.all(Array.from({ length: availableParallelism() }, serve));
  writeFileSync(matrixPage, render(rows));
}

interface Row {
  readonly at: number;
  readonly cells: string[];
}

/** Answers each number of a mutant by its row. */
function hunt(): void {
  const mutants = mutantsOf('raft');
  process.on('message', (at: number) => {
    const mutant = mutants[at];
    if (mutant === undefined) throw new Error(`there is no mutant ${at}`);
    const found = [bySchedule(mutant), byRandom(mutant), byExplorer(mutant), byWorld(mutant)];
    process.send?.({ at, cells: [mutant.name, mutant.trap ?? mutant.where, ...found] } satisfies Row);
  });
}

/** The directed schedule for this mistake; for the machine, random commands that a naive twin of it runs too. */
function bySchedule({ name, where, parts }: WorldMutant): string {
  if (where === 'machine' && parts.machine !== undefined) {
    const { failed, numRuns } = fc.check(likeItsTwin(parts.machine), {
      seed: 1,
      numRuns: programs,
      endOnFailure: true,
    });
    return failed ? `program ${numRuns}` : missed;
  }
  const schedule = schedules.get(name);
  const mutant = raftMutants.find((each) => each.name === name);
  if (schedule === undefined || mutant === undefined) return notTried;
  const { replicas, spares = 0, leaseReads } = schedule;
  const found = finding(() => schedule.run(new RaftRehearsal(replicas, { mutant, spares, leaseReads })));
  return found === undefined ? missed : `caught: ${short(found)}`;
}

function byRandom({ name }: WorldMutant): string {
  const mutant = raftMutants.find((each) => each.name === name);
  if (mutant === undefined) return notTried;
  for (let seed = 0; seed < randomSchedules; seed++) {
    const found = finding(() => randomSchedule(`${seed}`, 600, mutant));
    if (found !== undefined) return `schedule ${seed + 1}`;
  }
  return missed;
}

function byExplorer({ name }: WorldMutant): string {
  const model = laboratory.get('raft')?.mutants.find((each) => each.name === name)?.model;
  if (model === undefined) return notTried;
  let before = 0;
  for (const text of scopes) {
    const scope = parseScope(text);
    if (typeof scope === 'string') throw new Error(scope);
    const result = exploreAll(model, scope, { maxStates: exploredStates });
    const { counterexample, states } = result;
    if (counterexample !== undefined)
      return `${before + states} states: ${counterexample.property}, ${counterexample.actions.length} events`;
    before += states;
  }
  return missed;
}

function byWorld(mutant: WorldMutant): string {
  const hunt = huntFor(mutant);
  let events = 0;
  let simulated = 0;
  for (let seed = 1; seed <= (hunt === 'crowded' ? longWorlds : worlds); seed++) {
    const report = simulateWorld(hunts[hunt](seed), mutant.parts);
    events += report.events;
    simulated += report.simulatedMs;
    if (report.violation !== undefined)
      return `${hunt} ${seed}, ${events} events, ${(simulated / 1000).toFixed(1)} s: ${report.violation.property}`;
  }
  return missed;
}

function finding(run: () => void): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    const refusal = error instanceof Error && 'code' in error && error.code === 'CORRUPT_RECORD';
    if (error instanceof InvariantViolation || refusal) return (error as Error).message;
    throw error;
  }
}

const short = (text: string): string => text.split(/[\n;]/)[0] ?? text;

function render(rows: readonly (readonly string[])[]): string {
  const count = (column: number): number =>
    rows.filter((cells) => ![missed, notTried].includes(cells[column] ?? notTried)).length;
  const survivors = rows.filter((cells) =>
    cells.slice(2).every((cell) => cell === missed || cell === notTried),
  );
  return [
    '# Kill matrix',
    '',
    'A check that cannot fail proves nothing, so known mistakes are made on purpose and hunted. Written by `npm run kill-matrix`; what is',
    'counted is the same on every machine. A test holds the list to the mutants that there are, and tests beside the code catch each of',
    'them in every run of the suite.',
    '',
    `- **schedule**: the directed schedule that was written for the mistake, with the check that bites; for the machine, the first of up to ${programs} random programs in which it differs from a naive twin (${count(2)} caught);`,
    `- **random**: random schedules of 600 events, ${randomSchedules} of them (${count(3)} caught);`,
    `- **explorer**: every state of ${scopes.length} small scopes, up to ${exploredStates} states each (${count(4)} caught);`,
    `- **world**: whole replicas in up to ${worlds} simulated worlds of a kind that is full of what the mistake needs (\`src/simulator/hunting.ts\`), ${longWorlds} for the machine: the kind and the seed, and events and simulated seconds until then (${count(5)} caught).`,
    '',
    `${rows.length} mistakes, ${survivors.length} that nothing catches. An empty cell: the technique does not apply there; ${missed}: it did not catch it.`,
    '',
    row(['mutant', 'trap, or where', 'schedule', 'random', 'explorer', 'world']),
    row(new Array<string>(6).fill('---')),
    ...rows.map(row),
    '',
  ].join('\n');
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** The mutants that the page lists, each with whether anything catches it. */
export function listedMutants(): ReadonlyMap<string, boolean> {
  const listed = new Map<string, boolean>();
  const text = existsSync(matrixPage) ? readFileSync(matrixPage, 'utf8') : '';
  for (const [, name = '', cells = ''] of text.matchAll(/^\| (\w[\w-]*) \| [^|]+ \|(.*)\|$/gm)) {
    const found = cells.split('|').some((cell) => ![missed, ''].includes(cell.trim()));
    if (name !== 'mutant') listed.set(name, found);
  }
  return listed;
}

if (process.argv[1] === script) {
  if (process.argv[2] === 'hunt') hunt();
  else await main();
}
