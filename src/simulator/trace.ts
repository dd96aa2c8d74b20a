/**
 * A running 64-bit hash over everything that happens in a world, in two 32-bit lanes. Two runs with one seed must end
 * with the same hash, on every machine and engine; where they part, determinism was lost. With a sink, the same events
 * come out as readable lines.
 */
export class Trace {
  readonly #sink: ((line: string) => void) | undefined;
  #low = 0x9e3779b9;
  #high = 0x7f4a7c15;

  constructor(sink?: (line: string) => void) {
    this.#sink = sink;
  }

  number(value: number): void {
    // The high part as well: times in microseconds pass 2^32 after an hour.
    this.#mix(value | 0);
    if (value > 0xffff_ffff || value < -0x8000_0000) this.#mix(Math.floor(value / 0x1_0000_0000) | 0);
  }

  text(value: string): void {
    for (let i = 0; i < value.length; i++) this.#low = Math.imul(this.#low ^ value.charCodeAt(i), 0x01000193);
    this.#mix(value.length);
  }

  bytes(value: Uint8Array): void {
    let low = this.#low;
    for (let i = 0; i < value.length; i++) low = Math.imul(low ^ (value[i] as number), 0x01000193);
    this.#low = low;
    this.#mix(value.length);
  }

  /** One event: a short name and the host it happens on; `line` says more and is asked for only when printing. */
  event(micros: number, name: string, host: string, line?: () => string): void {
    this.number(micros);
    this.text(name);
    this.text(host);
    if (this.#sink !== undefined) {
      const detail = line === undefined ? '' : ` ${line()}`;
      this.#sink(`${(micros / 1000).toFixed(3).padStart(10)} ${host.padEnd(4)} ${name}${detail}`);
    }
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    const word = (value: number) => (value >>> 0).toString(16).padStart(8, '0');
    return word(this.#high) + word(this.#low);
  }

  #mix(word: number): void {
    let low = Math.imul(this.#low ^ word, 0x85ebca6b);
    low ^= low >>> 15;
    let high = Math.imul(this.#high ^ low ^ (word >>> 16), 0xc2b2ae35);
    high = (high << 13) | (high >>> 19);
    this.#low = Math.imul(low, 0x9e3779b1) ^ high;
    this.#high = high;
  }
}
