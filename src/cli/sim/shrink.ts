import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { drawIllegal, keyValueModel } from '../../check/index.ts';
import { describeOptions, drawOptions, mutantsOf, simulateWorld } from '../../simulator/index.ts';
import { diagramPage, drawDiagram, scenarioOf, shrink, traceOf } from '../../simulator/shrink/index.ts';
import { refusedFailure } from '../exit-codes.ts';
import type { WorldOrder } from './options.ts';

/** Writes what is left of a failing seed into `directory`; the lines say what there is. */
export function writeShrunk(
  seed: number,
  { overrides, mutant: name }: WorldOrder,
  directory: string,
): string[] {
  const options = drawOptions(seed, overrides);
  const mutant = mutantsOf(options.protocol).find((each) => each.name === name);
  const shrunk = shrink(simulateWorld(options, mutant?.parts), mutant);
  const { report, replicas, performance } = shrunk;
  const { violation } = report;
  const files: [string, string][] = [['world.json', `${JSON.stringify(report.options, undefined, 2)}\n`]];
  const told = [`the smallest world found: ${describeOptions(report.options)}; ${report.events} events`];
  const scenario = scenarioOf(shrunk);
  if (performance !== undefined && scenario !== undefined) {
    const title = `${violation?.property}: seed ${seed}`;
    files.push(['scenario.txt', scenario], ['trace.ndjson', traceOf(performance)]);
    files.push(['diagram.svg', drawDiagram(performance, replicas, title)]);
    files.push(['diagram.html', diagramPage(performance, replicas, title)]);
    told.push(`${performance.moments.length} events of the protocol are enough: ${performance.broken}`);
  } else told.push('the events of the protocol alone break none of its invariants: look below it, or above');
  if (report.illegalHistory !== undefined)
    files.push(['history.svg', drawIllegal(keyValueModel, report.illegalHistory)]);
  try {
    mkdirSync(directory, { recursive: true });
    for (const [file, text] of files) writeFileSync(path.join(directory, file), text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw refusedFailure(`--shrink: ${reason}. The seed failed; what was shrunk is not written.`);
  }
  return [...told, `written to ${directory}: ${files.map(([file]) => file).join(', ')}`];
}
