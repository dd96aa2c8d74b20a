/**
 * Request bytes that have arrived for requests that are not complete, over all connections of a port and whatever they
 * speak: many clients that send slowly must not add up to more memory than there is.
 */
export class ReceiveBudget {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What one request holds of the budget: nothing yet. */
  share(): ReceiveShare {
    let held = 0;
    return {
      hold: (bytes) => {
        held += bytes;
        this.#bytes += bytes;
        return this.#bytes <= this.#maxBytes;
      },
      release: () => {
        this.#bytes -= held;
        held = 0;
      },
    };
  }
}

export interface ReceiveShare {
  /** False when the budget is exceeded: the request is to be refused. Held bytes have to be released either way. */
  hold(bytes: number): boolean;
  /** The request is complete, refused or gone. Harmless when nothing is held. */
  release(): void;
}
