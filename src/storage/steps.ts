import type { Callback, Disk, DiskError, DiskFile } from './disk.ts';

/** Calls `step` with one item after the other, each when the one before it is done; ends at the first error. */
export function inTurn<T, E = DiskError>(
  items: readonly T[],
  step: (item: T, done: (error?: E) => void) => void,
  callback: (error?: E) => void,
): void {
  let next = 0;
  const proceed = (error?: E): void => {
    const item = items[next++];
    if (error !== undefined || next > items.length) callback(error);
    else step(item as T, proceed);
  };
  proceed();
}

/** Removes what may be there. */
export function removeIfThere(disk: Disk, path: string, callback: (error?: DiskError) => void): void {
  disk.remove(path, (error) => callback(error?.kind === 'missing' ? undefined : error));
}

/** Closes the file whatever became of it, then reports the outcome that came first. */
export function closeAfter<T>(file: DiskFile, callback: Callback<T>): Callback<T> {
  const report = callback as (...outcome: unknown[]) => void;
  return ((...outcome: unknown[]) => file.close(() => report(...outcome))) as Callback<T>;
}
