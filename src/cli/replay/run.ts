import { createReadStream } from 'node:fs';
import { type Difference, isWhole, Replay } from '../../protocol/index.ts';
import { findProtocol } from '../../protocols/registry.ts';
import { fileProblem } from '../config/file-problem.ts';
import type { CliDependencies } from '../dependencies.ts';
import { type ExitCode, exitCodes, refusedFailure, usageFailure } from '../exit-codes.ts';
import { counted } from '../output.ts';

/** Longer than most lines. */
const chunkBytes = 1 << 20;

/** Replays a recording, tells how it went, and resolves to the exit code. */
export async function replayFile(file: string, { stdout, stderr }: CliDependencies): Promise<ExitCode> {
  let replay: Replay | undefined;
  let steps = 0;
  let cutOff = false;
  for await (const { text, ended } of linesOf(file)) {
    if (replay === undefined) {
      replay = begin(file, text);
      continue;
    }
    if (!isWhole(text)) {
      // Only the last line may have been cut off, with the process; whatever was ended was whole when it was written.
      if (ended) throw refusedFailure(damaged(file, steps));
      cutOff = true;
      break;
    }
    const difference = replay.step(text);
    if (difference !== undefined) return tell(file, steps + 2, difference, stderr);
    steps++;
  }
  if (replay === undefined) throw refusedFailure(`${file} is empty.`);
  if (steps === 0) throw refusedFailure(`${file} holds no whole step: nothing was replayed.`);
  const end = cutOff ? '; the last line is not whole, and is left out' : '';
  stdout.write(`${counted(steps, 'step')}, and all that came out is what was recorded${end}\n`);
  return exitCodes.done;
}

const damaged = (file: string, steps: number): string =>
  `${file}, line ${steps + 2} is damaged: it is no step, and was not cut off with the process, since its end is there. ` +
  (steps === 0
    ? 'Nothing was replayed.'
    : `The ${steps === 1 ? 'step before it is' : `${steps} steps before it are`} as recorded; nothing behind it was replayed.`);

interface Line {
  readonly text: string;
  /** With a line feed behind it. */
  readonly ended: boolean;
}

async function* linesOf(file: string): AsyncGenerator<Line> {
  // A pipe can be opened only once, so the stream itself says what is wrong.
  const stream = createReadStream(file, { encoding: 'utf8', highWaterMark: chunkBytes });
  let rest = '';
  try {
    for await (const chunk of stream) {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const text of lines) yield { text, ended: true };
    }
  } catch (error) {
    throw usageFailure(`${file} cannot be read: ${fileProblem(error)}. Nothing was done.`);
  } finally {
    stream.destroy();
  }
  if (rest !== '') yield { text: rest, ended: false };
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
