import { assertNever } from '../../core/assert.ts';
import { maxAlarms, maxTxnAnswerBytes } from '../../core/limits.ts';
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
  corrupt: new Failure(Code.dataLoss, 'etcdserver: corrupt cluster'),
  leaseNotFound: new Failure(Code.notFound, 'etcdserver: requested lease not found'),
  leaseExists: new Failure(Code.failedPrecondition, 'etcdserver: lease already exists'),
  leaseTtlTooLarge: new Failure(Code.outOfRange, 'etcdserver: too large lease TTL'),
  memberExists: new Failure(Code.failedPrecondition, 'etcdserver: member ID already exist'),
  peerUrlExists: new Failure(Code.failedPrecondition, 'etcdserver: Peer URLs already exists'),
  memberNotEnoughStarted: new Failure(
    Code.failedPrecondition,
    'etcdserver: re-configuration failed due to not enough started members',
  ),
  memberBadUrls: new Failure(Code.invalidArgument, 'etcdserver: given member URLs are invalid'),
  memberNotFound: new Failure(Code.notFound, 'etcdserver: member not found'),
  memberNotLearner: new Failure(Code.failedPrecondition, 'etcdserver: can only promote a learner member'),
  learnerNotReady: new Failure(
    Code.failedPrecondition,
    'etcdserver: can only promote a learner member which is in sync with leader',
  ),
  tooManyLearners: new Failure(Code.failedPrecondition, 'etcdserver: too many learner members in cluster'),
  notSupportedForLearner: new Failure(Code.failedPrecondition, 'etcdserver: rpc not supported for learner'),
  badLeaderTransferee: new Failure(Code.failedPrecondition, 'etcdserver: bad leader transferee'),
  rootUserNotExist: new Failure(Code.failedPrecondition, 'etcdserver: root user does not exist'),
  rootRoleNotExist: new Failure(Code.failedPrecondition, 'etcdserver: root user does not have root role'),
  userAlreadyExists: new Failure(Code.failedPrecondition, 'etcdserver: user name already exists'),
  userEmpty: new Failure(Code.invalidArgument, 'etcdserver: user name is empty'),
  userNotFound: new Failure(Code.failedPrecondition, 'etcdserver: user name not found'),
  roleAlreadyExists: new Failure(Code.failedPrecondition, 'etcdserver: role name already exists'),
  roleNotFound: new Failure(Code.failedPrecondition, 'etcdserver: role name not found'),
  roleEmpty: new Failure(Code.invalidArgument, 'etcdserver: role name is empty'),
  authFailed: new Failure(
    Code.invalidArgument,
    'etcdserver: authentication failed, invalid user ID or password',
  ),
  permissionNotGiven: new Failure(Code.invalidArgument, 'etcdserver: permission not given'),
  permissionDenied: new Failure(Code.permissionDenied, 'etcdserver: permission denied'),
  roleNotGranted: new Failure(Code.failedPrecondition, 'etcdserver: role is not granted to the user'),
  permissionNotGranted: new Failure(
    Code.failedPrecondition,
    'etcdserver: permission is not granted to the role',
  ),
  authNotEnabled: new Failure(Code.failedPrecondition, 'etcdserver: authentication is not enabled'),
  invalidAuthToken: new Failure(Code.unauthenticated, 'etcdserver: invalid auth token'),
  invalidAuthManagement: new Failure(Code.invalidArgument, 'etcdserver: invalid auth management'),
  authOldRevision: new Failure(Code.invalidArgument, 'etcdserver: revision of auth store is old'),
  noLeader: new Failure(Code.unavailable, 'etcdserver: no leader'),
  notLeader: new Failure(Code.failedPrecondition, 'etcdserver: not leader'),
  leaderChanged: new Failure(Code.unavailable, 'etcdserver: leader changed'),
  notCapable: new Failure(Code.failedPrecondition, 'etcdserver: not capable'),
  stopped: new Failure(Code.unavailable, 'etcdserver: server stopped'),
  timeout: new Failure(Code.unavailable, 'etcdserver: request timed out'),
  timeoutConnectionLost: new Failure(
    Code.unavailable,
    'etcdserver: request timed out, possibly due to connection lost',
  ),
  unhealthy: new Failure(Code.unavailable, 'etcdserver: unhealthy cluster'),
  cancelled: new Failure(Code.cancelled, 'etcdserver: request canceled'),
  wrongDowngradeVersionFormat: new Failure(
    Code.invalidArgument,
    'etcdserver: wrong downgrade target version format',
  ),
  invalidDowngradeTargetVersion: new Failure(
    Code.invalidArgument,
    'etcdserver: invalid downgrade target version',
  ),
  noInflightDowngrade: new Failure(Code.failedPrecondition, 'etcdserver: no inflight downgrade job'),
  leaderTransferTimeout: new Failure(
    Code.unavailable,
    'etcdserver: request timed out, leader transfer took too long',
  ),
  // Locks and elections fail in the words of etcd's client library, and without a code of their own.
  lockSessionExpired: new Failure(Code.unknown, 'mutex: session is expired'),
  electionSessionExpired: new Failure(Code.unknown, 'election: session is expired'),
  electionNotLeader: new Failure(Code.unknown, 'election: not leader'),
  electionNoLeader: new Failure(Code.unknown, 'election: no leader'),
  leaderKeyMissing: new Failure(Code.unknown, '"leader" field must be provided'),
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
    case 'leaseExists':
    case 'leaseTtlTooLarge':
    case 'noSpace':
    case 'corrupt':
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
    case 'rootUserNotExist':
    case 'rootRoleNotExist':
    case 'userEmpty':
    case 'userNotFound':
    case 'userAlreadyExists':
    case 'roleEmpty':
    case 'roleNotFound':
    case 'roleAlreadyExists':
    case 'roleNotGranted':
    case 'permissionNotGranted':
    case 'permissionDenied':
    case 'authOldRevision':
    case 'invalidAuthManagement':
      return etcdErrors[code];
    case 'authLimit':
      return refusedBecause(
        Code.resourceExhausted,
        'more users, roles or permissions, or longer names, than are kept; nothing was changed. docs/reference/limits.md has the limits',
      );
    case 'tooManyAlarms':
      return refusedBecause(
        Code.resourceExhausted,
        `${maxAlarms} alarms stand already; nothing was changed. Take some back first`,
      );
    case 'malformed':
      return refusedBecause(Code.invalidArgument, 'the command is malformed; nothing was changed');
    default:
      return assertNever(code);
  }
}

/** What a client can rely on, whatever the text: existing clients know the text, ours look at the trailer. */
const outcome = (failure: Failure, became: 'refused' | 'unknown'): Failure =>
  new Failure(failure.code, failure.message, { ...failure.trailers, 'quorate-outcome': became });
/** Nothing was changed, and nothing will be. */
export const refused = (failure: Failure): Failure => outcome(failure, 'refused');
/** What was asked for may have happened, or may still happen. */
export const unknown = (failure: Failure): Failure => outcome(failure, 'unknown');

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
  // Another change of membership is under way, or the leader is new: it may be asked again.
  reconfiguring: refused(etcdErrors.unhealthy),
  memberNotFound: refused(etcdErrors.memberNotFound),
  memberExists: refused(etcdErrors.memberExists),
  addressExists: refused(etcdErrors.peerUrlExists),
  notLearner: refused(etcdErrors.memberNotLearner),
  notInSync: refused(etcdErrors.learnerNotReady),
  tooManyLearners: refused(etcdErrors.tooManyLearners),
  tooManyMembers: refusedBecause(
    Code.resourceExhausted,
    'this cluster has had as many members as one may ever have; nothing was changed. Back up and restore into a new one',
  ),
  notEnoughStarted: refused(etcdErrors.memberNotEnoughStarted),
  unhealthy: refused(etcdErrors.unhealthy),
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
