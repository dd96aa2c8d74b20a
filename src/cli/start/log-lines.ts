import pretty from 'pino-pretty';
import type { Output } from '../dependencies.ts';

/** Writes the lines of one replica's logs behind its name; on a terminal, JSON lines become readable. */
export class LogLines {
  readonly #prefix: string;
  readonly #output: Output;
  readonly #format: (line: string) => string;
  #partial = '';

  constructor(name: string, output: Output) {
    this.#prefix = `${name} | `;
    this.#output = output;
    this.#format = output.isTTY === true ? readable() : (line) => line;
  }

  push(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) this.#write(line);
  }

  /** Writes what came without an end of line. */
  end(): void {
    if (this.#partial !== '') this.#write(this.#partial);
    this.#partial = '';
  }

  #write(line: string): void {
    const indent = `\n${' '.repeat(this.#prefix.length)}`;
    this.#output.write(`${this.#prefix}${this.#format(line).trimEnd().replaceAll('\n', indent)}\n`);
  }
}

function readable(): (line: string) => string {
  const format = pretty.prettyFactory({ colorize: true, ignore: 'pid,hostname,name', singleLine: true });
  return (line) => (line.startsWith('{') ? format(line) : line);
}
