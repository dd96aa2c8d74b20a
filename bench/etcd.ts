import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { planReplicas } from '../src/cli/start/plan.ts';
import { Client } from '../src/client/index.ts';
import { freeClusterPort } from '../test/support/ports.ts';
import type { Subject } from './subject.ts';

const startWithinMs = 30_000;

/** etcd as it comes, with three members and default settings. */
export class EtcdSubject implements Subject {
  readonly name = 'etcd';
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
    const subject = new EtcdSubject(program, await freeClusterPort(3));
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
    const plans = planReplicas({ port, replicas: 3 }, this.#directory);
    const url = ({ host, port }: { host: string; port: number }): string => `http://${host}:${port}`;
    const cluster = plans.map(({ name, peer }) => `${name}=${url(peer)}`).join(',');
    this.#members = plans.map(({ name, dataDir, client, peer }) => {
      const own = ['--name', name, '--data-dir', dataDir, '--initial-cluster', cluster];
      const clients = ['--listen-client-urls', url(client), '--advertise-client-urls', url(client)];
      const peers = ['--listen-peer-urls', url(peer), '--initial-advertise-peer-urls', url(peer)];
      const child = spawn(program, [...own, ...clients, ...peers], { stdio: 'ignore' });
      return { address: `${client.host}:${client.port}`, child, ended: once(child, 'exit') };
    });
  }

  async leader(): Promise<{ address: string; pid: number }> {
    const end = performance.now() + startWithinMs;
    while (performance.now() < end) {
      for (const { address, child } of this.#members) {
        const client = new Client({ servers: [{ address, tls: undefined }], timeoutMs: 1_000 });
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
