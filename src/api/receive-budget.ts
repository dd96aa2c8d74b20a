/**
 * Request bytes that have arrived for requests that are not complete, over all connections of a port and whatever they
 * speak: many clients that send slowly must not add up to more memory than there is.
 */
export class ReceiveBudget {
  readonly #maxBytes: number;
  readonly #whole: ReceiveBudget | undefined;
  #bytes = 0;

  constructor(maxBytes: number, whole?: ReceiveBudget) {
    this.#maxBytes = maxBytes;
    this.#whole = whole;
  }

  /** What one connection may have of it, so that one alone cannot have all. */
  part(maxBytes: number): ReceiveBudget {
    return new ReceiveBudget(maxBytes, this);
  }

  /** What one request holds of the budget: nothing yet. */
  share(): ReceiveShare {
    let held = 0;
    return {
      hold: (bytes) => {
        held += bytes;
        return this.#add(bytes);
      },
      release: () => {
        this.#add(-held);
        held = 0;
      },
    };
  }

  #add(bytes: number): boolean {
    this.#bytes += bytes;
    const whole = this.#whole === undefined || this.#whole.#add(bytes);
    return whole && this.#bytes <= this.#maxBytes;
  }
}

export interface ReceiveShare {
  /** False when the budget is exceeded: the request is to be refused. Held bytes have to be released either way. */
  hold(bytes: number): boolean;
  /** The request is complete, refused or gone. Harmless when nothing is held. */
  release(): void;
}
