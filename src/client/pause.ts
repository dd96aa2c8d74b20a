/** The longest that Node.js waits: a timer for longer than 2^31 - 1 ms fires at once. */
export const maxTimerMs = 2 ** 31 - 1;

/** Ends early, without an error, when `signal` fires. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = performance.now() + ms;
    let timer: NodeJS.Timeout | undefined;
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const arm = (): void => {
      const left = end - performance.now();
      timer = left > maxTimerMs ? setTimeout(arm, maxTimerMs) : setTimeout(done, left);
    };
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', done, { once: true });
    arm();
  });
}

/** For a pause that nothing ends early. */
export const never: AbortSignal = new AbortController().signal;
