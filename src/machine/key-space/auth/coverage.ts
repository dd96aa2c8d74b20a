import { compareBytes, concatBytes } from '../../../core/bytes.ts';
import type { KeyRange } from '../requests.ts';

const zeroByte = new Uint8Array(1);

/** True when every key of `range` lies in one of `ranges`, whatever their order; of an empty range, its first key. */
export function covers(ranges: readonly KeyRange[], range: KeyRange): boolean {
  if (ranges.some((single) => contains(single, range))) return true;
  // Only several together can do it now: go from one to the next as far as there is no gap.
  const sorted = [...ranges].sort((a, b) => compareBytes(a.from, b.from));
  let reached = range.from;
  for (const { from, to } of sorted) {
    if (compareBytes(from, reached) > 0) return false;
    if (to === undefined) return true;
    if (compareBytes(to, reached) <= 0) continue;
    reached = to;
    if (range.to !== undefined && compareBytes(reached, range.to) >= 0) return true;
  }
  return false;
}

function contains(outer: KeyRange, inner: KeyRange): boolean {
  if (compareBytes(outer.from, inner.from) > 0) return false;
  if (outer.to === undefined) return true;
  return (
    inner.to !== undefined && compareBytes(inner.to, outer.to) <= 0 && compareBytes(inner.from, outer.to) < 0
  );
}

/** By their beginnings, then by their ends; a range without end is the last of those that begin alike. */
export function compareRanges(a: KeyRange, b: KeyRange): number {
  const difference = compareBytes(a.from, b.from);
  if (difference !== 0) return difference;
  if (a.to === undefined || b.to === undefined)
    return Number(a.to === undefined) - Number(b.to === undefined);
  return compareBytes(a.to, b.to);
}

/** The range in which `key` is alone. */
export const singleKey = (key: Uint8Array): KeyRange => ({ from: key, to: concatBytes([key, zeroByte]) });
