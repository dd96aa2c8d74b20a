import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Lock } from '../../client/index.ts';
import { fileProblem } from '../config/file-problem.ts';
import { fenceVariable } from '../config/settings.ts';
import type { CliDependencies } from '../dependencies.ts';
import { exitCodes, refusedFailure } from '../exit-codes.ts';

interface Held {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  /** Whoever gave the command wants it to end. */
  readonly signal: AbortSignal;
  readonly dependencies: CliDependencies;
}

/** What is kept back of the time to live when a lock counts as lost: nobody else can have it before that is over. */
const keptBack = 1 / 20;
const shells = 128;

/** Runs `words` while the lock is held; resolves to its exit code, or to `unknown` when the lock was lost meanwhile. */
export async function runHeld(lock: Lock, words: readonly string[], held: Held): Promise<number> {
  const { stderr } = held.dependencies;
  const [program = '', ...args] = words;
  const child = spawn(program, args, {
    stdio: 'inherit',
    env: { ...held.dependencies.env, [fenceVariable]: String(lock.fence) },
  });
  const exit = exitOf(child, program);
  let lost = false;
  let kill: NodeJS.Timeout | undefined;
  const onLost = (): void => {
    lost = true;
    stderr.write(
      `quorate: ${held.name} is lost (${(lock.lost.reason as Error).message}): ending the command\n`,
    );
    child.kill('SIGTERM');
    kill = setTimeout(() => child.kill('SIGKILL'), held.ttl * 1_000 * keptBack);
  };
  const onStop = (): void => passOn(held, child);
  lock.lost.addEventListener('abort', onLost, { once: true });
  held.signal.addEventListener('abort', onStop, { once: true });
  if (lock.lost.aborted) onLost();
  if (held.signal.aborted) onStop();
  try {
    const code = await exit;
    return lost ? exitCodes.unknown : code;
  } finally {
    clearTimeout(kill);
    lock.lost.removeEventListener('abort', onLost);
    held.signal.removeEventListener('abort', onStop);
  }
}

/** A terminal sends Ctrl-C to the command as well. */
function passOn({ signal, dependencies }: Held, child: ChildProcess): void {
  const reason: unknown = signal.reason;
  if (reason === 'SIGINT' && dependencies.terminal !== undefined) return;
  child.kill(reason === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
}

/** As a shell says it: 128 and the number of the signal for a command that a signal ended. */
function exitOf(child: ChildProcess, program: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      reject(refusedFailure(`${program} cannot be run: ${fileProblem(error)}. The lock was given back.`));
    });
    child.once('exit', (code, signal) => {
      resolve(code ?? shells + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}
