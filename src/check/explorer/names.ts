/**
 * 64-bit names that have been seen. Two states with one name would be taken for the same: among n states that happens
 * with a chance of about n² / 2^65.
 */
export class Names {
  #high = new Uint32Array(1 << 16);
  #low = new Uint32Array(1 << 16);
  #used = 0;

  get size(): number {
    return this.#used;
  }

  /** False when it has been there. */
  add(high: number, low: number): boolean {
    // Zero marks a free place.
    const name = low === 0 ? 1 : low;
    if (2 * this.#used >= this.#low.length) this.#grow();
    if (!this.#place(high, name)) return false;
    this.#used++;
    return true;
  }

  #place(high: number, low: number): boolean {
    const mask = this.#low.length - 1;
    let at = (low ^ (high << 7)) & mask;
    for (;;) {
      if (this.#low[at] === 0) break;
      if (this.#low[at] === low && this.#high[at] === high) return false;
      at = (at + 1) & mask;
    }
    this.#low[at] = low;
    this.#high[at] = high;
    return true;
  }

  #grow(): void {
    const [high, low] = [this.#high, this.#low];
    this.#high = new Uint32Array(2 * high.length);
    this.#low = new Uint32Array(2 * low.length);
    for (let at = 0; at < low.length; at++) {
      if (low[at] !== 0) this.#place(high[at] as number, low[at] as number);
    }
  }
}
