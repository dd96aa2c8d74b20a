import { readFileSync } from 'node:fs';
import { Cluster } from '../test/processes/cluster.ts';

/** A cluster of three synced replicas on this machine, ours or another's. */
export interface Subject extends AsyncDisposable {
  readonly name: string;
  /** Whether our own floors are held against it. */
  readonly judged: boolean;
  /** host:port of the leader's client port, and its process. */
  leader(): Promise<{ readonly address: string; readonly pid: number }>;
  /** What the leader's event loop had to wait at most in 99 of 100 samples since the last time it was asked, in ms. */
  loopDelayP99Ms(address: string): Promise<number | undefined>;
}

export class QuorateSubject implements Subject {
  readonly name = 'quorate';
  readonly judged = true;
  readonly #cluster: Cluster;

  static async start(): Promise<QuorateSubject> {
    return new QuorateSubject(await Cluster.start());
  }

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  async leader(): Promise<{ address: string; pid: number }> {
    const { client, pid } = await this.#cluster.leader();
    return { address: client, pid };
  }

  async loopDelayP99Ms(address: string): Promise<number | undefined> {
    const metrics = await (await fetch(`http://${address}/metrics`)).text();
    const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(metrics)?.[1];
    return seconds === undefined ? undefined : 1000 * Number(seconds);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#cluster[Symbol.asyncDispose]();
  }
}

/** Memory that a process has resident now, in MiB; undefined where there is no /proc. */
export function residentMiB(pid: number): number | undefined {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kib === undefined ? undefined : Math.round(Number(kib) / 1024);
  } catch {
    return undefined;
  }
}
