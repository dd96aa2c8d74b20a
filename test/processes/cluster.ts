import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Calls, type TlsOptions } from '../../src/client/wire/index.ts';
import { freePorts } from '../support/ports.ts';
import { QuorateProcess } from '../support/processes.ts';

export interface ClusterOptions {
  readonly replicas?: number;
  /** Flags for every replica besides those that make it a member. */
  readonly flags?: readonly string[];
  /** How our own calls reach the client ports when `flags` ask for TLS. */
  readonly tls?: TlsOptions;
  /** Data directories that are not beside the others, by name. */
  readonly dataDirs?: Readonly<Record<string, string>>;
}

/** Values by flags without their dashes. */
export type Flags = Readonly<Record<string, string>>;

/** `quorate serve` as a process that can be killed, paused and started again. */
export class Member {
  readonly name: string;
  readonly client: string;
  readonly peer: string;
  readonly dataDir: string;
  readonly #args: readonly string[];
  readonly #tls: TlsOptions | undefined;
  #process: QuorateProcess | undefined;
  #earlierLogs = '';

  constructor(
    at: { readonly name: string; readonly client: string; readonly peer: string; readonly dataDir: string },
    args: readonly string[],
    tls: TlsOptions | undefined,
  ) {
    this.name = at.name;
    this.client = at.client;
    this.peer = at.peer;
    this.dataDir = at.dataDir;
    this.#args = args;
    this.#tls = tls;
  }

  /** Of all its processes so far. */
  get logs(): string {
    return this.#earlierLogs + (this.#process?.stderr ?? '');
  }

  get process(): QuorateProcess {
    if (this.#process === undefined) throw new Error(`${this.name} was not started`);
    return this.#process;
  }

  get pid(): number {
    const { pid } = this.process.child;
    if (pid === undefined) throw new Error(`${this.name} could not be started`);
    return pid;
  }

  get running(): boolean {
    const child = this.#process?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Changed flags win over those that it was given first. */
  start(changes: Flags = {}): QuorateProcess {
    if (this.running) throw new Error(`${this.name} runs already`);
    this.#earlierLogs = this.logs;
    this.#process = this.twin(changes);
    return this.#process;
  }

  /** Another process under the same name, which is the caller's to end. */
  twin(changes: Flags): QuorateProcess {
    const args = [...this.#args];
    for (const [flag, value] of Object.entries(changes)) {
      const at = args.indexOf(`--${flag}`);
      if (at < 0) args.push(`--${flag}`, value);
      else args[at + 1] = value;
    }
    return new QuorateProcess(args, { lifeline: true });
  }

  async serving(): Promise<void> {
    await this.process.says('"msg":"serving"');
  }

  async kill(): Promise<void> {
    await this.#process?.destroy();
  }

  /** The exit code of an orderly end. */
  async stop(): Promise<number | null> {
    this.process.child.kill('SIGTERM');
    return this.process.exitCode;
  }

  pause(): void {
    this.process.child.kill('SIGSTOP');
  }

  resume(): void {
    this.process.child.kill('SIGCONT');
  }

  /** A client that asks this replica alone. */
  connect(timeoutMs: number): Calls {
    return new Calls({ servers: [{ address: this.client, tls: this.#tls }], timeoutMs });
  }
}

/** Real replicas on free ports of the loopback interface, with their data in a directory of their own. */
export class Cluster implements AsyncDisposable {
  readonly directory: string;
  readonly members: readonly Member[];
  readonly #tls: TlsOptions | undefined;

  /** Nothing is started yet. */
  static async plan(options: ClusterOptions = {}): Promise<Cluster> {
    const replicas = options.replicas ?? 3;
    return new Cluster(await freePorts(2 * replicas), replicas, options);
  }

  /** Every replica serves, and there is a leader. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.plan(options);
    try {
      for (const member of cluster.members) member.start();
      await cluster.ready();
      return cluster;
    } catch (error) {
      const logs = cluster.logs();
      await cluster[Symbol.asyncDispose]();
      throw new Error(`the cluster did not start\n${logs}`, { cause: error });
    }
  }

  private constructor(port: number, replicas: number, options: ClusterOptions) {
    this.directory = mkdtempSync(path.join(tmpdir(), 'quorate-cluster-'));
    this.#tls = options.tls;
    const plans = Array.from({ length: replicas }, (_, at) => {
      const name = `n${at + 1}`;
      const client = `127.0.0.1:${port + 2 * at}`;
      const peer = `127.0.0.1:${port + 2 * at + 1}`;
      return { name, client, peer, dataDir: options.dataDirs?.[name] ?? path.join(this.directory, name) };
    });
    const list = plans.map(({ name, peer }) => `${name}=${peer}`).join(',');
    this.members = plans.map((plan) => {
      const { name, client, peer, dataDir } = plan;
      const own = ['--name', name, '--data-dir', dataDir, '--client', client, '--peer', peer];
      const args = ['serve', ...own, '--cluster', list, ...(options.flags ?? [])];
      return new Member(plan, args, options.tls);
    });
  }

  get endpoints(): string {
    return this.members.map(({ client }) => client).join(',');
  }

  member(name: string): Member {
    const member = this.members.find((each) => each.name === name);
    if (member === undefined) throw new Error(`there is no ${name}`);
    return member;
  }

  /** A client that tries the members in this order. */
  connect(timeoutMs: number, first = 0): Calls {
    const order = this.members.map((_, at) => this.members[(at + first) % this.members.length] as Member);
    return new Calls({
      servers: order.map(({ client }) => ({ address: client, tls: this.#tls })),
      timeoutMs,
    });
  }

  async ready(members: readonly Member[] = this.members): Promise<void> {
    await Promise.all(members.map((member) => member.serving()));
    await this.leader(members);
  }

  /** The member that leads, and that all of `members` follow; waits for one, within the test's own time limit. */
  async leader(members: readonly Member[] = this.members): Promise<Member> {
    const clients = members.map((member) => member.connect(1_000));
    try {
      for (;;) {
        for (const member of members) {
          if (!member.running) throw new Error(`${member.name} has ended:\n${member.logs}`);
        }
        const answers = await Promise.all(clients.map((client) => client.status().catch(() => undefined)));
        const leaders = new Set(answers.map((answer) => answer?.leader ?? 0n));
        const [leader] = leaders;
        const at = answers.findIndex((answer) => answer?.header?.memberId === leader);
        const member = members[at];
        if (leaders.size === 1 && leader !== 0n && member !== undefined) return member;
        await pause(25);
      }
    } finally {
      for (const client of clients) client.close();
    }
  }

  /** A member that does not lead. */
  async follower(): Promise<Member> {
    const leader = await this.leader();
    return this.members.find((member) => member !== leader) as Member;
  }

  /** What each replica said last, for a failed test. */
  logs(linesEach = 40): string {
    return this.members
      .map(({ name, logs }) => `--- ${name}\n${logs.trimEnd().split('\n').slice(-linesEach).join('\n')}`)
      .join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => member.kill()));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
