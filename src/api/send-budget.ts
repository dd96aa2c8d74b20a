/** What one stream holds of the budget. */
export interface SendShare {
  hold(bytes: number): void;
  /** What was held has been read, or will not be. Harmless when nothing is held. */
  release(): void;
  /** Calls back once when there is room again. Forgotten when asked anew, and by `close`. */
  whenRoom(callback: () => void): void;
  close(): void;
}

interface Holder {
  bytes: number;
  /** Since when it holds anything, in ms. */
  since: number;
  waiting: (() => void) | undefined;
  readonly evict: () => void;
}

/**
 * Bytes that wait for clients that do not read, over all streams of a port: many slow clients must not add up to more
 * memory than there is. Beyond the bound nobody is told more, and those who have read nothing for a while are sent away:
 * they come back when they can, and the others do not wait for them for ever.
 */
export class SendBudget {
  readonly #maxBytes: number;
  readonly #patienceMs: number;
  #bytes = 0;
  readonly #holders = new Set<Holder>();
  readonly #waiting = new Set<Holder>();
  #impatience: NodeJS.Timeout | undefined;

  constructor(maxBytes: number, patienceMs: number) {
    this.#maxBytes = maxBytes;
    this.#patienceMs = patienceMs;
  }

  get exhausted(): boolean {
    return this.#bytes > this.#maxBytes;
  }

  /** `evict` ends the stream, whose client does not read. */
  share(evict: () => void): SendShare {
    const holder: Holder = { bytes: 0, since: 0, waiting: undefined, evict };
    return {
      hold: (bytes) => this.#hold(holder, bytes),
      release: () => this.#release(holder),
      whenRoom: (callback) => {
        holder.waiting = callback;
        this.#waiting.add(holder);
      },
      close: () => {
        this.#waiting.delete(holder);
        this.#release(holder);
      },
    };
  }

  #hold(holder: Holder, bytes: number): void {
    if (holder.bytes === 0) {
      holder.since = performance.now();
      this.#holders.add(holder);
    }
    holder.bytes += bytes;
    this.#bytes += bytes;
    this.#watch();
  }

  #release(holder: Holder): void {
    this.#holders.delete(holder);
    this.#bytes -= holder.bytes;
    holder.bytes = 0;
    if (this.exhausted) return;
    clearTimeout(this.#impatience);
    this.#impatience = undefined;
    for (const waiting of [...this.#waiting]) {
      if (this.#waiting.delete(waiting)) waiting.waiting?.();
    }
  }

  #watch(): void {
    if (!this.exhausted || this.#impatience !== undefined) return;
    this.#impatience = setTimeout(() => {
      this.#impatience = undefined;
      this.#evictSlow();
      this.#watch();
    }, this.#patienceMs).unref();
  }

  /** As many as have to go, those first who have read nothing for the longest time. */
  #evictSlow(): void {
    let excess = this.#bytes - this.#maxBytes;
    const before = performance.now() - this.#patienceMs;
    for (const holder of [...this.#holders]) {
      if (excess <= 0 || holder.since > before) return;
      excess -= holder.bytes;
      holder.evict();
    }
  }
}
