import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { drawIllegal, keyValueModel } from '../../check/index.ts';
import { describeOptions, drawOptions, mutantsOf, simulateWorld } from '../../simulator/index.ts';
import {
  diagramPage,
  drawDiagram,
  type LeftOut,
  type Shrunk,
  scenarioOf,
  shrink,
  traceOf,
} from '../../simulator/shrink/index.ts';
import { fileProblem } from '../config/file-problem.ts';
import { CommandFailure } from '../exit-codes.ts';
import type { WorldOrder } from './options.ts';
import { endOf, type SeedResult } from './seed-result.ts';

/** Writes what is left of a failing seed into `directory`, and tells in lines what that is. */
export function writeShrunk(
  failing: SeedResult,
  { overrides, mutant: name }: WorldOrder,
  directory: string,
  tell: (line: string) => void,
): void {
  const { seed } = failing;
  const options = drawOptions(seed, overrides);
  const mutant = mutantsOf(options.protocol).find((each) => each.name === name);
  const shrunk = shrink(simulateWorld(options, mutant?.parts), mutant);
  const { report, replicas, joiners, performance } = shrunk;
  const { violation } = report;
  const files: [string, string][] = [['world.json', `${JSON.stringify(report.options, undefined, 2)}\n`]];
  tell(`the smallest world found: ${describeOptions(report.options)}; ${report.events} events`);
  const scenario = scenarioOf(shrunk);
  if (performance !== undefined && scenario !== undefined) {
    const title = `${violation?.property}: seed ${seed}`;
    files.push(['scenario.txt', scenario], ['trace.ndjson', traceOf(performance)]);
    files.push(['diagram.svg', drawDiagram(performance, replicas + joiners, title)]);
    files.push(['diagram.html', diagramPage(performance, replicas + joiners, title)]);
    tell(`${performance.moments.length} events of the protocol are enough: ${performance.broken}`);
  } else {
    tell(
      'the messages, writes and crashes of the protocol, acted out by themselves, break none of its invariants: so there is',
    );
    tell(
      'nothing to draw. The mistake is in the disk, the journal, the driver, the state machine or what clients are told,',
    );
    tell(`or it takes what was not acted out: ${leftOutText(shrunk)}.`);
    tell('world.json has all options of that world; docs/simulator.md tells how to run it');
  }
  if (report.illegalHistory !== undefined)
    files.push(['history.svg', drawIllegal(keyValueModel, report.illegalHistory)]);
  try {
    mkdirSync(directory, { recursive: true });
    for (const [file, text] of files) writeFileSync(path.join(directory, file), text);
  } catch (error) {
    const problem = fileProblem(error);
    throw new CommandFailure(
      endOf(failing),
      `--shrink ${directory}: ${problem}. The seed failed as told above; what was shrunk is not written.`,
    );
  }
  tell(`written to ${directory}: ${files.map(([file]) => file).join(', ')}`);
}

/** What stays out of schedules, in words. */
const leftOutWords: Readonly<Record<LeftOut, string>> = {
  link: 'connections that came up or went down',
  credit: 'how much more a connection would take',
  storage: 'disks that became full or had room again',
  digest: 'digests of the state',
  work: 'proofs of work',
};

/** Schedules have no clock: what trusts in time holds its promise there, or breaks it, whatever it did in the world. */
function leftOutText({ report, leftOut }: Shrunk): string {
  const leases =
    report.options.leaseReads === undefined ? '' : ', and with it the leases that its leaders read by';
  const inputs = [...leftOut].map(([type, count]) => `${leftOutWords[type]} (told ${count} times)`);
  return [`the time at which all happened${leases}`, ...inputs].join('; ');
}
