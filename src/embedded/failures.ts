import { CoordinationError, type ErrorCode } from '../client/errors.ts';
import type { KeyErrorCode } from '../machine/index.ts';
import type { RefusedReason, UnknownReason } from '../replica/index.ts';

const keyErrors: Readonly<Partial<Record<KeyErrorCode, ErrorCode>>> = {
  compacted: 'compacted',
  futureRevision: 'futureRevision',
  leaseNotFound: 'leaseLost',
  answerTooLarge: 'tooLarge',
  noSpace: 'noSpace',
  corrupt: 'failed',
  permissionDenied: 'permissionDenied',
};

/** The key space refused. */
export const keyFailure = (code: KeyErrorCode): CoordinationError =>
  new CoordinationError(keyErrors[code] ?? 'invalid', 'refused', `refused: ${code}. Nothing happened`);

const refusals = {
  overloaded: 'overloaded',
  storageFull: 'noSpace',
  tooLarge: 'tooLarge',
  unsupported: 'unsupported',
  timeout: 'deadline',
} as const satisfies Partial<Record<RefusedReason | 'timeout', ErrorCode>>;

const isKnown = (reason: string): reason is keyof typeof refusals => reason in refusals;

/** All other reasons are those of a cluster that is looking for its leader, or of a replica that does not run. */
export const refusal = (reason: RefusedReason | 'timeout'): CoordinationError =>
  new CoordinationError(
    isKnown(reason) ? refusals[reason] : 'unavailable',
    'refused',
    `the replica refused: ${reason}. Nothing happened`,
  );

export const unknown = (reason: UnknownReason): CoordinationError =>
  new CoordinationError(
    reason === 'timeout' ? 'deadline' : 'unavailable',
    'unknown',
    `the replica does not know what became of it: ${reason}. It may have taken effect: read before you try again`,
  );
