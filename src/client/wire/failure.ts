import type { status } from '@grpc/grpc-js';
import type { Obstacle } from './diagnosis.ts';

/**
 * What became of a call that did not succeed.
 *
 * - `refused`: the server said no; nothing happened and nothing will.
 * - `unknown`: a write was sent and no answer came that tells; it may have happened, or may still happen.
 * - `unreachable`: no server could be reached; nothing was sent.
 */
export type FailureType = 'refused' | 'unknown' | 'unreachable';

interface Details {
  readonly obstacles?: readonly Obstacle[];
  readonly status?: status;
}

/** A call that did not succeed. Recognise it by `code`, which also works across copies of this package. */
export class ClientFailure extends Error {
  override readonly name = 'ClientFailure';
  readonly code = 'CLIENT_FAILURE';
  readonly type: FailureType;
  /** Where it was sent, or every address that was tried. */
  readonly endpoint: string;
  /** Of an unreachable cluster: what was found in the way, at any of its addresses. */
  readonly obstacles: readonly Obstacle[];
  /** Of a call that was sent: the code that it ended with. */
  readonly status: status | undefined;

  constructor(type: FailureType, endpoint: string, message: string, details: Details = {}) {
    super(message);
    this.type = type;
    this.endpoint = endpoint;
    this.obstacles = details.obstacles ?? [];
    this.status = details.status;
  }

  /** The end of a call that may have been carried out at an earlier try. */
  asUnknown(): ClientFailure {
    const { endpoint, message, obstacles, status } = this;
    return new ClientFailure('unknown', endpoint, message, {
      obstacles,
      ...(status === undefined ? {} : { status }),
    });
  }
}
