import { status } from '@grpc/grpc-js';
import { CoordinationError, type ErrorCode } from '../errors.ts';
import { ClientFailure } from '../wire/failure.ts';

/** The first that matches; what servers of the etcd family say, in exactly these words. */
const texts: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^etcdserver: mvcc: required revision has been compacted/, 'compacted'],
  [/^etcdserver: mvcc: required revision is a future revision/, 'futureRevision'],
  [/^etcdserver: requested lease not found/, 'leaseLost'],
  [/^etcdserver: mvcc: database space exceeded/, 'noSpace'],
  [/^etcdserver: request is too large|larger than max|would be larger than/i, 'tooLarge'],
  [/^etcdserver: too many requests/, 'overloaded'],
  [/^etcdserver: (no leader|not leader|rpc not supported for learner)/, 'unavailable'],
  [/^etcdserver: permission denied/, 'permissionDenied'],
  [/^etcdserver: (authentication failed|invalid auth|user name is empty)/, 'unauthenticated'],
];

const codes: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.INVALID_ARGUMENT]: 'invalid',
  [status.OUT_OF_RANGE]: 'invalid',
  [status.DEADLINE_EXCEEDED]: 'deadline',
  [status.PERMISSION_DENIED]: 'permissionDenied',
  [status.UNAUTHENTICATED]: 'unauthenticated',
  [status.UNIMPLEMENTED]: 'unsupported',
  [status.RESOURCE_EXHAUSTED]: 'overloaded',
};

/** Other errors than `ClientFailure` are none of the wire's, and come back as they are. */
export function coordinationError(error: unknown, signal: AbortSignal | undefined): unknown {
  if (!(error instanceof ClientFailure)) return error;
  const outcome = error.type === 'unknown' ? 'unknown' : 'refused';
  const { endpoint } = error;
  if (signal?.aborted === true) {
    const message = `given up${outcome === 'unknown' ? ' after it was sent: it may have taken effect' : ''}`;
    return new CoordinationError('aborted', outcome, message, { endpoint, cause: signal.reason });
  }
  const message =
    outcome === 'unknown'
      ? `no certain answer from ${endpoint}: ${error.message}. It may have taken effect: read before you try again`
      : `${error.message} (${endpoint}). Nothing happened`;
  return new CoordinationError(codeFor(error), outcome, message, { endpoint, cause: error });
}

function codeFor({ type, message, status: code }: ClientFailure): ErrorCode {
  if (type === 'unreachable') return 'unreachable';
  const known = codeForText(message);
  if (known !== undefined) return known;
  if (code === status.UNAVAILABLE)
    return /^(etcdserver|quorate): /.test(message) ? 'unavailable' : 'disconnected';
  return (code === undefined ? undefined : codes[code]) ?? 'failed';
}

export const codeForText = (text: string): ErrorCode | undefined =>
  texts.find(([pattern]) => pattern.test(text))?.[1];
