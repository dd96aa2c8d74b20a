import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hex } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import { maxRecentValueBytes } from '../core/limits.ts';
import { OrderedMap } from '../core/ordered-map.ts';
import type { ScanRange } from '../core/store.ts';
import { DigestedStore, type PairTable } from './digested-store.ts';

class MapTable implements PairTable {
  pairs = new OrderedMap<Uint8Array>();

  get(key: Uint8Array): Uint8Array | undefined {
    return this.pairs.get(key);
  }

  scan(range: ScanRange): IterableIterator<readonly [Uint8Array, Uint8Array]> {
    return this.pairs.scan(range);
  }

  write(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value === undefined) this.pairs.delete(key);
    else this.pairs.set(key, value);
  }

  exchange(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    return this.pairs.set(key, value);
  }
}

/** Far more than are kept at hand, and each several times, so that they push each other out and come back. */
const key = fc.nat(1500).map((n) => Uint8Array.of(n >>> 8, n & 255));
const value = fc
  .record({
    length: fc.constantFrom(0, 1, 3, maxRecentValueBytes, maxRecentValueBytes + 1),
    fill: fc.nat(255),
  })
  .map(({ length, fill }) => new Uint8Array(length).fill(fill));
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('get' as const), key }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('put' as const), key, value }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('update' as const), key, value }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('replace' as const), pairs: fc.array(key) }) },
);

const digestOf = (pairs: OrderedMap<Uint8Array>): PairDigest => {
  const digest = new PairDigest();
  for (const [each, its] of pairs.scan({ from: new Uint8Array(0), to: undefined })) digest.add(each, its);
  return digest;
};

test('what is kept at hand is what the table has, and the digest is that of its pairs', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3000, size: 'max' }), (steps) => {
      const table = new MapTable();
      const store = new DigestedStore(table, new PairDigest());
      const twin = new Map<string, Uint8Array>();
      for (const action of steps) {
        switch (action.type) {
          case 'get':
            expect(store.get(action.key)).toEqual(twin.get(hex(action.key)));
            break;
          case 'update':
          case 'put':
            // A record that is read and written by every command, or one that is only written.
            if (action.type === 'update') store.get(action.key);
            store.put(action.key, action.value);
            twin.set(hex(action.key), action.value);
            break;
          case 'delete':
            store.delete(action.key);
            twin.delete(hex(action.key));
            break;
          case 'replace':
            store.settle();
            table.pairs = new OrderedMap();
            twin.clear();
            for (const each of action.pairs) {
              table.pairs.set(each, each);
              twin.set(hex(each), each);
            }
            store.replaced(digestOf(table.pairs));
            break;
        }
      }
      for (let n = 0; n <= 1500; n++) {
        const each = Uint8Array.of(n >>> 8, n & 255);
        expect(store.get(each)).toEqual(twin.get(hex(each)));
      }
      expect(hex(store.digest())).toBe(hex(digestOf(table.pairs).bytes()));
    }),
    { numRuns: 30 },
  );
});
