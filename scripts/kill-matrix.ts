import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { explore as exploreAll, parseScope } from '../src/check/explorer/index.ts';
import { InvariantViolation } from '../src/core/assert.ts';
import { laboratory } from '../src/protocols/laboratory.ts';
import { explore as randomSchedule } from '../src/protocols/raft/exploration.ts';
import { mutants as raftMutants } from '../src/protocols/raft/mutants.ts';
import { RaftRehearsal } from '../src/protocols/raft/rehearsal.ts';
import { schedules } from '../src/protocols/raft/schedules.ts';
import { huntingWorld, mutantsOf, simulateWorld, type WorldMutant } from '../src/simulator/index.ts';

/**
 * Runs every known mistake under every technique, and writes what caught it, and how soon, to docs/protocols/kill-matrix.md.
 * What is counted is the same on every machine: seeds, simulated time, states, events. `npm run kill-matrix`; it takes a while.
 */
export const matrixPage = fileURLToPath(new URL('../docs/protocols/kill-matrix.md', import.meta.url));

const randomSchedules = 225;
const worlds = 40;
/** Of 15 seconds of faults instead of 5. */
const longWorlds = 15;
const exploredStates = 150_000;
const scopes = [
  'terms=1,entries=1,crashes=1',
  'terms=2,entries=0,crashes=1',
  'terms=1,entries=1,crashes=0,reads=1,duplicates=1',
  'terms=2,entries=1,crashes=0,duplicates=1',
];

const missed = '—';
const notTried = ' ';

function main(): void {
  const rows = mutantsOf('raft').map((mutant) => {
    const cells = [
      mutant.name,
      mutant.where,
      bySchedule(mutant),
      byRandom(mutant),
      byExplorer(mutant),
      byWorld(mutant),
    ];
    process.stdout.write(`${cells.join(' | ')}\n`);
    return cells;
  });
  writeFileSync(matrixPage, render(rows));
}

/** The directed schedule for this mistake; for the machine, random commands that a naive twin of it runs too. */
function bySchedule({ name, where }: WorldMutant): string {
  if (where === 'machine') return 'caught: twin.test.ts';
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
    const result = exploreAll(model, scope, { mayGoOn: ({ states }) => states < exploredStates });
    const { counterexample, states } = result;
    if (counterexample !== undefined)
      return `${before + states} states: ${counterexample.property}, ${counterexample.actions.length} events`;
    before += states;
  }
  return missed;
}

function byWorld({ where, parts }: WorldMutant): string {
  let simulated = 0;
  for (let seed = 1; seed <= (where === 'machine' ? longWorlds : worlds); seed++) {
    const { violation, simulatedMs } = simulateWorld(huntingWorld(where, seed), parts);
    simulated += simulatedMs;
    if (violation !== undefined)
      return `seed ${seed}, after ${(simulated / 1000).toFixed(1)} s: ${violation.property}`;
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
    `- **schedule**: the directed schedule that was written for the mistake, with the check that bites; for the machine, random commands held against a naive twin (${count(2)} caught);`,
    `- **random**: random schedules of 600 events, ${randomSchedules} of them (${count(3)} caught);`,
    `- **explorer**: every state of ${scopes.length} small scopes, up to ${exploredStates} states each (${count(4)} caught);`,
    `- **world**: whole replicas in ${worlds} simulated worlds of 5 seconds of faults each, those of the machine in ${longWorlds} of 15 seconds (${count(5)} caught).`,
    '',
    `${rows.length} mistakes, ${survivors.length} that nothing catches. An empty cell: the technique does not apply there; ${missed}: it did not catch it.`,
    '',
    row(['mutant', 'where', 'schedule', 'random', 'explorer', 'world']),
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
  for (const [, name = '', cells = ''] of text.matchAll(/^\| ([\w-]+) \| \w+ \|(.*)\|$/gm)) {
    const found = cells.split('|').some((cell) => ![missed, ''].includes(cell.trim()));
    if (name !== 'mutant') listed.set(name, found);
  }
  return listed;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
