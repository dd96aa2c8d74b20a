import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  counterexampleScenario,
  defaultScope,
  describeScope,
  type Exploration,
  type ExploreOptions,
  explore,
  NoBeginning,
  parseScope,
  replicasIn,
  type Scope,
} from '../../check/explorer/index.ts';
import type { ExplorationModel } from '../../protocol/index.ts';
import { laboratory } from '../../protocols/laboratory.ts';
import { fileProblem } from '../config/file-problem.ts';
import type { CliDependencies } from '../dependencies.ts';
import { CommandFailure, type ExitCode, exitCodes, usageFailure } from '../exit-codes.ts';
import { counted } from '../output.ts';

/** Flags as they were typed. */
export interface ExploreFlags {
  readonly protocol: string;
  readonly scope?: string;
  readonly states?: string;
  readonly mutant?: string;
  readonly from?: string;
  readonly write?: string;
  readonly json?: boolean;
}

const defaultStates = 5_000_000;

/** Explores, tells what was found, and returns the exit code. */
export function runExplore(flags: ExploreFlags, { stdout, stderr }: CliDependencies): ExitCode {
  const scope = scopeOf(flags);
  const model = modelOf(flags);
  const maxStates = maxStatesOf(flags);
  const began = performance.now();
  const result = exploreFrom(flags, model, scope, {
    maxStates,
    onProgress({ states, depth }) {
      if (stderr.isTTY === true) stderr.write(`\r\u001b[K${counted(states, 'state')}, depth ${depth}`);
    },
  });
  if (stderr.isTTY === true) stderr.write('\r\u001b[K');
  const seconds = Math.max(1, performance.now() - began) / 1000;
  const { counterexample } = result;
  stdout.write(
    flags.json === true ? asJson(flags, scope, result, seconds) : describe(scope, result, seconds),
  );
  if (counterexample === undefined) return exitCodes.done;
  stderr.write(`${counterexample.property} is broken: ${counterexample.detail}\n`);
  const scenario = counterexampleScenario(model, scope, counterexample);
  if (flags.write === undefined) stderr.write(scenario);
  else writeScenario(flags.write, scenario, stderr);
  return exitCodes.wrong;
}

function exploreFrom(
  { from: file }: ExploreFlags,
  model: ExplorationModel,
  scope: Scope,
  options: ExploreOptions,
): Exploration {
  if (file === undefined) return explore(model, scope, options);
  const from = readScenario(file);
  const replicas = replicasIn(from);
  if (replicas === undefined) {
    throw usageFailure(
      `--from ${file}: it is no scenario: no line says how large the cluster is, as in "> cluster 3".`,
    );
  }
  if (replicas !== scope.replicas) {
    throw usageFailure(
      `--from ${file}: its cluster has ${counted(replicas, 'replica')}, that of --scope ${scope.replicas}.`,
    );
  }
  try {
    return explore(model, scope, { ...options, from });
  } catch (error) {
    if (error instanceof NoBeginning) throw usageFailure(`--from ${file}: ${error.message}.`);
    throw error;
  }
}

function readScenario(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageFailure(`--from ${file}: ${fileProblem(error)}.`);
  }
}

/** What took long to find is told, where it cannot be written. */
function writeScenario(file: string, scenario: string, stderr: CliDependencies['stderr']): void {
  try {
    writeFileSync(file, scenario);
  } catch (error) {
    stderr.write(scenario);
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const problem = isMissing ? `the directory ${path.dirname(file)} does not exist` : fileProblem(error);
    throw new CommandFailure(
      exitCodes.wrong,
      `--write ${file}: ${problem}. The way there is told above, and was not written.`,
    );
  }
  stderr.write(`the way there: ${file}\n`);
}

function describe(scope: Scope, result: Exploration, seconds: number): string {
  const end =
    result.counterexample !== undefined
      ? `broken after ${counted(result.counterexample.actions.length, 'event')}`
      : result.complete
        ? 'complete'
        : 'not complete';
  return (
    `${describeScope(scope)}: ${end}\n${counted(result.states, 'state')}, ${counted(result.transitions, 'transition')}, depth ${result.depth}, ` +
    `${counted(result.locals, 'distinct replica')}, ${counted(result.messages, 'message')}; ` +
    `${seconds.toFixed(1)} s, ${Math.round(result.states / seconds)} states/s\n`
  );
}

function asJson(flags: ExploreFlags, scope: Scope, result: Exploration, seconds: number): string {
  const { counterexample, ...counts } = result;
  const found =
    counterexample === undefined
      ? {}
      : {
          property: counterexample.property,
          detail: counterexample.detail,
          events: counterexample.actions.length,
        };
  const { protocol, mutant } = flags;
  return `${JSON.stringify({ protocol, mutant, scope, ...counts, ...found, seconds })}\n`;
}

function scopeOf({ scope: text }: ExploreFlags): Scope {
  const scope = text === undefined ? defaultScope : parseScope(text);
  if (typeof scope === 'string') throw usageFailure(`--scope ${scope}.`);
  return scope;
}

function modelOf({ protocol, mutant }: ExploreFlags): ExplorationModel {
  const found = laboratory.get(protocol);
  if (found === undefined) {
    throw usageFailure(`--protocol ${protocol}: not one of ${[...laboratory.keys()].join(', ')}.`);
  }
  if (mutant === undefined) return found.model;
  const model = found.mutants.find(({ name }) => name === mutant)?.model;
  if (model !== undefined) return model;
  const names = found.mutants.map(({ name }) => name);
  throw usageFailure(`--mutant ${mutant}: not one of ${names.join(', ')}.`);
}

function maxStatesOf({ states }: ExploreFlags): number {
  const limit = states === undefined ? defaultStates : Number(states);
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1_000_000_000) return limit;
  throw usageFailure(`--states ${states}: a whole number from 1 to 1000000000.`);
}
