import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Difference, isWhole, Replay } from '../../protocol/index.ts';
import { findProtocol } from '../../protocols/registry.ts';
import { fileProblem } from '../config/file-problem.ts';
import type { CliDependencies } from '../dependencies.ts';
import { type ExitCode, exitCodes, refusedFailure, usageFailure } from '../exit-codes.ts';

/** Replays a recording, tells how it went, and resolves to the exit code. */
export async function replayFile(file: string, { stdout, stderr }: CliDependencies): Promise<ExitCode> {
  let replay: Replay | undefined;
  let steps = 0;
  // The last line may have been cut off with the process; another one after it means that it was not.
  let waiting: string | undefined;
  for await (const line of linesOf(file)) {
    if (replay === undefined) {
      replay = begin(file, line);
      continue;
    }
    if (waiting !== undefined) {
      const difference = replay.step(waiting);
      if (difference !== undefined) return tell(file, steps + 2, difference, stderr);
      steps++;
    }
    waiting = line;
    if (!isWhole(line)) break;
  }
  if (replay === undefined) throw refusedFailure(`${file} is empty.`);
  const whole = waiting === undefined || isWhole(waiting);
  if (waiting !== undefined && whole) {
    const difference = replay.step(waiting);
    if (difference !== undefined) return tell(file, steps + 2, difference, stderr);
    steps++;
  }
  if (steps === 0) throw refusedFailure(`${file} holds no whole step: nothing was replayed.`);
  const end = whole ? '' : '; the line after them is not whole, and what follows is left out';
  stdout.write(`${steps} steps, and all that came out is what was recorded${end}\n`);
  return exitCodes.done;
}

async function* linesOf(file: string): AsyncGenerator<string> {
  // A pipe can be opened only once, so the stream itself says what is wrong.
  const stream = createReadStream(file, 'utf8');
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      yield line;
    }
  } catch (error) {
    throw usageFailure(`${file} cannot be read: ${fileProblem(error)}. Nothing was done.`);
  } finally {
    stream.destroy();
  }
}

function begin(file: string, line: string): Replay {
  const replay = Replay.from(line, findProtocol);
  if (typeof replay === 'string') throw refusedFailure(`${file} cannot be replayed: ${replay}.`);
  return replay;
}

function tell(
  file: string,
  line: number,
  difference: Difference,
  stderr: CliDependencies['stderr'],
): ExitCode {
  stderr.write(`${file}, line ${line}: ${describe(difference)}\n`);
  return exitCodes.wrong;
}

function describe(difference: Difference): string {
  switch (difference.type) {
    case 'effects':
      return `what comes out is not what was recorded.\nrecorded: ${difference.recorded}\nreplayed: ${difference.replayed}`;
    case 'failure': {
      const { error } = difference;
      return `the step cannot be carried out, or breaks a promise: ${error instanceof Error ? error.message : error}`;
    }
  }
}
