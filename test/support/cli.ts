import { run } from '../../src/cli/program.ts';
import { concatBytes, utf8, utf8Text } from '../../src/core/bytes.ts';

export interface CliOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stdoutBytes: Uint8Array;
  readonly stderr: string;
}

export interface CliInputs {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
}

/** Runs a command line in this process, as the launcher would in its own. */
export async function runCli(
  args: readonly string[],
  { env = {}, stdin = '' }: CliInputs = {},
): Promise<CliOutcome> {
  const [stdout, stderr] = [new Collected(), new Collected()];
  const exitCode = await run(args, {
    stdout,
    stderr,
    stdin: once(typeof stdin === 'string' ? utf8(stdin) : stdin),
    env,
    lifeline: { onStop: () => undefined, exit: () => undefined },
  });
  return {
    exitCode,
    stdout: printable(stdout.bytes),
    stdoutBytes: stdout.bytes,
    stderr: printable(stderr.bytes),
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
