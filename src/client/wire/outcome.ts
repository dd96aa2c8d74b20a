import { type ServiceError, status } from '@grpc/grpc-js';

/**
 * What a call can change. A `read` that fails has certainly changed nothing. A `repeatable` one may have, and does no harm
 * when it is done twice; a `write` does.
 */
export type CallKind = 'read' | 'repeatable' | 'write';

/** What to make of an error that came after the call was handed to a connection. */
export interface Verdict {
  readonly type: 'refused' | 'unknown';
  /** Another server may do better, and asking it can do no harm. */
  readonly elsewhere: boolean;
}

/** Codes of answers to requests that are wrong in themselves: every server would give the same one. */
const finalCodes: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
]);

/** Texts by which etcd's servers say that a request was turned away before it could be proposed, whatever the code is. */
const turnedAway = /^etcdserver: (no leader|not leader|too many requests|rpc not supported for learner)/;
/** Of a leader that has looked at its cluster, and would say the same wherever it is asked from. */
const decided = /^etcdserver: unhealthy cluster/;
/** Texts of our own servers, who say in the trailer when anything may have happened. */
const ours = /^quorate: /;
/** The last is the library's, of a server that did not take the request. */
const tooLarge =
  /^(etcdserver: (request is too large|mvcc: database space exceeded)|.*received message.*larger than max)/i;
/** The library's, of an answer to what was done. */
const answerTooLarge = /larger than max/i;
/** Of an answer that broke off: the library gives it the code for a method that is not there. */
const withoutMessage = /no message received/i;

/**
 * A timeout, a lost connection or an internal error of the server leave a write unknown. The trailer `quorate-outcome`
 * says what became of it whatever code and text are; a server without it is believed only in texts that are given before
 * anything is proposed.
 */
export function judge(error: ServiceError, kind: CallKind): Verdict {
  const outcome = error.metadata?.get('quorate-outcome') ?? [];
  const { code, details } = error;
  if (outcome.includes('unknown')) return uncertain(kind);
  if (decided.test(details)) return { type: 'refused', elsewhere: false };
  if (turnedAway.test(details)) return { type: 'refused', elsewhere: true };
  if (tooLarge.test(details) || (finalCodes.has(code) && !withoutMessage.test(details))) {
    return { type: 'refused', elsewhere: false };
  }
  if (answerTooLarge.test(details)) return { ...uncertain(kind), elsewhere: false };
  if (outcome.includes('refused') || ours.test(details)) return { type: 'refused', elsewhere: true };
  return uncertain(kind);
}

function uncertain(kind: CallKind): Verdict {
  return { type: kind === 'read' ? 'refused' : 'unknown', elsewhere: kind !== 'write' };
}
