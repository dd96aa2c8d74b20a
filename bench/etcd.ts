import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Calls } from '../src/client/wire/index.ts';
import { freePorts } from '../test/support/ports.ts';
import type { Subject } from './subject.ts';

const startWithinMs = 30_000;

/** etcd as it comes, with three members and default settings. */
export class EtcdSubject implements Subject {
  readonly name = 'etcd';
  readonly judged = false;
  readonly #directory: string;
  readonly #members: readonly {
    readonly address: string;
    readonly child: ChildProcess;
    readonly ended: Promise<unknown>;
  }[];

  /** Undefined when there is no etcd on the path. */
  static program(): string | undefined {
    return (process.env['PATH'] ?? '')
      .split(path.delimiter)
      .map((directory) => path.join(directory, 'etcd'))
      .find((file) => existsSync(file));
  }

  static async start(program: string): Promise<EtcdSubject> {
    const subject = new EtcdSubject(program, await freePorts(6));
    try {
      await subject.leader();
      return subject;
    } catch (error) {
      await subject[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(program: string, port: number) {
    this.#directory = mkdtempSync(path.join(tmpdir(), 'quorate-etcd-'));
    const url = (at: number): string => `http://127.0.0.1:${port + at}`;
    const names = ['n1', 'n2', 'n3'];
    const cluster = names.map((name, at) => `${name}=${url(2 * at + 1)}`).join(',');
    this.#members = names.map((name, at) => {
      const [client, peer] = [url(2 * at), url(2 * at + 1)];
      const own = [
        '--name',
        name,
        '--data-dir',
        path.join(this.#directory, name),
        '--initial-cluster',
        cluster,
      ];
      const clients = ['--listen-client-urls', client, '--advertise-client-urls', client];
      const peers = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer];
      const child = spawn(program, [...own, ...clients, ...peers], { stdio: 'ignore' });
      return { address: `127.0.0.1:${port + 2 * at}`, child, ended: once(child, 'exit') };
    });
  }

  async leader(): Promise<{ address: string; pid: number }> {
    const end = performance.now() + startWithinMs;
    while (performance.now() < end) {
      for (const { address, child } of this.#members) {
        const client = new Calls({ servers: [{ address, tls: undefined }], timeoutMs: 1_000 });
        const status = await client.status().catch(() => undefined);
        client.close();
        if (status === undefined || status.leader === 0n) continue;
        if (status.leader === status.header?.memberId) return { address, pid: child.pid ?? 0 };
      }
      await pause(100);
    }
    throw new Error(`etcd has no leader after ${startWithinMs / 1000} s`);
  }

  async loopDelayP99Ms(): Promise<undefined> {
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#members) child.kill('SIGKILL');
    await Promise.all(this.#members.map(({ ended }) => ended));
    rmSync(this.#directory, { recursive: true });
  }
}
