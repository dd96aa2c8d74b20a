import type { Output } from './session.ts';

/** ms between two looks at the clock. */
const tickMs = 1000;

/** s after which a step that has not ended is reported where lines stay; then after twice as long, and so on. */
const firstReportS = 10;

/**
 * Where a long command stands, on stderr: one line that changes on a terminal, a line for each tenth elsewhere. While
 * nothing changes, as in the middle of a long solve, it tells for how long that has been so.
 */
export class Progress {
  readonly #stderr: Output;
  readonly #nowMs: () => number;
  #phase = '';
  #percent = -1;
  #sinceMs = 0;
  #reportS = firstReportS;
  #timer: NodeJS.Timeout | undefined;

  constructor(stderr: Output, nowMs: () => number = () => performance.now()) {
    this.#stderr = stderr;
    this.#nowMs = nowMs;
  }

  /** `fraction` in [0, 1] of `phase`. */
  show(phase: string, fraction: number): void {
    const percent = Math.floor(100 * Math.min(1, fraction));
    if (phase === this.#phase && percent === this.#percent) return;
    const isNews = phase !== this.#phase || Math.floor(percent / 10) > Math.floor(this.#percent / 10);
    [this.#phase, this.#percent] = [phase, percent];
    [this.#sinceMs, this.#reportS] = [this.#nowMs(), firstReportS];
    if (this.#stderr.isTTY === true) this.#stderr.write(`\r\u001b[K${phase} ${percent} %`);
    else if (isNews) this.#stderr.write(`${phase} ${percent} %\n`);
    this.#timer ??= setInterval(() => this.tick(), tickMs).unref();
  }

  /** Looks at the clock. */
  tick(): void {
    const seconds = Math.floor((this.#nowMs() - this.#sinceMs) / 1000);
    if (seconds < 1) return;
    const text = `${this.#phase} ${this.#percent} %, ${seconds} s so far`;
    if (this.#stderr.isTTY === true) this.#stderr.write(`\r\u001b[K${text}`);
    else if (seconds >= this.#reportS) {
      this.#stderr.write(`${text}\n`);
      while (this.#reportS <= seconds) this.#reportS *= 2;
    }
  }

  /** Takes the line away. */
  end(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#stderr.isTTY === true && this.#phase !== '') this.#stderr.write('\r\u001b[K');
    [this.#phase, this.#percent] = ['', -1];
  }
}
