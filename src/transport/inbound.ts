import { emptyBytes } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { Millis, NodeId } from '../core/ids.ts';
import type { FrameConnection } from './frame-connection.ts';
import { type Frame, firstHostKind, frameKinds } from './framing.ts';
import type { Facts } from './handshake.ts';
import { peerSilenceMs } from './link.ts';

export interface InboundHandlers {
  frame(from: NodeId, session: number, frame: Frame): void;
  /** Once, unless we closed it ourselves. */
  ended(inbound: Inbound): void;
}

/** The connection that a peer dialled to us: we receive on it, and answer its pings. */
export class Inbound {
  readonly facts: Facts;
  readonly session: number;
  readonly #connection: FrameConnection;
  readonly #handlers: InboundHandlers;
  #heard: Millis;
  #receivedBytes = 0;
  #answered = false;

  constructor(
    connection: FrameConnection,
    facts: Facts,
    session: number,
    clock: Clock,
    handlers: InboundHandlers,
  ) {
    this.facts = facts;
    this.session = session;
    this.#connection = connection;
    this.#handlers = handlers;
    this.#heard = clock.now();
    connection.handlers = {
      frame: (frame) => this.#received(frame),
      drain: () => {},
      garbage: () => this.#drop(),
      close: () => handlers.ended(this),
    };
  }

  /**
   * To be called every `pingIntervalMs`. `stalled`: we were not running ourselves, so silence means nothing. A large frame
   * on a slow line keeps pings waiting behind it: that it is coming is shown by a pong that nobody asked for.
   */
  tick(now: Millis, stalled: boolean): void {
    const { receivedBytes } = this.#connection;
    const progress = receivedBytes > this.#receivedBytes;
    if (stalled || progress) this.#heard = now;
    if (now - this.#heard > peerSilenceMs) {
      this.#drop();
      return;
    }
    if (progress && !this.#answered) this.#pong(emptyBytes);
    this.#receivedBytes = receivedBytes;
    this.#answered = false;
  }

  close(): void {
    this.#connection.destroy();
  }

  #received(frame: Frame): void {
    if (frame.kind >= firstHostKind) this.#handlers.frame(this.facts.id, this.session, frame);
    else if (frame.kind === frameKinds.ping) this.#pong(frame.payload);
    else this.#drop();
  }

  /** Who sends pings and does not read pongs must not make us keep them. */
  #pong(payload: Uint8Array): void {
    if (this.#connection.congested) return;
    this.#answered = true;
    this.#connection.send([{ kind: frameKinds.pong, payload }]);
  }

  #drop(): void {
    this.#connection.destroy();
    this.#handlers.ended(this);
  }
}
