import type { NodeId } from '../../core/ids.ts';
import type { Rename } from '../../protocol/index.ts';

/** Two 32-bit lanes for each renaming: sums of them name sets. */
export type Fingerprint = Uint32Array;

/** Every way to number replicas 1 to `count`. */
export function renamings(count: number): readonly Rename[] {
  const permutations = (left: readonly number[]): number[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((first) =>
          permutations(left.filter((other) => other !== first)).map((rest) => [first, ...rest]),
        );
  const ids = Array.from({ length: count }, (_, at) => at + 1);
  return permutations(ids).map(
    (order) =>
      (id: NodeId): number =>
        order[id - 1] ?? id,
  );
}

/** Writes the hash of `bytes` into lanes 2 × `at` and 2 × `at` + 1. */
export function hashInto(fingerprint: Fingerprint, at: number, bytes: Uint8Array, salt: number): void {
  let [one, other] = [0x811c9dc5 ^ salt, 0x9e3779b9 + salt];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    one = Math.imul(one ^ byte, 0x01000193);
    other = Math.imul(other ^ byte, 0x85ebca6b) + (other >>> 15);
  }
  fingerprint[2 * at] = mix(one ^ bytes.length);
  fingerprint[2 * at + 1] = mix(other + bytes.length);
}

/** Every bit of the result depends on every bit of `value`. */
export function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
