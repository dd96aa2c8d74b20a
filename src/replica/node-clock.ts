import { performance } from 'node:perf_hooks';
import type { Clock, Timer } from '../core/clock.ts';
import { type Millis, millis } from '../core/ids.ts';

/** The host's monotonic clock and event loop. */
export const nodeClock: Clock = {
  now: (): Millis => millis(Math.floor(performance.now())),

  setTimer(at: Millis, callback: () => void): Timer {
    const timeout = setTimeout(callback, Math.max(1, at - performance.now()));
    return { cancel: () => clearTimeout(timeout) };
  },

  defer(callback: () => void): void {
    setImmediate(callback);
  },
};
