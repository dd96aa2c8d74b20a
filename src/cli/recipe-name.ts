import { usageFailure } from './exit-codes.ts';

/** Of a lock or an election: what others name too, so an empty one is a variable that was not set. */
export function requireName(name: string): void {
  if (name === '') throw usageFailure('the name is empty. Nothing was sent.');
}
