import type { Output } from './session.ts';

/** Where a long command stands, on stderr: one line that changes on a terminal, a line for each tenth elsewhere. */
export class Progress {
  readonly #stderr: Output;
  #shown = '';
  #tenth = -1;

  constructor(stderr: Output) {
    this.#stderr = stderr;
  }

  /** `fraction` in [0, 1] of `phase`. */
  show(phase: string, fraction: number): void {
    const percent = Math.floor(100 * Math.min(1, fraction));
    if (this.#stderr.isTTY === true) {
      const text = `${phase} ${percent} %`;
      if (text !== this.#shown) this.#stderr.write(`\r\u001b[K${text}`);
      this.#shown = text;
      return;
    }
    const tenth = Math.floor(percent / 10);
    if (phase === this.#shown && tenth <= this.#tenth) return;
    this.#stderr.write(`${phase} ${percent} %\n`);
    this.#shown = phase;
    this.#tenth = tenth;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#stderr.isTTY === true && this.#shown !== '') this.#stderr.write('\r\u001b[K');
    this.#shown = '';
  }
}
