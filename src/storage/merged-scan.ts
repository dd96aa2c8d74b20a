import { compareBytes } from '../core/bytes.ts';
import type { ScanRange } from '../core/store.ts';
import type { Change, Changes } from './changes.ts';
import type { Pair } from './snapshot.ts';

/** The pairs in a range as they are with `changes` over what `below` gives, which is in the order of the range. */
export function* mergedScan(
  changes: Changes,
  below: IterableIterator<Pair>,
  range: ScanRange,
): IterableIterator<Pair> {
  if (changes.size === 0) return yield* below;
  const over = changes.scan(range);
  try {
    yield* merge(over, below, range.reverse === true ? -1 : 1);
  } finally {
    over.return?.();
    below.return?.();
  }
}

function* merge(
  over: IterableIterator<readonly [key: Uint8Array, change: Change]>,
  below: IterableIterator<Pair>,
  sign: 1 | -1,
): IterableIterator<Pair> {
  let change = over.next();
  let pair = below.next();
  while (change.done !== true || pair.done !== true) {
    const order =
      change.done === true
        ? 1
        : pair.done === true
          ? -1
          : sign * compareBytes(change.value[0], pair.value[0]);
    if (order > 0) {
      if (pair.done !== true) yield pair.value;
      pair = below.next();
      continue;
    }
    // The change replaces the pair with its key.
    if (order === 0) pair = below.next();
    if (change.done !== true) {
      const [key, { value }] = change.value;
      if (value !== undefined) yield [key, value];
    }
    change = over.next();
  }
}
