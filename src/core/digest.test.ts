import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hex, utf8 } from './bytes.ts';
import { PairDigest } from './digest.ts';

const digestOf = (pairs: Iterable<readonly [Uint8Array, Uint8Array]>): string => {
  const digest = new PairDigest();
  for (const [key, value] of pairs) digest.add(key, value);
  return hex(digest.bytes());
};

const pair = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.uint8Array({ maxLength: 9 }));

test('does not depend on the order, and forgets what is removed', () => {
  fc.assert(
    fc.property(fc.array(pair), fc.array(pair), (kept, removed) => {
      const digest = new PairDigest();
      for (const [key, value] of [...removed, ...kept]) digest.add(key, value);
      for (const [key, value] of removed) digest.remove(key, value);
      expect(hex(digest.bytes())).toBe(digestOf([...kept].reverse()));
      expect(hex(PairDigest.fromBytes(digest.bytes()).bytes())).toBe(hex(digest.bytes()));
    }),
  );
});

test('tells apart what differs by one bit, by where the key ends, and by trailing zeros', () => {
  const seen = new Set<string>();
  const add = (key: Uint8Array, value: Uint8Array): void => {
    const digest = digestOf([[key, value]]);
    expect(seen.has(digest)).toBe(false);
    seen.add(digest);
  };
  const text = utf8('the quick brown fox');
  for (let split = 1; split <= text.length; split++) add(text.subarray(0, split), text.subarray(split));
  for (let bit = 0; bit < 8 * text.length; bit++) {
    const flipped = text.slice();
    flipped[bit >>> 3] = (flipped[bit >>> 3] as number) ^ (1 << (bit & 7));
    add(flipped, text);
    add(text, flipped);
  }
  for (let zeros = 0; zeros < 20; zeros++) add(utf8('zeros'), new Uint8Array(zeros));
});

test('no two of 200,000 small pairs meet in either half', () => {
  const high = new Set<string>();
  const low = new Set<string>();
  for (let i = 0; i < 200_000; i++) {
    const digest = digestOf([[Uint8Array.of(1, i >>> 16, (i >>> 8) & 255, i & 255), Uint8Array.of(i & 7)]]);
    high.add(digest.slice(0, 8));
    low.add(digest.slice(8));
  }
  // A good 32-bit hash of 200,000 inputs collides about 5 times.
  expect(high.size).toBeGreaterThan(199_970);
  expect(low.size).toBeGreaterThan(199_970);
});

test('is what it was: stores carry it across releases', () => {
  expect(digestOf([[utf8('key'), utf8('value')]])).toMatchInlineSnapshot(`"60133b5f8e6c8921"`);
});
