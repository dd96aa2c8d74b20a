import { compareBytes, concatBytes } from '../../../core/bytes.ts';
import { Reader, Writer } from '../../../core/codec.ts';
import { readUint32 } from '../../uint64.ts';
import type { KeyRange } from '../key-range.ts';
import { readRange, writeRange } from './range-codec.ts';

const zeroByte = new Uint8Array(1);

/** The range in which `key` is alone. */
export const singleKey = (key: Uint8Array): KeyRange => ({ from: key, to: concatBytes([key, zeroByte]) });

/** By their beginnings, then by their ends; a range without end is the last of those that begin alike. */
export function compareRanges(a: KeyRange, b: KeyRange): number {
  const difference = compareBytes(a.from, b.from);
  if (difference !== 0) return difference;
  if (a.to === undefined || b.to === undefined)
    return Number(a.to === undefined) - Number(b.to === undefined);
  return compareBytes(a.to, b.to);
}

/**
 * The keys that lie in any of some ranges, in a form that is looked at without being decoded: every command is checked
 * when it is applied, however many permissions there are. A count (u32), for each range its place after these (u32), and
 * the ranges, in order, neither touching nor overlapping each other.
 */
export type KeySet = Uint8Array;

export function keySet(ranges: readonly KeyRange[]): KeySet {
  const merged = merge(ranges);
  const places = new Writer(4 + 4 * merged.length).u32(merged.length);
  const entries = new Writer(256);
  for (const range of merged) {
    places.u32(entries.length);
    writeRange(entries, range);
  }
  return concatBytes([places.finish(), entries.finish()]);
}

/** True when every key of `range` lies in one of `sets`; of an empty range, its first key. */
export function covers(sets: readonly KeySet[], range: KeyRange): boolean {
  let reached = range.from;
  for (;;) {
    let further: Uint8Array | undefined;
    for (const set of sets) {
      const found = rangeAround(set, reached);
      if (found === undefined) continue;
      if (found.to === undefined) return true;
      if (further === undefined || compareBytes(found.to, further) > 0) further = found.to;
    }
    // Behind the end of one set another may go on.
    if (further === undefined) return false;
    if (range.to !== undefined && compareBytes(further, range.to) >= 0) return true;
    reached = further;
  }
}

function merge(ranges: readonly KeyRange[]): KeyRange[] {
  const merged: KeyRange[] = [];
  for (const range of [...ranges].sort(compareRanges)) {
    const last = merged.at(-1);
    if (last === undefined || (last.to !== undefined && compareBytes(last.to, range.from) < 0))
      merged.push(range);
    else if (last.to !== undefined && (range.to === undefined || compareBytes(range.to, last.to) > 0))
      merged[merged.length - 1] = { from: last.from, to: range.to };
  }
  return merged;
}

/** The range of a set in which `key` lies. */
function rangeAround(set: KeySet, key: Uint8Array): KeyRange | undefined {
  const count = readUint32(set, 0);
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(rangeAt(set, count, middle).from, key) <= 0) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return undefined;
  const range = rangeAt(set, count, low - 1);
  return range.to === undefined || compareBytes(key, range.to) < 0 ? range : undefined;
}

function rangeAt(set: KeySet, count: number, at: number): KeyRange {
  const place = 4 + 4 * count + readUint32(set, 4 + 4 * at);
  return readRange(new Reader(set.subarray(place)));
}
