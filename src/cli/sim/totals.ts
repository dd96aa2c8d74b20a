import { counted } from '../output.ts';
import type { SeedResult } from './seed-result.ts';

const crashes = ['kill', 'powerCut', 'powerCutAll'];
const cuts = [
  'isolate',
  'partition',
  'oneWayCut',
  'bridge',
  'bridgedLeader',
  'leavesBesideLeader',
  'leafOnLeader',
];

/** What a campaign has seen so far. */
export class Totals {
  seeds = 0;
  simulatedMs = 0;
  events = 0;
  committed = 0;
  messages = 0;
  lostWrites = 0;
  operations = { done: 0, refused: 0, unknown: 0 };
  readonly faults = new Map<string, number>();

  add(result: SeedResult): void {
    this.seeds++;
    this.simulatedMs += result.simulatedMs;
    this.events += result.events;
    this.committed += result.committed;
    this.messages += result.messages;
    this.lostWrites += result.lostWrites;
    for (const end of ['done', 'refused', 'unknown'] as const) this.operations[end] += result.operations[end];
    for (const [kind, count] of Object.entries(result.faults)) {
      this.faults.set(kind, (this.faults.get(kind) ?? 0) + count);
    }
  }

  get struck(): number {
    return this.#sum([...this.faults.keys()]);
  }

  /** Two lines for people. */
  describe(elapsedMs: number): string {
    const seconds = Math.max(1, elapsedMs) / 1000;
    const { done, refused, unknown } = this.operations;
    return [
      `${counted(this.seeds, 'seed')} in ${seconds.toFixed(1)} s: ${hours(this.simulatedMs)} simulated, ` +
        `${counted(this.events, 'event')} (${rate(this.events, seconds)}/s), ${counted(this.committed, 'commit')} (${rate(this.committed, seconds)}/s)`,
      `${counted(this.messages, 'message')}, ${counted(this.struck, 'fault')}, among them ${this.#crashes()}, ` +
        `${counted(this.#sum(cuts), 'partition')} and ${counted(this.#sum(['failedSync']), 'failed sync')}, ` +
        `${counted(this.lostWrites, 'unsynced write')} lost; operations: ${done} done, ${refused} refused, ${unknown} unknown`,
    ].join('\n');
  }

  #crashes(): string {
    const count = this.#sum(crashes);
    return `${count} ${count === 1 ? 'crash' : 'crashes'}`;
  }

  #sum(kinds: readonly string[]): number {
    return kinds.reduce((sum, kind) => sum + (this.faults.get(kind) ?? 0), 0);
  }
}

export const hours = (ms: number): string => `${(ms / 3_600_000).toFixed(2)} h`;

export const rate = (count: number, seconds: number): number => Math.round(count / seconds);
