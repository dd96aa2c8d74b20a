/**
 * Integers in [0, 2^53) as 8 bytes, big-endian, without the cost of a bigint: on the path of every command.
 */
export function writeUint64(target: Uint8Array, at: number, value: number): void {
  writeUint32(target, at, Math.floor(value / 0x1_0000_0000));
  writeUint32(target, at + 4, value);
}

export function readUint64(source: Uint8Array, at: number): number {
  return readUint32(source, at) * 0x1_0000_0000 + readUint32(source, at + 4);
}

/** The low 32 bits of `value`. */
export function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

export function readUint32(source: Uint8Array, at: number): number {
  return (
    (((source[at] as number) << 24) |
      ((source[at + 1] as number) << 16) |
      ((source[at + 2] as number) << 8) |
      (source[at + 3] as number)) >>>
    0
  );
}
