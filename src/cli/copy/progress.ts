import type { Output } from '../dependencies.ts';
import { byteSize } from '../output.ts';
import type { CopyProgress } from './run.ts';

/** On a terminal one line that changes; elsewhere a line now and then. */
const intervals = { terminal: 500, elsewhere: 10_000 } as const;

/** Tells people how far a copy has come. */
export class ProgressLine {
  readonly #output: Output;
  readonly #intervalMs: number;
  #told: number;
  #open = false;

  constructor(output: Output) {
    this.#output = output;
    this.#intervalMs = output.isTTY === true ? intervals.terminal : intervals.elsewhere;
    this.#told = performance.now();
  }

  tell({ stage, seen, of, written }: CopyProgress): void {
    const now = performance.now();
    if (now - this.#told < this.#intervalMs) return;
    this.#told = now;
    const text = `${stage}: ${seen} of ${of} keys, ${written.keys} written (${byteSize(BigInt(written.bytes))})`;
    this.#open = this.#output.isTTY === true;
    this.#output.write(this.#open ? `\r${text}\u001b[K` : `${text}\n`);
  }

  /** Leaves the line to whatever is said next. */
  end(): void {
    if (this.#open) this.#output.write('\r\u001b[K');
    this.#open = false;
  }
}
