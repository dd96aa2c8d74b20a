import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { launcherPath } from '../../src/cli/start/replica-process.ts';

/** The built program as a process of its own; `npm test` builds it first. */
export class QuorateProcess {
  readonly child: ChildProcess;
  readonly #exit: Promise<number | null>;
  #stdout = '';
  #stderr = '';

  constructor(
    args: readonly string[],
    options: {
      readonly cwd?: string;
      readonly env?: NodeJS.ProcessEnv;
      /** Lets a replica stop by itself when this process dies without a chance to end it. */
      readonly lifeline?: boolean;
    } = {},
  ) {
    const { CI: _, ...env } = process.env;
    this.child = spawn(process.execPath, [launcherPath, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', ...(options.lifeline === true ? (['ipc'] as const) : [])],
      cwd: options.cwd,
      env: { ...env, ...options.env },
    });
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#exit = once(this.child, 'close').then(([code]) => code as number | null);
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get exitCode(): Promise<number | null> {
    return this.#exit;
  }

  /** Waits for words on stdout or stderr; rejects, with all that was said, when the process ends without them. */
  async says(words: string | RegExp): Promise<void> {
    const said = (): boolean => {
      const text = this.#stdout + this.#stderr;
      return typeof words === 'string' ? text.includes(words) : words.test(text);
    };
    const ended = this.#exit.then(() => 'ended' as const);
    while (!said()) {
      const first = await Promise.race([ended, pause(20)]);
      if (first === 'ended' && !said()) {
        throw new Error(`ended without saying ${words}:\n${this.#stdout}\n${this.#stderr}`);
      }
    }
  }

  /** Ends it, if need be, at the end of a test. */
  async destroy(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#exit;
  }
}

/** Runs a command to its end. */
export async function quorate(
  args: readonly string[],
): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
  const command = new QuorateProcess(args);
  const exitCode = await command.exitCode;
  return { exitCode, stdout: command.stdout, stderr: command.stderr };
}

/** Whether a process is there; one that has ended and was reaped is not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

/** Waits until `condition` holds; the test's own time limit is the only one. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(25);
}
