import type { Clock, Timer } from '../core/clock.ts';
import { millis } from '../core/ids.ts';
import { maxFrameBytes, maxHandshakeBytes, maxUnidentifiedConnections } from '../core/limits.ts';
import { handshakeTimeoutMs } from './dial.ts';
import { FrameConnection } from './frame-connection.ts';
import { type Frame, frameKinds } from './framing.ts';
import {
  decodeHello,
  encodeReject,
  encodeWelcome,
  type Hello,
  type Reject,
  reject,
  type Welcome,
} from './handshake.ts';
import type { Connection } from './network.ts';

export interface AcceptorHandlers {
  /** Answers a hello. */
  judge(hello: Hello, version: number): Reject | Welcome;
  /** A stranger became known and was welcomed. The connection's handlers must be set before this returns. */
  accepted(connection: FrameConnection, hello: Hello): void;
  /** `hello` is undefined when it never came or could not be read. */
  rejected(remote: string, hello: Hello | undefined, reason: Reject): void;
}

interface Stranger {
  readonly connection: FrameConnection;
  deadline: Timer;
}

/**
 * The acceptor's half of the handshake. Whoever connects has a short time to say who he is, and strangers are few: one
 * too many drops the oldest, since an honest dialler needs only a round trip and a slow one must not keep others out.
 */
export class Acceptor {
  readonly #clock: Clock;
  readonly #handlers: AcceptorHandlers;
  readonly #strangers = new Set<Stranger>();
  #closed = false;

  constructor(clock: Clock, handlers: AcceptorHandlers) {
    this.#clock = clock;
    this.#handlers = handlers;
  }

  accept(inbound: Connection): void {
    const connection = FrameConnection.accept(inbound, maxHandshakeBytes, {
      frame: (frame) => this.#greet(stranger, frame),
      drain: () => {},
      garbage: (reason) => this.#refuse(stranger, undefined, reject('malformed', reason)),
      close: () => this.#forget(stranger),
    });
    const deadline = this.#afterTimeout(() => {
      this.#refuse(stranger, undefined, reject('malformed', `no hello within ${handshakeTimeoutMs} ms`));
    });
    const stranger: Stranger = { connection, deadline };
    this.#strangers.add(stranger);
    if (this.#closed) this.#drop(stranger);
    else if (this.#strangers.size > maxUnidentifiedConnections) this.#dropOldest();
  }

  close(): void {
    this.#closed = true;
    for (const stranger of this.#strangers) this.#drop(stranger);
  }

  #greet(stranger: Stranger, { kind, payload }: Frame): void {
    if (kind !== frameKinds.hello) {
      this.#refuse(stranger, undefined, reject('malformed', `a frame of kind ${kind} in place of a hello`));
      return;
    }
    const greeting = decodeHello(payload);
    if ('type' in greeting) {
      this.#refuse(stranger, undefined, greeting);
      return;
    }
    const { hello, version } = greeting;
    const answer = this.#handlers.judge(hello, version);
    if ('type' in answer) {
      this.#refuse(stranger, hello, answer);
      return;
    }
    const { connection } = stranger;
    connection.send([{ kind: frameKinds.welcome, payload: encodeWelcome(answer) }]);
    if (hello.purpose === 'probe' || hello.purpose === 'join') {
      this.#awaitEnd(stranger);
      return;
    }
    this.#forget(stranger);
    connection.setLimit(maxFrameBytes);
    this.#handlers.accepted(connection, hello);
  }

  /** A probe has all it came for, and ends the connection; if not, the deadline does. */
  #awaitEnd(stranger: Stranger): void {
    const drop = (): void => this.#drop(stranger);
    stranger.connection.handlers = {
      frame: drop,
      drain: () => {},
      garbage: drop,
      close: () => this.#forget(stranger),
    };
    stranger.deadline.cancel();
    stranger.deadline = this.#afterTimeout(drop);
  }

  #afterTimeout(callback: () => void): Timer {
    return this.#clock.setTimer(millis(this.#clock.now() + handshakeTimeoutMs), callback);
  }

  #refuse(stranger: Stranger, hello: Hello | undefined, reason: Reject): void {
    const { connection } = stranger;
    this.#forget(stranger);
    connection.send([{ kind: frameKinds.reject, payload: encodeReject(reason) }]);
    connection.end();
    this.#handlers.rejected(connection.remote, hello, reason);
  }

  #dropOldest(): void {
    for (const oldest of this.#strangers) {
      this.#drop(oldest);
      return;
    }
  }

  #drop(stranger: Stranger): void {
    this.#forget(stranger);
    stranger.connection.destroy();
  }

  #forget(stranger: Stranger): void {
    stranger.deadline.cancel();
    this.#strangers.delete(stranger);
  }
}
