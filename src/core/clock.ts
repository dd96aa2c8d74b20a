import type { Millis } from './ids.ts';

/**
 * Time as the driver and the transport see it: callbacks only, so that the simulator can own it. The Node.js shell and
 * the simulated clock are the two implementations.
 */
export interface Clock {
  /** Integer milliseconds; never goes back. */
  now(): Millis;
  /** Calls back once, at or after `at`. */
  setTimer(at: Millis, callback: () => void): Timer;
  /** Calls back after the I/O callbacks of the present turn of the event loop: inputs of one turn are stepped together. */
  defer(callback: () => void): void;
}

export interface Timer {
  /** After this the callback is never called. Harmless when it was. */
  cancel(): void;
}
