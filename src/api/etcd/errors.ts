import { assertNever } from '../../core/assert.ts';
import { maxTxnAnswerBytes } from '../../core/limits.ts';
import { type KeyErrorCode, maxEscapedKeyBytes } from '../../machine/key-space/index.ts';
import type { RefusedReason, UnknownReason } from '../../replica/types.ts';
import { Code, Failure } from '../rpc/rpc.ts';

/** Codes and texts by which existing clients recognise errors: both must be exactly these. */
export const etcdErrors = {
  emptyKey: new Failure(Code.invalidArgument, 'etcdserver: key is not provided'),
  keyNotFound: new Failure(Code.invalidArgument, 'etcdserver: key not found'),
  valueProvided: new Failure(Code.invalidArgument, 'etcdserver: value is provided'),
  leaseProvided: new Failure(Code.invalidArgument, 'etcdserver: lease is provided'),
  tooManyOperations: new Failure(Code.invalidArgument, 'etcdserver: too many operations in txn request'),
  duplicateKey: new Failure(Code.invalidArgument, 'etcdserver: duplicate key given in txn request'),
  invalidSortOption: new Failure(Code.invalidArgument, 'etcdserver: invalid sort option'),
  requestTooLarge: new Failure(Code.invalidArgument, 'etcdserver: request is too large'),
  compacted: new Failure(Code.outOfRange, 'etcdserver: mvcc: required revision has been compacted'),
  futureRevision: new Failure(Code.outOfRange, 'etcdserver: mvcc: required revision is a future revision'),
  noSpace: new Failure(Code.resourceExhausted, 'etcdserver: mvcc: database space exceeded'),
  tooManyRequests: new Failure(Code.resourceExhausted, 'etcdserver: too many requests'),
  leaseNotFound: new Failure(Code.notFound, 'etcdserver: requested lease not found'),
  noLeader: new Failure(Code.unavailable, 'etcdserver: no leader'),
  leaderChanged: new Failure(Code.unavailable, 'etcdserver: leader changed'),
  stopped: new Failure(Code.unavailable, 'etcdserver: server stopped'),
  timeout: new Failure(Code.unavailable, 'etcdserver: request timed out'),
  timeoutConnectionLost: new Failure(
    Code.unavailable,
    'etcdserver: request timed out, possibly due to connection lost',
  ),
  notCapable: new Failure(Code.failedPrecondition, 'etcdserver: not capable'),
  cancelled: new Failure(Code.cancelled, 'etcdserver: request canceled'),
} as const;

/** Bytes that are not the message that the method takes. */
export function malformedMessage(reason: string): Failure {
  return new Failure(Code.internal, `the request does not decode: ${reason}`);
}

const refusedBecause = (code: Failure['code'], message: string): Failure =>
  new Failure(code, message, { 'quorate-outcome': 'refused' });

/** The key space refused; nothing was changed. */
export function keyFailure(code: KeyErrorCode): Failure {
  switch (code) {
    case 'keyNotFound':
    case 'emptyKey':
    case 'duplicateKey':
    case 'tooManyOperations':
    case 'valueProvided':
    case 'leaseProvided':
    case 'leaseNotFound':
    case 'compacted':
    case 'futureRevision':
      return etcdErrors[code];
    case 'keyTooLong':
      return refusedBecause(
        Code.invalidArgument,
        `the key is longer than ${maxEscapedKeyBytes} bytes, a zero byte counting twice; nothing was changed`,
      );
    case 'answerTooLarge':
      return refusedBecause(
        Code.resourceExhausted,
        `the answer would be larger than ${maxTxnAnswerBytes} bytes; nothing was changed. Read in parts, with a limit`,
      );
    case 'malformed':
      return refusedBecause(Code.invalidArgument, 'the command is malformed; nothing was changed');
    default:
      return assertNever(code);
  }
}

/** What a client can rely on, whatever the text: existing clients know the text, ours look at the trailer. */
const outcome = (failure: Failure, became: 'refused' | 'unknown'): Failure =>
  new Failure(failure.code, failure.message, { 'quorate-outcome': became });
const refused = (failure: Failure): Failure => outcome(failure, 'refused');
const unknown = (failure: Failure): Failure => outcome(failure, 'unknown');

const refusals: Readonly<Record<RefusedReason | 'timeout', Failure>> = {
  overloaded: refused(etcdErrors.tooManyRequests),
  storageFull: refused(etcdErrors.noSpace),
  tooLarge: refused(etcdErrors.requestTooLarge),
  noLeader: refused(etcdErrors.noLeader),
  notReady: refused(etcdErrors.noLeader),
  notLeader: refused(etcdErrors.leaderChanged),
  transferring: refused(etcdErrors.leaderChanged),
  stopping: refused(etcdErrors.stopped),
  timeout: refused(etcdErrors.timeout),
  unsupported: refused(etcdErrors.notCapable),
};

/**
 * Nothing happened, and nothing will through this call: the client may try again, here or elsewhere. Some of the texts
 * are also given when the outcome is unknown, so the trailer says which it is.
 */
export function refusedFailure(reason: RefusedReason | 'timeout'): Failure {
  return refusals[reason];
}

const unknownFailures = {
  timeout: unknown(etcdErrors.timeout),
  stopped: unknown(etcdErrors.stopped),
  resultLost: unknown(etcdErrors.timeoutConnectionLost),
} as const;

/** The write may have happened, or may still happen: a client that repeats it blindly may do it twice. */
export function unknownFailure(reason: UnknownReason): Failure {
  return unknownFailures[reason];
}
