import type { CliDependencies, Lifeline } from './dependencies.ts';
import { run } from './program.ts';
import { terminalOf } from './terminal.ts';

// Deprecations in what we depend on are nothing that a user could act on.
process.noDeprecation = true;

const lifeline: Lifeline = {
  onStop: (listener) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => listener(signal));
    // A supervisor holds the other end of this channel: when it dies, the channel closes.
    if (process.connected) process.on('disconnect', () => listener('the supervisor is gone'));
  },
  exit: (code) => process.exit(code),
};

const dependencies: CliDependencies = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  terminal: process.stdin.isTTY ? terminalOf(process.stdin, process.stderr) : undefined,
  env: process.env,
  lifeline,
};

/** Whoever read our output has gone away, as `head` does: there is nobody left to tell. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const drained = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.write('', () => resolve()));

/** Runs the process's own command line and ends the process with its exit code. */
export async function main(): Promise<void> {
  const code = await run(process.argv.slice(2), dependencies);
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  process.exit(code);
}
