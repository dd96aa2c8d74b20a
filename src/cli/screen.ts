import type { Output } from './dependencies.ts';

const clear = '\u001b[2J';
const home = '\u001b[H';
const clearToEndOfLine = '\u001b[K';
const clearBelow = '\u001b[J';

/** Shows one text in the place of the last one on a terminal, and one after the other elsewhere. */
export class Screen {
  readonly #output: Output;
  #used = false;

  constructor(output: Output) {
    this.#output = output;
  }

  show(text: string): void {
    const again = this.#used;
    this.#used = true;
    if (this.#output.isTTY !== true) {
      this.#output.write(`${again ? '\n' : ''}${text}`);
      return;
    }
    // Line by line over what is there: nothing flickers.
    const lines = text.replaceAll('\n', `${clearToEndOfLine}\n`);
    this.#output.write(`${again ? '' : clear}${home}${lines}${clearBelow}`);
  }
}
