import { compareBytes, part } from '../../core/bytes.ts';
import { maxStoreKeyBytes } from '../../core/limits.ts';
import { readUint32, writeUint32 } from '../uint64.ts';
import type { KeyRange } from './key-range.ts';

/**
 * The table of versions. Its keys are
 *
 *     0x10 | user key, each 00 as 00 ff | 00 | 2^63 - 1 - revision (8 bytes)
 *
 * so that user keys are in their own order, and the versions of one key from the newest to the oldest: the present
 * version, or that at a revision, is the first at or after one place. The byte after the terminating 00 is below 80,
 * since revisions are positive: that is what tells it from an escaped 00.
 */
const versionsTable = 0x10;

/** Bytes of a version's key that are not the escaped user key: the machine's space, table, terminator, revision. */
const overhead = 11;

/** The user's key in its escaped form must not be longer: see `escapedLength`. */
export const maxEscapedKeyBytes = maxStoreKeyBytes - overhead;

/** Bytes that a user key takes in the store: one for each, and one more for each 00. */
export function escapedLength(key: Uint8Array): number {
  let length = key.length;
  for (let zero = key.indexOf(0); zero !== -1; zero = key.indexOf(0, zero + 1)) length++;
  return length;
}

/** Key of the version of `key` that was written at `revision`. */
export function versionKey(key: Uint8Array, revision: number): Uint8Array {
  const escaped = escapedLength(key);
  const bytes = new Uint8Array(escaped + 10);
  escapeInto(bytes, key);
  writeInvertedRevision(bytes, escaped + 2, revision);
  return bytes;
}

/** The bounds between which the versions of `key` lie that are not newer than `revision`. */
export function versionsOf(key: Uint8Array, revision: number): { from: Uint8Array; to: Uint8Array } {
  const from = versionKey(key, revision);
  return { from: clipped(from), to: clipped(pastVersions(from)) };
}

/** The bounds between which all versions of all keys of a range lie. */
export function boundsOf(range: KeyRange): { from: Uint8Array; to: Uint8Array } {
  const to = range.to === undefined ? Uint8Array.of(versionsTable + 1) : lowerBound(range.to);
  return { from: lowerBound(range.from), to };
}

/** The first place after all versions of the key that `version` is one of. */
export function pastVersions(version: Uint8Array): Uint8Array {
  const bytes = version.slice(0, version.length - 7);
  bytes[bytes.length - 1] = 0x80;
  return bytes;
}

/** The place of the version at `revision` of the key that `version` is one of. */
export function atRevision(version: Uint8Array, revision: number): Uint8Array {
  const bytes = version.slice();
  writeInvertedRevision(bytes, bytes.length - 8, revision);
  return bytes;
}

export function revisionOf(version: Uint8Array): number {
  const at = version.length - 8;
  const high = 0x7fffffff - readUint32(version, at);
  return high * 0x1_0000_0000 + (0xffffffff - readUint32(version, at + 4));
}

/** True when both are versions of one user key. */
export function sameKey(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  // Neighbours differ towards the end.
  for (let at = a.length - 9; at > 0; at--) if (a[at] !== b[at]) return false;
  return true;
}

/** The user key of a version; a view of it when nothing was escaped. */
export function userKey(version: Uint8Array): Uint8Array {
  const escaped = part(version, 1, version.length - 9);
  let zero = escaped.indexOf(0);
  if (zero === -1) return escaped;
  const key = new Uint8Array(escaped.length);
  let from = 0;
  let length = 0;
  while (zero !== -1) {
    key.set(escaped.subarray(from, zero + 1), length);
    length += zero + 1 - from;
    from = zero + 2;
    zero = escaped.indexOf(0, from);
  }
  key.set(escaped.subarray(from), length);
  return key.subarray(0, length + escaped.length - from);
}

/** True for a range without keys, such as [b, a). */
export function isEmptyRange(range: KeyRange): boolean {
  return range.to !== undefined && compareBytes(range.from, range.to) >= 0;
}

/** True for the range of one key, [k, k + "\0"). */
export function isSingleKey({ from, to }: KeyRange): boolean {
  if (to === undefined || to.length !== from.length + 1 || to[from.length] !== 0) return false;
  for (let at = 0; at < from.length; at++) if (from[at] !== to[at]) return false;
  return true;
}

/** Every version of `key` and of the keys after it lies at or after this place, all others before it. */
function lowerBound(key: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(escapedLength(key) + 1);
  escapeInto(bytes, key);
  return clipped(bytes);
}

/**
 * A bound that is longer than every key of the store can be cut: what is cut off could only part keys that are equal to
 * the rest, and the rest of an escaped key is never a version's key, which ends in a terminator and a revision.
 */
function clipped(bound: Uint8Array): Uint8Array {
  return bound.length < maxStoreKeyBytes ? bound : bound.subarray(0, maxStoreKeyBytes - 1);
}

function escapeInto(bytes: Uint8Array, key: Uint8Array): void {
  bytes[0] = versionsTable;
  let zero = key.indexOf(0);
  if (zero === -1) {
    bytes.set(key, 1);
    return;
  }
  let from = 0;
  let at = 1;
  while (zero !== -1) {
    bytes.set(key.subarray(from, zero + 1), at);
    at += zero + 1 - from;
    bytes[at++] = 0xff;
    from = zero + 1;
    zero = key.indexOf(0, from);
  }
  bytes.set(key.subarray(from), at);
}

function writeInvertedRevision(bytes: Uint8Array, at: number, revision: number): void {
  writeUint32(bytes, at, 0x7fffffff - Math.floor(revision / 0x1_0000_0000));
  writeUint32(bytes, at + 4, 0xffffffff - (revision % 0x1_0000_0000));
}
