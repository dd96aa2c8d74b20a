import type { Entry } from './entry.ts';

/**
 * What a failed call says of itself. Codes are stable; texts are for people and are not.
 *
 * - `unreachable`: no server could be reached in time; nothing was sent.
 * - `unavailable`: servers answered that they cannot do it now (no leader, stopping, or the cluster lost its majority).
 * - `deadline`: the time that the call was given is up.
 * - `aborted`: the caller's `AbortSignal` fired.
 * - `disconnected`: the connection broke after the call was sent.
 * - `revisionMismatch`: `ifRevision` was another than the key's; `entry` is what is there.
 * - `compacted`: that part of history is gone; `revision` is the oldest that is left.
 * - `futureRevision`: there is no such revision yet.
 * - `leaseLost`: the lease is gone, and with it what hung on it.
 * - `invalid`: the request is wrong in itself.
 * - `tooLarge`: the request, or its answer, is larger than a limit of the server.
 * - `overloaded`: the server turned the request away because it has too many.
 * - `noSpace`: the server's storage is full.
 * - `unauthenticated`, `permissionDenied`: who we are, and what we may do.
 * - `unsupported`: the server does not know the call.
 * - `otherCluster`: a server of another cluster answered; the endpoints name more than one, or it was made anew.
 * - `closed`: the client was closed.
 * - `failed`: anything else; the text says what.
 */
export type ErrorCode =
  | 'unreachable'
  | 'unavailable'
  | 'deadline'
  | 'aborted'
  | 'disconnected'
  | 'revisionMismatch'
  | 'compacted'
  | 'futureRevision'
  | 'leaseLost'
  | 'invalid'
  | 'tooLarge'
  | 'overloaded'
  | 'noSpace'
  | 'unauthenticated'
  | 'permissionDenied'
  | 'unsupported'
  | 'otherCluster'
  | 'closed'
  | 'failed';

/** `refused`: nothing happened, and nothing will. `unknown`: it may have happened, or may still happen. */
export type Outcome = 'refused' | 'unknown';

interface Details {
  /** The server that was asked last, where there is one. */
  readonly endpoint?: string | undefined;
  readonly revision?: bigint | undefined;
  readonly entry?: Entry | undefined;
  readonly cause?: unknown;
}

const brand = Symbol.for('quorate.CoordinationError');

/**
 * A call that did not succeed. `instanceof` goes by a brand and not by the class, so it holds across copies of this
 * package too; `code` and `outcome` are what to decide by.
 */
export class CoordinationError extends Error {
  override readonly name = 'CoordinationError';
  readonly code: ErrorCode;
  readonly outcome: Outcome;
  readonly endpoint: string | undefined;
  /** With `compacted`: the oldest revision that is left. */
  readonly revision: bigint | undefined;
  /** With `revisionMismatch`: what is there instead. */
  readonly entry: Entry | undefined;
  readonly [brand] = true;

  constructor(code: ErrorCode, outcome: Outcome, message: string, details: Details = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.outcome = outcome;
    this.endpoint = details.endpoint;
    this.revision = details.revision;
    this.entry = details.entry;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && Reflect.get(value, brand) === true;
  }
}

/** The code of a `CoordinationError`; undefined for anything else. */
export const codeOf = (error: unknown): ErrorCode | undefined =>
  error instanceof CoordinationError ? error.code : undefined;
