/**
 * Bytes that wait for clients that do not read, over all streams of a port: many slow clients must not add up to more
 * memory than there is. What is beyond it is not taken back; whoever is asked to say more waits.
 */
export class SendBudget {
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #waiting = new Set<() => void>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get exhausted(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  hold(bytes: number): void {
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
    if (this.exhausted || this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of waiting) callback();
  }

  /** Calls back once when there is room; what is returned takes that back. */
  whenRoom(callback: () => void): () => void {
    this.#waiting.add(callback);
    return () => this.#waiting.delete(callback);
  }
}
