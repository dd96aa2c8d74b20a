import type { NodeId, Token } from '../core/ids.ts';

interface Held {
  readonly after: Token;
  readonly to: NodeId;
  readonly payload: Uint8Array;
}

/** Messages that must not leave before a write is durable. Tokens rise and writes are first in, first out, so this is a queue. */
export class Outbox {
  readonly #send: (to: NodeId, payload: Uint8Array) => void;
  #held: Held[] = [];

  constructor(send: (to: NodeId, payload: Uint8Array) => void) {
    this.#send = send;
  }

  hold(to: NodeId, payload: Uint8Array, after: Token): void {
    this.#held.push({ after, to, payload });
  }

  release(upTo: Token): void {
    let released = 0;
    for (const { after, to, payload } of this.#held) {
      if (after > upTo) break;
      this.#send(to, payload);
      released++;
    }
    if (released > 0) this.#held = this.#held.slice(released);
  }
}
