import { type ServiceError, status } from '@grpc/grpc-js';

/** Whether a call can change anything: a read that fails has certainly changed nothing. */
export type CallKind = 'read' | 'write';

/** What to make of an error that came after the call was handed to a connection. */
export interface Verdict {
  readonly type: 'refused' | 'unknown';
  /** Another server may do better, and asking it cannot make anything happen twice. */
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

/** Texts by which a server of the etcd family says that a request was turned away before it could be proposed. */
const turnedAway =
  /^(etcdserver: (no leader|not leader|too many requests|rpc not supported for learner)|quorate: )/;
const tooLarge = /^(etcdserver: (request is too large|mvcc: database space exceeded)|.*larger than max)/i;

/**
 * A timeout, a lost connection or an internal error of the server leave a write unknown. The trailer `quorate-outcome`
 * says what became of it whatever code and text are; a server without it is believed only in texts that are given before
 * anything is proposed.
 */
export function judge(error: ServiceError, kind: CallKind): Verdict {
  const outcome = error.metadata?.get('quorate-outcome') ?? [];
  if (kind === 'write' && outcome.includes('unknown')) return { type: 'unknown', elsewhere: false };
  if (finalCodes.has(error.code)) return { type: 'refused', elsewhere: false };
  if (tooLarge.test(error.details)) return { type: 'refused', elsewhere: false };
  if (outcome.includes('refused') || turnedAway.test(error.details))
    return { type: 'refused', elsewhere: true };
  if (kind === 'write') return { type: 'unknown', elsewhere: false };
  return { type: 'refused', elsewhere: true };
}
