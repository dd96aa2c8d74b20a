import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Calls } from '../../src/client/wire/index.ts';
import { freePorts } from './ports.ts';

/** A process of etcd that can be killed, paused and started again. */
export class EtcdMember {
  readonly name: string;
  readonly client: string;
  readonly #program: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(name: string, client: string, program: string, args: readonly string[]) {
    this.name = name;
    this.client = client;
    this.#program = program;
    this.#args = args;
  }

  start(): void {
    this.#child = spawn(this.#program, this.#args, { stdio: 'ignore' });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }
}

/** Debian's etcd on free ports of the loopback interface. */
export class EtcdCluster implements AsyncDisposable {
  readonly members: readonly EtcdMember[];
  readonly #directory: string;

  static async start(program: string, replicas: number): Promise<EtcdCluster> {
    const cluster = new EtcdCluster(program, await freePorts(2 * replicas), replicas);
    for (const member of cluster.members) member.start();
    await cluster.leader();
    return cluster;
  }

  private constructor(program: string, port: number, replicas: number) {
    this.#directory = mkdtempSync(path.join(tmpdir(), 'quorate-etcd-'));
    const address = (at: number): string => `127.0.0.1:${port + at}`;
    const names = Array.from({ length: replicas }, (_, at) => `n${at + 1}`);
    const list = names.map((name, at) => `${name}=http://${address(2 * at + 1)}`).join(',');
    this.members = names.map((name, at) => {
      const [client, peer] = [address(2 * at), address(2 * at + 1)];
      const flags = {
        name,
        'data-dir': path.join(this.#directory, name),
        'initial-cluster': list,
        'listen-client-urls': `http://${client}`,
        'advertise-client-urls': `http://${client}`,
        'listen-peer-urls': `http://${peer}`,
        'initial-advertise-peer-urls': `http://${peer}`,
      };
      const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
      return new EtcdMember(name, client, program, args);
    });
  }

  /** The member that leads; waits for one, within the test's own time limit. */
  async leader(): Promise<EtcdMember> {
    for (;;) {
      for (const member of this.members) {
        const calls = new Calls({ servers: [{ address: member.client, tls: undefined }], timeoutMs: 1_000 });
        const status = await calls.status().catch(() => undefined);
        calls.close();
        if (status !== undefined && status.leader !== 0n && status.leader === status.header?.memberId)
          return member;
      }
      await pause(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
