import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { Etcd3 } from 'etcd3';
import {
  type Calls,
  ClientFailure,
  prefixEnd,
  putRequest,
  rangeRequest,
} from '../../src/client/wire/index.ts';
import { utf8, utf8Text } from '../../src/core/bytes.ts';
import type { Cluster } from './cluster.ts';

/** What a writer was told about one write. */
export type Told = 'done' | 'refused' | 'unknown';

/** Longest times between two successes, by whoever waited. */
export class Gaps {
  readonly #longest = new Map<string, number>();

  saw(who: string, milliseconds: number): void {
    this.#longest.set(who, Math.max(milliseconds, this.#longest.get(who) ?? 0));
  }

  get longest(): number {
    return Math.max(0, ...this.#longest.values());
  }

  /** What was seen since the last time, and forgets it. */
  take(): ReadonlyMap<string, number> {
    const seen = new Map(this.#longest);
    this.#longest.clear();
    return seen;
  }
}

/** One client that goes on writing until it is told to stop; subclasses say through whom. */
export abstract class Writer {
  readonly name: string;
  /** Keys in order of writing; the value of the n-th is n. */
  readonly told: Told[] = [];
  readonly #gaps: Gaps;
  #lastDone = performance.now();
  #stopped = false;
  #running: Promise<void> | undefined;

  constructor(name: string, gaps: Gaps) {
    this.name = name;
    this.#gaps = gaps;
  }

  start(): void {
    this.#lastDone = performance.now();
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    this.close();
  }

  get done(): number {
    return this.told.filter((told) => told === 'done').length;
  }

  /** Time since the last success counts as a gap already. */
  waiting(): void {
    this.#gaps.saw(this.name, performance.now() - this.#lastDone);
  }

  key(at: number): string {
    return `load/${this.name}/${String(at).padStart(8, '0')}`;
  }

  protected abstract write(key: string, value: string): Promise<Told>;
  protected abstract close(): void;

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const at = this.told.length;
      this.told.push('unknown');
      const told = await this.write(this.key(at), String(at));
      this.told[at] = told;
      const now = performance.now();
      if (told === 'done') {
        this.#gaps.saw(this.name, now - this.#lastDone);
        this.#lastDone = now;
      }
      // Many clients that wait a little are a load too, and leave the processor to the replicas.
      await pause(told === 'done' ? 2 : 20);
    }
  }
}

/** A paused replica takes no connection down with it: a client has to give up on it by itself. */
export const callTimeoutMs = 1_000;

/** Our client, which asks the next replica when one has failed it. */
export class InternalWriter extends Writer {
  readonly #clients: readonly Calls[];
  #first: number;

  constructor(name: string, cluster: Cluster, first: number, gaps: Gaps) {
    super(name, gaps);
    this.#clients = cluster.members.map((_, at) => cluster.connect(callTimeoutMs, at));
    this.#first = first % this.#clients.length;
  }

  protected override async write(key: string, value: string): Promise<Told> {
    const client = this.#clients[this.#first] as Calls;
    try {
      await client.put(putRequest({ key: utf8(key), value: utf8(value) }));
      return 'done';
    } catch (error) {
      this.#first = (this.#first + 1) % this.#clients.length;
      if (!(error instanceof ClientFailure)) throw error;
      return error.type === 'unknown' ? 'unknown' : 'refused';
    }
  }

  protected override close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** The npm client `etcd3` as people use it. It repeats writes by itself, and its errors do not say what happened. */
export class Etcd3Writer extends Writer {
  readonly #client: Etcd3;

  constructor(name: string, cluster: Cluster, gaps: Gaps) {
    super(name, gaps);
    this.#client = new Etcd3({
      hosts: cluster.members.map(({ client }) => client),
      defaultCallOptions: () => ({ deadline: Date.now() + callTimeoutMs }),
    });
  }

  protected override write(key: string, value: string): Promise<Told> {
    return this.#client
      .put(key)
      .value(value)
      .exec()
      .then(
        () => 'done',
        () => 'unknown',
      );
  }

  protected override close(): void {
    this.#client.close();
  }
}

/** One process of etcdctl for each write. */
export class EtcdctlWriter extends Writer {
  readonly #etcdctl: string;
  readonly #endpoints: string;

  constructor(name: string, etcdctl: string, cluster: Cluster, gaps: Gaps) {
    super(name, gaps);
    this.#etcdctl = etcdctl;
    this.#endpoints = cluster.endpoints;
  }

  protected override async write(key: string, value: string): Promise<Told> {
    const args = ['--endpoints', this.#endpoints, '--command-timeout', '3s', 'put', key, value];
    const env = { ...process.env, ETCDCTL_API: '3' };
    const ended = await new Promise<boolean>((resolve) => {
      execFile(this.#etcdctl, args, { env, timeout: 10_000 }, (error) => resolve(error === null));
    });
    await pause(100);
    return ended ? 'done' : 'unknown';
  }

  protected override close(): void {}
}

/** All pairs that begin with `prefix`. */
export async function pairsOf(
  client: Calls,
  prefix: string,
  consistency: 'linearizable' | 'local',
): Promise<Map<string, string>> {
  const pairs = new Map<string, string>();
  const end = prefixEnd(utf8(prefix));
  let key = utf8(prefix);
  for (;;) {
    const { kvs, more } = await client.range(
      rangeRequest({ key, rangeEnd: end, limit: 10_000n, serializable: consistency === 'local' }),
    );
    for (const pair of kvs) pairs.set(utf8Text(pair.key), utf8Text(pair.value));
    const last = kvs.at(-1);
    if (!more || last === undefined) return pairs;
    key = Uint8Array.of(...last.key, 0);
  }
}
