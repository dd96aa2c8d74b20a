import { readUint32, writeUint32 } from '../uint64.ts';

/** The 8 bytes of a 64-bit integer, two's complement, big-endian. */
export function writeInt64(target: Uint8Array, at: number, value: bigint): void {
  writeUint32(target, at, Number((value >> 32n) & 0xffff_ffffn));
  writeUint32(target, at + 4, Number(value & 0xffff_ffffn));
}

export function readInt64(source: Uint8Array, at: number): bigint {
  const high = BigInt(readUint32(source, at) | 0);
  return high * 0x1_0000_0000n + BigInt(readUint32(source, at + 4));
}

/** Below, at or above 0 as `a` is below, at or above `b`. */
export function compareInt64(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function int64Bytes(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  writeInt64(bytes, 0, value);
  return bytes;
}
