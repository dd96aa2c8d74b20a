import { assertNever } from '../../core/assert.ts';
import type { KeyErrorCode } from '../../machine/key-space/index.ts';
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
      return new Failure(Code.invalidArgument, 'the key is too long (docs/limits.md); nothing was changed');
    case 'malformed':
      return new Failure(Code.invalidArgument, 'the command is malformed; nothing was changed');
    default:
      return assertNever(code);
  }
}

/** Nothing happened, and nothing will through this call: the client may try again, here or elsewhere. */
export function refusedFailure(reason: RefusedReason | 'timeout'): Failure {
  switch (reason) {
    case 'overloaded':
      return etcdErrors.tooManyRequests;
    case 'storageFull':
      return etcdErrors.noSpace;
    case 'tooLarge':
      return etcdErrors.requestTooLarge;
    case 'noLeader':
    case 'notReady':
      return etcdErrors.noLeader;
    case 'notLeader':
    case 'transferring':
    case 'sessionExpired':
      return etcdErrors.leaderChanged;
    case 'stopping':
      return etcdErrors.stopped;
    case 'timeout':
      return etcdErrors.timeout;
    case 'unsupported':
      return etcdErrors.notCapable;
    default:
      return assertNever(reason);
  }
}

const outcomeUnknown = { 'quorate-outcome': 'unknown' };
const maybe = (failure: Failure): Failure => new Failure(failure.code, failure.message, outcomeUnknown);

const unknownFailures = {
  timeout: maybe(etcdErrors.timeout),
  stopped: maybe(etcdErrors.stopped),
  resultLost: maybe(etcdErrors.timeoutConnectionLost),
} as const;

/**
 * The write may have happened, or may still happen. Existing clients know the text; the trailer says it to those who
 * look, because a client that repeats the write blindly may do it twice.
 */
export function unknownFailure(reason: UnknownReason): Failure {
  return unknownFailures[reason];
}
