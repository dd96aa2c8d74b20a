import type { CliDependencies } from './dependencies.ts';
import { exitCodes } from './exit-codes.ts';

/** Fires at the first request to stop, with what it was as its reason; a second one ends the process at once. */
export function stopSignal({ lifeline }: CliDependencies): AbortSignal {
  const stop = new AbortController();
  lifeline.onStop((reason) => {
    if (stop.signal.aborted) lifeline.exit(exitCodes.refused);
    stop.abort(reason);
  });
  return stop.signal;
}

export const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
