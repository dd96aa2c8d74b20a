import { describe, expect, it } from 'vitest';
import { equalBytes } from '../core/bytes.ts';
import { Random } from '../core/random.ts';
import { PagedBytes } from './paged-bytes.ts';

/** Bytes kept the simple way. */
class Plain {
  bytes = new Uint8Array(0);

  resize(length: number): void {
    const resized = new Uint8Array(length);
    resized.set(this.bytes.subarray(0, length));
    this.bytes = resized;
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.bytes.length) this.resize(offset + bytes.length);
    this.bytes.set(bytes, offset);
  }
}

const maxBytes = 40_000;

describe('bytes in pages', () => {
  it('hold what was written, whatever is shared', () => {
    for (let seed = 0; seed < 40; seed++) {
      const random = Random.fromSeed(`pages ${seed}`);
      const pairs = [{ paged: new PagedBytes(), plain: new Plain() }];
      for (let step = 0; step < 60; step++) {
        const at = random.below(pairs.length);
        const { paged, plain } = pairs[at] as (typeof pairs)[number];
        const offset = random.chance(1, 2) ? 4096 * random.below(6) : random.below(maxBytes / 2);
        const action = random.below(5);
        if (action <= 1) {
          const bytes = random.bytes(random.below(maxBytes / 2));
          // The same bytes go to two files, as to what is visible and what is durable.
          for (const each of new Set([at, random.below(pairs.length)])) {
            pairs[each]?.paged.write(offset, bytes);
            pairs[each]?.plain.write(offset, bytes);
          }
        } else if (action === 2) {
          paged.resize(offset);
          plain.resize(offset);
        } else if (action === 3 && plain.bytes.length > 0) {
          const bit = random.below(8 * plain.bytes.length);
          paged.flipBit(bit);
          plain.bytes[bit >> 3] = (plain.bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        } else if (pairs.length < 4) {
          const copy = new Plain();
          copy.write(0, plain.bytes.slice());
          pairs.push({ paged: paged.copy(), plain: copy });
        }
        for (const each of pairs) {
          expect(each.paged.length).toBe(each.plain.bytes.length);
          expect(equalBytes(each.paged.read(0, maxBytes * 2), each.plain.bytes)).toBe(true);
          const some = each.plain.bytes.slice(offset, offset + 5_000);
          expect(equalBytes(each.paged.read(offset, 5_000), some)).toBe(true);
        }
      }
    }
  });
});
