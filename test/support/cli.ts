import { run } from '../../src/cli/program.ts';
import { concatBytes, utf8, utf8Text } from '../../src/core/bytes.ts';

export interface CliOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderr: string;
}

/** A command that runs, until it is told to stop. */
export interface RunningCli {
  readonly outcome: Promise<CliOutcome>;
  /** What was written so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  stop(reason?: string): void;
}

export interface CliInputs {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** What is typed when somebody is asked; without it there is nobody to ask. */
  readonly typed?: readonly string[];
}

/** Runs a command line in this process, as the launcher would in its own. */
export const runCli = (args: readonly string[], inputs: CliInputs = {}): Promise<CliOutcome> =>
  startCli(args, inputs).outcome;

/** The same, for commands that go on until they are stopped. */
export function startCli(
  args: readonly string[],
  { env = {}, stdin = '', typed }: CliInputs = {},
): RunningCli {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const stops = new Set<(reason: string) => void>();
  const answers = [...(typed ?? [])];
  const answer = async (question: string): Promise<string> => {
    stderr.write(question);
    return answers.shift() ?? '';
  };
  const exit = run(args, {
    stdout,
    stderr,
    stdin: once(typeof stdin === 'string' ? utf8(stdin) : stdin),
    terminal: typed === undefined ? undefined : { ask: answer, askSecret: answer },
    env,
    lifeline: {
      onStop: (listener) => {
        stops.add(listener);
        return () => stops.delete(listener);
      },
      exit: () => undefined,
    },
  });
  return {
    outcome: exit.then((exitCode) => ({
      exitCode,
      stdout: printable(stdout.bytes),
      stdoutBytes: stdout.bytes,
      stderr: printable(stderr.bytes),
    })),
    stdout: () => printable(stdout.bytes),
    stderr: () => printable(stderr.bytes),
    stop: (reason = 'SIGINT') => {
      for (const stop of stops) stop(reason);
    },
  };
}

class Collected {
  #chunks: Uint8Array[] = [];

  get bytes(): Uint8Array {
    return concatBytes(this.#chunks);
  }

  write(chunk: string | Uint8Array): void {
    this.#chunks.push(typeof chunk === 'string' ? utf8(chunk) : chunk);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function printable(bytes: Uint8Array): string {
  try {
    return utf8Text(bytes);
  } catch {
    return '(not text)';
  }
}
