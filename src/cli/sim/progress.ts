import type { Output } from '../dependencies.ts';
import { counted } from '../output.ts';
import { hours, rate, type Totals } from './totals.ts';

const barColumns = 20;

/** One line on a terminal that is written over and over; nothing anywhere else. */
export class Progress {
  readonly #output: Output;
  readonly #shown: boolean;

  constructor(output: Output) {
    this.#output = output;
    this.#shown = output.isTTY === true;
  }

  /** `done` is the finished part, from 0 to 1. */
  show(done: number, totals: Totals, elapsedMs: number): void {
    if (!this.#shown) return;
    const full = Math.round(Math.min(1, done) * barColumns);
    const bar = '█'.repeat(full) + '░'.repeat(barColumns - full);
    const commits = rate(totals.committed, Math.max(1, elapsedMs) / 1000);
    this.#output.write(
      `\r\u001b[K${bar} ${counted(totals.seeds, 'seed')}, ${hours(totals.simulatedMs)} simulated, ${counted(totals.struck, 'fault')}, ${commits} commits/s`,
    );
  }

  clear(): void {
    if (this.#shown) this.#output.write('\r\u001b[K');
  }
}
