import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareBytes, hex, utf8 } from './bytes.ts';
import { OrderedMap } from './ordered-map.ts';
import { Random } from './random.ts';
import type { ScanRange } from './store.ts';

/** The twin: a list, sorted when read. */
class Naive {
  readonly pairs = new Map<string, readonly [Uint8Array, number]>();

  scan(range: ScanRange): (readonly [Uint8Array, number])[] {
    const inRange = [...this.pairs.values()]
      .filter(([key]) => compareBytes(key, range.from) >= 0)
      .filter(([key]) => range.to === undefined || compareBytes(key, range.to) < 0)
      .sort(([a], [b]) => compareBytes(a, b));
    return range.reverse === true ? inRange.reverse() : inRange;
  }
}

const everything: ScanRange = { from: new Uint8Array(0), to: undefined };
const readable = (pairs: Iterable<readonly [Uint8Array, number]>): string[] =>
  [...pairs].map(([key, value]) => `${hex(key)}=${value}`);

/** All over, or such that many begin with the same bytes, and differ within or behind the words that a node keeps. */
const key = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 2 }),
  fc
    .array(fc.constantFrom('\0', '\0\0\0', 'key-', '\u00ff'), { minLength: 1, maxLength: 5 })
    .map((parts) => utf8(parts.join(''))),
);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('set' as const), key, value: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('delete' as const), key }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('snapshot' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('scan' as const),
      from: key,
      to: fc.option(key, { nil: undefined }),
      reverse: fc.boolean(),
    }),
  },
);

test('agrees with a sorted list, and snapshots stay as they were', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
      const map = new OrderedMap<number>();
      const twin = new Naive();
      const snapshots: { snapshot: OrderedMap<number>; expected: string[] }[] = [];
      for (const action of steps) {
        switch (action.type) {
          case 'set':
            expect(map.set(action.key, action.value)).toBe(twin.pairs.get(hex(action.key))?.[1]);
            twin.pairs.set(hex(action.key), [action.key, action.value]);
            break;
          case 'delete':
            expect(map.delete(action.key)).toBe(twin.pairs.get(hex(action.key))?.[1]);
            twin.pairs.delete(hex(action.key));
            break;
          case 'snapshot':
            snapshots.push({ snapshot: map.snapshot(), expected: readable(twin.scan(everything)) });
            break;
          case 'scan':
            expect(readable(map.scan(action))).toEqual(readable(twin.scan(action)));
            break;
        }
      }
      expect(map.size).toBe(twin.pairs.size);
      expect(readable(map.scan(everything))).toEqual(readable(twin.scan(everything)));
      for (const { snapshot, expected } of snapshots)
        expect(readable(snapshot.scan(everything))).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});

test('grows and shrinks through many levels, in any order', () => {
  const random = Random.fromSeed('ordered map');
  const keys = Array.from({ length: 20_000 }, (_, i) => Uint8Array.of(i >>> 16, (i >>> 8) & 255, i & 255));
  const map = new OrderedMap<number>();
  const values = new Map<string, number>();
  random.shuffle(keys).forEach((each, i) => {
    map.set(each, i);
    values.set(hex(each), i);
  });
  const full = map.snapshot();
  const order = random.shuffle(keys);
  for (const each of order.slice(0, 19_990)) expect(map.delete(each)).toBe(values.get(hex(each)));
  expect(map.delete(Uint8Array.of(9))).toBe(undefined);
  const left = order.slice(19_990).sort(compareBytes);
  expect([...map.scan(everything)].map(([each]) => hex(each))).toEqual(left.map(hex));
  expect([...map.scan({ ...everything, reverse: true })].map(([each]) => hex(each))).toEqual(
    left.map(hex).reverse(),
  );
  for (const each of left) map.delete(each);
  expect([...map.scan(everything)]).toEqual([]);
  expect([...full.scan(everything)].map(([each]) => hex(each))).toEqual(keys.map(hex));
});

test('a scan that began does not see what happens after', () => {
  const map = new OrderedMap<number>();
  for (let i = 0; i < 100; i++) map.set(Uint8Array.of(i), i);
  const seen: number[] = [];
  for (const [each, value] of map.scan(everything)) {
    seen.push(value);
    map.delete(each);
    map.set(Uint8Array.of(200, value), value);
  }
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i));
  expect(map.size).toBe(100);
});

test('scans that overlap each other, writes and snapshots all see what was there when they began', () => {
  const overlap = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant('set' as const), key: fc.nat(255), value: fc.nat() }),
    },
    { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), key: fc.nat(255) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('snapshot' as const) }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('begin' as const), reverse: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('advance' as const), which: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ type: fc.constant('close' as const), which: fc.nat() }) },
  );
  fc.assert(
    fc.property(fc.array(overlap, { maxLength: 200, size: 'max' }), (steps) => {
      const map = new OrderedMap<number>();
      const twin = new Naive();
      const set = (at: number, value: number): void => {
        map.set(Uint8Array.of(at), value);
        twin.pairs.set(hex(Uint8Array.of(at)), [Uint8Array.of(at), value]);
      };
      for (let at = 0; at < 256; at += 2) set(at, at);
      const snapshots: { snapshot: OrderedMap<number>; expected: string[] }[] = [];
      const scans: { scan: ReturnType<typeof map.scan>; expected: string[] }[] = [];
      for (const action of steps) {
        if (action.type === 'set') set(action.key, action.value);
        else if (action.type === 'delete') {
          const at = hex(Uint8Array.of(action.key));
          expect(map.delete(Uint8Array.of(action.key))).toBe(twin.pairs.get(at)?.[1]);
          twin.pairs.delete(at);
        } else if (action.type === 'snapshot') {
          snapshots.push({ snapshot: map.snapshot(), expected: readable(twin.scan(everything)) });
        } else if (action.type === 'begin') {
          const range = { ...everything, reverse: action.reverse };
          scans.push({ scan: map.scan(range), expected: readable(twin.scan(range)) });
        } else {
          const chosen = scans[action.which % scans.length];
          if (chosen === undefined) continue;
          if (action.type === 'advance') {
            const next = chosen.scan.next();
            expect(next.done ? [] : readable([next.value])).toEqual(chosen.expected.splice(0, 1));
          } else {
            chosen.scan.return?.();
            chosen.expected = [];
          }
        }
      }
      for (const { scan, expected } of scans) expect(readable(scan)).toEqual(expected);
      for (const { snapshot, expected } of snapshots)
        expect(readable(snapshot.scan(everything))).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});
