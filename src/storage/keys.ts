import { maxStoreKeyBytes } from '../core/limits.ts';

/** The first key after `key`. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

/** A bound of a range that the same keys of the store lie below, and that is at most one byte longer than they can be. */
export function storableBound(bound: Uint8Array): Uint8Array {
  return bound.length <= maxStoreKeyBytes ? bound : keyAfter(bound.subarray(0, maxStoreKeyBytes));
}
