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
  readonly #clock: Clock;
  readonly #handlers: InboundHandlers;
  #heard: Millis;

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
    this.#clock = clock;
    this.#handlers = handlers;
    this.#heard = clock.now();
    connection.handlers = {
      frame: (frame) => this.#received(frame),
      drain: () => {},
      garbage: () => this.#drop(),
      close: () => handlers.ended(this),
    };
  }

  /** To be called now and then. `stalled`: we were not running ourselves, so silence means nothing. */
  tick(now: Millis, stalled: boolean): void {
    if (stalled) this.#heard = now;
    if (now - this.#heard > peerSilenceMs) this.#drop();
  }

  close(): void {
    this.#connection.destroy();
  }

  #received(frame: Frame): void {
    this.#heard = this.#clock.now();
    if (frame.kind >= firstHostKind) this.#handlers.frame(this.facts.id, this.session, frame);
    else if (frame.kind !== frameKinds.ping) this.#drop();
    // Who sends pings and does not read pongs must not make us keep them.
    else if (!this.#connection.congested)
      this.#connection.send([{ kind: frameKinds.pong, payload: frame.payload }]);
  }

  #drop(): void {
    this.#connection.destroy();
    this.#handlers.ended(this);
  }
}
