import { compareBytes } from '../core/bytes.ts';
import { bytesOf } from './bytes.ts';
import type { Selection } from './coordination.ts';
import { CoordinationError } from './errors.ts';

/** Keys from `from` on, below `to`; without `to` up to the last. A single key `k` is [k, k + "\0"). */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
  readonly single: boolean;
}

/** The smallest key there is. */
const first = Uint8Array.of(0);

/** Throws `CoordinationError` with code `invalid` for an empty key, and for a range that can have none. */
export function keyRange(selection: Selection): KeyRange {
  if ('key' in selection) return singleKey(bytesOf(selection.key));
  if ('prefix' in selection) {
    const prefix = bytesOf(selection.prefix);
    return { from: prefix.length === 0 ? first : prefix, to: prefixEnd(prefix), single: false };
  }
  const given = bytesOf(selection.from);
  const from = given.length === 0 ? first : given;
  const to = selection.to === undefined ? undefined : bytesOf(selection.to);
  if (to !== undefined && compareBytes(to, from) <= 0) {
    throw new CoordinationError('invalid', 'refused', '`to` is not behind `from`; nothing was sent');
  }
  return { from, to, single: false };
}

function singleKey(key: Uint8Array): KeyRange {
  if (key.length === 0) {
    throw new CoordinationError('invalid', 'refused', 'a key is one byte or longer; nothing was sent');
  }
  const to = new Uint8Array(key.length + 1);
  to.set(key);
  return { from: key, to, single: true };
}

/** The first key behind all that begin with `prefix`; undefined when there is none. */
export function prefixEnd(prefix: Uint8Array): Uint8Array | undefined {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix[last] ?? 0;
    if (byte < 0xff) return Uint8Array.of(...prefix.subarray(0, last), byte + 1);
  }
  return undefined;
}
