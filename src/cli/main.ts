import { fileProblem } from './config/file-problem.ts';
import type { CliDependencies, Lifeline } from './dependencies.ts';
import { exitCodes } from './exit-codes.ts';
import { run } from './program.ts';
import { terminalOf } from './terminal.ts';

// Deprecations in what we depend on are nothing that a user could act on.
process.noDeprecation = true;

const lifeline: Lifeline = {
  onStop: (listener) => {
    const onSignal = (signal: NodeJS.Signals): void => listener(signal);
    const onDisconnect = (): void => listener('the supervisor is gone');
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal);
    // A supervisor holds the other end of this channel: when it dies, the channel closes.
    if (process.connected) process.on('disconnect', onDisconnect);
    return () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, onSignal);
      process.off('disconnect', onDisconnect);
    };
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

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read our output has gone away, as `head` does: there is nobody left to tell, and nobody was told the end.
  if (error.code === 'EPIPE') process.exit(exitCodes.unknown);
  process.stderr.write(
    `quorate: the answer cannot be written to stdout: ${fileProblem(error)}. What was asked for may have happened: read before you try again.\n`,
  );
  process.exit(exitCodes.unknown);
});
// What cannot be said there can be said nowhere else; the exit code still tells.
process.stderr.on('error', () => undefined);

const drained = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.write('', () => resolve()));

/** Runs the process's own command line and ends the process with its exit code. */
export async function main(): Promise<void> {
  const code = await run(process.argv.slice(2), dependencies);
  await Promise.all([drained(process.stdout), drained(process.stderr)]);
  process.exit(code);
}
