/**
 * A broken invariant: a mistake of ours, never of the world. It halts the replica, in production too, because going on
 * with a state that cannot be is how acknowledged writes are lost. Bad peers, packets, disks and clients are expected
 * events with typed outcomes and must never reach an assertion.
 */
export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
  readonly code = 'INVARIANT_VIOLATION';
}

/** Throws `InvariantViolation`, which tells `message` as an assertion that failed. State one fact per call, so that it is named. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(`assertion failed: ${message}`);
}

/** Returns `value`, which must be there. */
export function present<T>(value: T | undefined | null, message: string): T {
  if (value === undefined || value === null) throw new InvariantViolation(message);
  return value;
}

/** Ends an exhaustive switch: a compile error when a case is missing, an `InvariantViolation` when types were bypassed. */
export function assertNever(value: never): never {
  throw new InvariantViolation(`unexpected value: ${JSON.stringify(value)}`);
}
