import { describe, expect, test } from 'vitest';
import { concatBytes, utf8 } from './bytes.ts';
import { crc32c } from './crc32c.ts';
import { Random } from './random.ts';

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

describe('CRC-32C', () => {
  test('the vectors of RFC 3720, appendix B.4', () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
    expect(crc32c(utf8('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(0))).toBe(0);
  });

  test('equals the bit-by-bit definition at every length, and continues from a seed at every cut', () => {
    const random = Random.fromSeed('crc32c');
    for (let length = 0; length < 70; length++) {
      const bytes = random.bytes(length);
      const expected = bitwise(bytes);
      expect(crc32c(bytes)).toBe(expected);
      for (let cut = 0; cut <= length; cut++) {
        const [head, tail] = [bytes.subarray(0, cut), bytes.subarray(cut)];
        expect(crc32c(tail, crc32c(head))).toBe(expected);
        expect(crc32c(concatBytes([head, tail]))).toBe(expected);
      }
    }
  });

  test('finds every single flipped bit', () => {
    const bytes = Random.fromSeed('flip').bytes(300);
    const sound = crc32c(bytes);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(crc32c(flipped)).not.toBe(sound);
    }
  });
});
