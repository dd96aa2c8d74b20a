/**
 * States by what is alike in them under some renaming: replicas, history and budgets. They are told apart by 64 bits of hash.
 * Holds the newest state of each family.
 */
export class Families {
  #high = new Uint32Array(1 << 12);
  #low = new Uint32Array(1 << 12);
  /** One more than the state; zero marks a free place. */
  #newest = new Uint32Array(1 << 12);
  #used = 0;

  get size(): number {
    return this.#used;
  }

  /** The newest state of the family, or -1 when it has none. */
  newest(high: number, low: number): number {
    return (this.#newest[this.#find(high, low)] as number) - 1;
  }

  enter(high: number, low: number, state: number): void {
    let at = this.#find(high, low);
    if (this.#newest[at] === 0) {
      if (2 * this.#used >= this.#newest.length) {
        this.#grow();
        at = this.#find(high, low);
      }
      this.#used++;
    }
    this.#high[at] = high;
    this.#low[at] = low;
    this.#newest[at] = state + 1;
  }

  /** Its place, or the free one where it belongs. */
  #find(high: number, low: number): number {
    const mask = this.#newest.length - 1;
    let at = (low ^ (high << 7)) & mask;
    while (this.#newest[at] !== 0 && (this.#low[at] !== low || this.#high[at] !== high)) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const [high, low, newest] = [this.#high, this.#low, this.#newest];
    this.#high = new Uint32Array(2 * high.length);
    this.#low = new Uint32Array(2 * high.length);
    this.#newest = new Uint32Array(2 * high.length);
    for (let from = 0; from < newest.length; from++) {
      if (newest[from] === 0) continue;
      const at = this.#find(high[from] as number, low[from] as number);
      this.#high[at] = high[from] as number;
      this.#low[at] = low[from] as number;
      this.#newest[at] = newest[from] as number;
    }
  }
}
