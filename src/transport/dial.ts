import type { Clock } from '../core/clock.ts';
import { millis } from '../core/ids.ts';
import { maxFrameBytes, maxHandshakeBytes } from '../core/limits.ts';
import { FrameConnection } from './frame-connection.ts';
import { type Frame, frameKinds } from './framing.ts';
import {
  decodeReject,
  decodeWelcome,
  encodeHello,
  encodeReject,
  type Hello,
  type Reject,
  type Verdict,
  type Welcome,
} from './handshake.ts';
import type { Network } from './network.ts';

/** From the first byte sent to the welcome, and from accepting a connection to a good hello. */
export const handshakeTimeoutMs = 2_000;

export type DialOutcome =
  /** The connection's handlers must be set before the callback returns. */
  | { readonly type: 'up'; readonly connection: FrameConnection; readonly welcome: Welcome }
  | { readonly type: 'rejected'; readonly by: 'us' | 'them'; readonly reject: Reject }
  | { readonly type: 'failed'; readonly reason: string };

export interface DialOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly address: string;
  readonly hello: Hello;
  /** Whether to speak with who answered. */
  readonly judge: (welcome: Welcome) => Verdict;
  /** Once, unless the dial was cancelled. */
  readonly callback: (outcome: DialOutcome) => void;
}

export interface Dial {
  /** Whether the other side has taken the connection, though not yet answered. */
  readonly opened: boolean;
  cancel(): void;
}

/** The dialler's half of the handshake. */
export function dial({ network, clock, address, hello, judge, callback }: DialOptions): Dial {
  let opened = false;
  const timer = clock.setTimer(millis(clock.now() + handshakeTimeoutMs), () => {
    connection.destroy();
    const missing = opened ? 'took the connection but did not answer' : 'did not take the connection';
    callback({ type: 'failed', reason: `${address} ${missing} within ${handshakeTimeoutMs} ms` });
  });
  const finish = (outcome: DialOutcome): void => {
    timer.cancel();
    if (outcome.type !== 'up') connection.destroy();
    callback(outcome);
  };
  const answered = ({ kind, payload }: Frame): void => {
    if (kind === frameKinds.reject) {
      finish({ type: 'rejected', by: 'them', reject: decodeReject(payload) });
      return;
    }
    if (kind !== frameKinds.welcome) {
      finish({ type: 'failed', reason: `${address} answered the hello with a frame of kind ${kind}` });
      return;
    }
    const welcome = decodeWelcome(payload, hello.versions);
    const verdict = 'type' in welcome ? welcome : judge(welcome);
    if (verdict.type === 'reject') {
      connection.send([{ kind: frameKinds.reject, payload: encodeReject(verdict) }]);
      connection.end();
      finish({ type: 'rejected', by: 'us', reject: verdict });
    } else if (!('type' in welcome)) {
      connection.setLimit(maxFrameBytes);
      finish({ type: 'up', connection, welcome });
    }
  };
  const failed = (reason: string): void => finish({ type: 'failed', reason: `${address}: ${reason}` });
  const connection = FrameConnection.dial(
    network,
    address,
    maxHandshakeBytes,
    {
      frame: answered,
      drain: () => {},
      garbage: failed,
      close: (reason) => failed(opened ? `${reason}, before an answer: is it TLS on one side only?` : reason),
    },
    () => {
      opened = true;
    },
  );
  connection.send([{ kind: frameKinds.hello, payload: encodeHello(hello) }]);
  return {
    get opened() {
      return opened;
    },
    cancel() {
      timer.cancel();
      connection.destroy();
    },
  };
}
