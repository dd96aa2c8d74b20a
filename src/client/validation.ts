import type { Condition, Operation, RangeView, WatchQuery } from './coordination.ts';
import { CoordinationError } from './errors.ts';
import { maxTimerMs } from './pause.ts';

/** Revisions, versions and leases are of 64 bits with a sign, and below zero there are none. */
const maxNumber = 2n ** 63n - 1n;

const invalid = (message: string): CoordinationError =>
  new CoordinationError('invalid', 'refused', `${message}; nothing was sent`);

/** Throws `CoordinationError` with code `invalid` for a number that no store takes. */
export function validateView(view: RangeView): void {
  const { limit } = view;
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 0)) {
    throw invalid(`\`limit\` is a whole number, not ${limit}`);
  }
  validateNumber('revision', view.revision);
  validateNumber('minCreateRevision', view.minCreateRevision);
  validateNumber('maxCreateRevision', view.maxCreateRevision);
  validateNumber('minModRevision', view.minModRevision);
  validateNumber('maxModRevision', view.maxModRevision);
}

export function validateNumber(name: string, number: bigint | undefined): void {
  if (number === undefined || (number >= 0n && number <= maxNumber)) return;
  throw invalid(`\`${name}\` is from 0 to 2^63 - 1, not ${number}`);
}

export function validateCondition(condition: Condition): void {
  if (condition.target !== 'value') validateNumber(condition.target, condition.operand);
}

export function validateOperation(operation: Operation): void {
  if (operation.type === 'range') validateView(operation.query);
  else if (operation.type === 'put') validateNumber('lease', operation.lease);
}

/** 0 would be "from now on" to one store, and "all that is kept" to another. */
export function validateWatch({ fromRevision }: WatchQuery): void {
  if (fromRevision === 0n) {
    throw invalid('`fromRevision` begins at 1; without it a watch shows what comes from now on');
  }
  validateNumber('fromRevision', fromRevision);
}

/** Milliseconds for a call that does not say otherwise, of a client that does not either. */
export const defaultDeadlineMs = 5_000;

/** Milliseconds that timers can wait for. */
export function deadlineOf(deadlineMs: number): number {
  if (deadlineMs > 0) return Math.min(deadlineMs, maxTimerMs);
  throw invalid(`\`deadlineMs\` is above 0, not ${deadlineMs}`);
}
