import type { Clock } from '../core/clock.ts';
import { millis } from '../core/ids.ts';

/** How often to look, in ms. */
const intervalMs = 5;

/** Calls back true as soon as `condition` holds, false when it is `over` or does not hold within `timeoutMs`. */
export function awaitCondition(
  clock: Clock,
  condition: () => boolean,
  over: () => boolean,
  timeoutMs: number,
  callback: (held: boolean) => void,
): void {
  const deadline = clock.now() + timeoutMs;
  const look = (): void => {
    if (condition()) callback(true);
    else if (over() || clock.now() >= deadline) callback(false);
    else clock.setTimer(millis(clock.now() + intervalMs), look);
  };
  look();
}
