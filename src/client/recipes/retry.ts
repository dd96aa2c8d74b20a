import { codeOf, type ErrorCode } from '../errors.ts';

/** Seconds that a key outlives us where nothing else was asked for. */
export const defaultTtl = 10;

/** Before a failed step of waiting is tried again, in ms. */
export const retryMs = 200;

const passing: ReadonlySet<ErrorCode> = new Set([
  'unreachable',
  'unavailable',
  'deadline',
  'disconnected',
  'overloaded',
  'compacted',
]);

/** Whether this is trouble of servers and networks that waiting may outlive. */
export function mayPass(error: unknown): boolean {
  const code = codeOf(error);
  return code !== undefined && passing.has(code);
}
