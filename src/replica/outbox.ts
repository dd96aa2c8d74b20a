import { type NodeId, type Token, token } from '../core/ids.ts';
import type { Message, ProtocolDefinition } from '../protocol/index.ts';
import { frameKind } from './frames.ts';
import type { Links } from './submissions.ts';

interface Held {
  readonly after: Token;
  readonly to: NodeId;
  readonly payload: Uint8Array;
}

/**
 * The protocol's messages on their way out. Those that must not leave before a write is durable wait for it: tokens rise
 * and writes are first in, first out, so that is a queue.
 */
export class Outbox {
  readonly #definition: ProtocolDefinition;
  readonly #links: Links;
  readonly #noRoom: (to: NodeId) => void;
  #held: Held[] = [];
  #durable: Token = token(0);
  #lastEncoded: { readonly message: Message; readonly payload: Uint8Array } | undefined;

  /** A frame that finds no room is lost, as any may be; `noRoom` is told, so that bulk waits for room. */
  constructor(definition: ProtocolDefinition, links: Links, noRoom: (to: NodeId) => void) {
    this.#definition = definition;
    this.#links = links;
    this.#noRoom = noRoom;
  }

  send(to: NodeId, message: Message, after: Token | undefined): void {
    const payload = this.#encoded(message);
    if (after !== undefined && after > this.#durable) this.#held.push({ after, to, payload });
    else this.#sendNow(to, payload);
  }

  /** What waited for writes up to this one leaves. */
  release(upTo: Token): void {
    this.#durable = upTo;
    let released = 0;
    for (const { after, to, payload } of this.#held) {
      if (after > upTo) break;
      this.#sendNow(to, payload);
      released++;
    }
    if (released > 0) this.#held = this.#held.slice(released);
  }

  #sendNow(to: NodeId, payload: Uint8Array): void {
    if (!this.#links.send(to, frameKind.protocol, payload)) this.#noRoom(to);
  }

  /** What goes to several peers is one object, next to one another, and encoded once. */
  #encoded(message: Message): Uint8Array {
    const last = this.#lastEncoded;
    if (last?.message === message) return last.payload;
    const payload = this.#definition.encodeMessage(message);
    this.#lastEncoded = { message, payload };
    return payload;
  }
}
