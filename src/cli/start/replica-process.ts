import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { environmentPrefix } from '../config/settings.ts';
import type { CliDependencies } from '../dependencies.ts';
import { exitCodes } from '../exit-codes.ts';
import { LogLines } from './log-lines.ts';

/** The launcher lies as far above the sources as above what is built. */
export const launcherPath = fileURLToPath(new URL('../../../bin/quorate', import.meta.url));

const stopGraceMs = 15_000;
const restartDelayMs = { first: 500, longest: 10_000 } as const;
/** One that ran so long has recovered: its next failure starts with a short delay again. */
const stableAfterMs = 30_000;

export interface ReplicaProcessEvents {
  /** It ended by itself; `restartInMs` undefined when starting it again would not help. */
  onExit(how: string, restartInMs: number | undefined): void;
}

/**
 * A replica in a process group of its own, so that Ctrl-C at the terminal reaches the supervisor alone. The channel
 * between the two breaks when the supervisor dies, and the replica then stops by itself.
 */
export class ReplicaProcess {
  readonly name: string;
  readonly #args: readonly string[];
  readonly #dependencies: CliDependencies;
  readonly #events: ReplicaProcessEvents;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restart: NodeJS.Timeout | undefined;
  #delayMs: number = restartDelayMs.first;
  #stopping = false;

  constructor(
    name: string,
    args: readonly string[],
    dependencies: CliDependencies,
    events: ReplicaProcessEvents,
  ) {
    this.name = name;
    this.#args = args;
    this.#dependencies = dependencies;
    this.#events = events;
  }

  start(): void {
    const { env, stderr } = this.#dependencies;
    const child = spawn(process.execPath, [launcherPath, ...this.#args], {
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // What the supervisor was told is not for the replicas: their arguments say it all.
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith(environmentPrefix))),
    });
    const startedAt = performance.now();
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      const lines = new LogLines(this.name, stderr);
      stream?.setEncoding('utf8');
      stream?.on('data', (text: string) => lines.push(text));
      stream?.on('end', () => lines.end());
    }
    this.#ended = new Promise((resolve) => {
      let failure: string | undefined;
      child.on('error', (error) => {
        failure = error.message;
        if (child.pid === undefined) this.#exited(null, failure, startedAt, resolve);
      });
      child.on('close', (code, signal) => {
        const how = code === null ? `was killed by ${signal ?? failure}` : `ended with exit code ${code}`;
        this.#exited(code, how, startedAt, resolve);
      });
    });
  }

  /** Asks it to stop and waits until it has; kills it when it does not. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#signal('SIGTERM');
    const impatience = setTimeout(() => {
      this.#dependencies.stderr.write(
        `${this.name} did not stop within ${stopGraceMs / 1000} s and is killed; what it acknowledged is on disk\n`,
      );
      this.kill();
    }, stopGraceMs);
    await this.#ended;
    clearTimeout(impatience);
  }

  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    this.#signal('SIGKILL');
  }

  /** To its whole process group. */
  #signal(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  #exited(code: number | null, how: string, startedAt: number, resolve: () => void): void {
    this.#child = undefined;
    resolve();
    if (this.#stopping) return;
    if (performance.now() - startedAt >= stableAfterMs) this.#delayMs = restartDelayMs.first;
    if (code === exitCodes.usage) {
      this.#events.onExit(how, undefined);
      return;
    }
    const delay = this.#delayMs;
    this.#delayMs = Math.min(2 * delay, restartDelayMs.longest);
    this.#restart = setTimeout(() => this.start(), delay);
    this.#events.onExit(how, delay);
  }
}
