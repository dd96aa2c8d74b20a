import { run } from './program.ts';

/** Whoever read our output has gone away, as `head` does: there is nobody left to tell. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const drained = (stream: NodeJS.WriteStream): Promise<void> =>
  new Promise((resolve) => stream.write('', () => resolve()));

const code = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  // npm runs scripts in the package's directory, and tells where the user was.
  directory: process.env['INIT_CWD'] ?? process.cwd(),
});
await Promise.all([drained(process.stdout), drained(process.stderr)]);
process.exit(code);
