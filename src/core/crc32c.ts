/**
 * CRC-32C (Castagnoli; RFC 3720, section 12.1), reflected, eight bytes at a time (Kounavis and Berry 2005). It finds
 * every error burst of up to 32 bits, so every single flipped bit, at any length.
 */
const polynomial = 0x82f63b78;

const tables = buildTables();
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/**
 * The checksum of bytes [from, to), all unless told, an unsigned 32-bit integer. With the checksum of what came before as `seed`, the checksum of
 * both together: `crc32c(b, crc32c(a)) === crc32c(concatBytes([a, b]))`.
 */
export function crc32c(bytes: Uint8Array, seed = 0, from = 0, to = bytes.length): number {
  let crc = ~seed;
  const whole = to - ((to - from) % 8);
  let at = from;
  for (; at < whole; at += 8) {
    crc ^=
      byte(bytes, at) |
      (byte(bytes, at + 1) << 8) |
      (byte(bytes, at + 2) << 16) |
      (byte(bytes, at + 3) << 24);
    crc =
      entry(t7, crc) ^
      entry(t6, crc >>> 8) ^
      entry(t5, crc >>> 16) ^
      entry(t4, crc >>> 24) ^
      entry(t3, byte(bytes, at + 4)) ^
      entry(t2, byte(bytes, at + 5)) ^
      entry(t1, byte(bytes, at + 6)) ^
      entry(t0, byte(bytes, at + 7));
  }
  for (; at < to; at++) crc = (crc >>> 8) ^ entry(t0, crc ^ byte(bytes, at));
  return ~crc >>> 0;
}

const byte = (bytes: Uint8Array, at: number): number => bytes[at] as number;
const entry = (table: Int32Array, at: number): number => table[at & 0xff] as number;

/** `tables[k][b]`: what byte `b` contributes when `k` more bytes follow it in the group of eight. */
function buildTables(): Int32Array[] {
  const first = new Int32Array(256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (polynomial & -(crc & 1));
    first[value] = crc;
  }
  const all = [first];
  for (let k = 1; k < 8; k++) {
    const before = all[k - 1] as Int32Array;
    all.push(before.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] as number)));
  }
  return all;
}
