/** The outcome of `work`, or `givenUp()` thrown as soon as `signal` fires; the work itself goes on unheard. */
export async function abandonable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  givenUp: () => Error,
): Promise<T> {
  if (signal === undefined) return work;
  if (signal.aborted) {
    work.catch(() => undefined);
    throw givenUp();
  }
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(givenUp());
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
