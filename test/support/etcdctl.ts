import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'vitest';

export interface Ended {
  readonly exitCode: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

const environment = { ...process.env, ETCDCTL_API: '3' };

/** The stock command line client of etcd, as a process for each command. */
export class Etcdctl {
  readonly #program: string;
  readonly #endpoints: string;

  constructor(program: string, endpoints: string) {
    this.#program = program;
    this.#endpoints = endpoints;
  }

  /** Asks one of the servers, or another cluster. */
  at(endpoints: string): Etcdctl {
    return new Etcdctl(this.#program, endpoints);
  }

  /** Never rejects; `input` is what is typed. */
  run(args: readonly string[], input = ''): Promise<Ended> {
    return new Promise((resolve) => {
      const child = execFile(
        this.#program,
        ['--endpoints', this.#endpoints, '--command-timeout', '60s', ...args],
        { env: environment, timeout: 120_000 },
        (error, stdout, stderr) => resolve({ exitCode: error?.code ?? 0, stdout, stderr }),
      );
      // Some commands end without having read what is typed.
      child.stdin?.on('error', () => {}).end(input);
    });
  }

  /** What a command that succeeds, and complains of nothing, prints. */
  async ok(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(args);
    expect([exitCode, stderr]).toEqual([0, '']);
    return stdout;
  }

  async json(...args: string[]) {
    return JSON.parse(await this.ok(...args, '--write-out', 'json'));
  }

  /** What a command that fails complains of. */
  async failure(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(args);
    expect(exitCode).not.toBe(0);
    return stdout + stderr;
  }

  /** A command that goes on until it is stopped. */
  start(...args: string[]): RunningEtcdctl {
    return new RunningEtcdctl(this.#program, ['--endpoints', this.#endpoints, ...args]);
  }
}

export class RunningEtcdctl implements AsyncDisposable {
  readonly #child;
  readonly #closed: Promise<unknown>;
  #said = '';

  constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#closed = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#said += text;
      });
    }
  }

  get said(): string {
    return this.#said;
  }

  /** Waits, within the test's own time limit. */
  async says(words: string | RegExp): Promise<void> {
    while (!(typeof words === 'string' ? this.#said.includes(words) : words.test(this.#said))) {
      if (this.#child.exitCode !== null) throw new Error(`ended without saying ${words}: ${this.#said}`);
      await pause(20);
    }
  }

  /** As with Ctrl-C: it takes back what it holds. */
  async interrupt(): Promise<void> {
    this.#child.kill('SIGINT');
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
