import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, Malformed, type Reader, Writer } from './codec.ts';

const maxUint64 = 2n ** 64n - 1n;

/** One field of each kind: what is written, and how it is read again. */
const field = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ type: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 0xffff_ffff }) }),
  fc.record({ type: fc.constant('u64' as const), value: fc.bigInt({ min: 0n, max: maxUint64 }) }),
  fc.record({
    type: fc.constant('i64' as const),
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  fc.record({ type: fc.constant('uint' as const), value: fc.maxSafeNat() }),
  fc.record({ type: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({ type: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
);

type Field = typeof field extends fc.Arbitrary<infer T> ? T : never;

function write(writer: Writer, { type, value }: Field): void {
  (writer[type] as (value: unknown) => Writer)(value);
}

const read = (fields: readonly Field[]) => (reader: Reader) =>
  fields.map(({ type }) => ({ type, value: reader[type]() }));

describe('the codec', () => {
  it('brings every field back, whatever capacity was guessed', () => {
    fc.assert(
      fc.property(fc.array(field), fc.integer({ min: 1, max: 5_000 }), (fields, capacity) => {
        const writer = new Writer(capacity);
        for (const each of fields) write(writer, each);
        expect(decode(writer.finish(), read(fields))).toEqual(fields);
      }),
    );
  });

  it('keeps writers apart that are used at the same time', () => {
    fc.assert(
      fc.property(fc.array(field), fc.array(field), (left, right) => {
        const writers = [new Writer(100), new Writer(100)] as const;
        for (let i = 0; i < Math.max(left.length, right.length); i++) {
          for (const [side, fields] of [left, right].entries()) {
            const each = fields[i];
            if (each !== undefined) write(writers[side as 0 | 1], each);
          }
        }
        expect(decode(writers[0].finish(), read(left))).toEqual(left);
        expect(decode(writers[1].finish(), read(right))).toEqual(right);
      }),
    );
  });

  it('refuses what was cut, and what has bytes too many', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1 }), fc.nat(), (fields, place) => {
        const writer = new Writer();
        for (const each of fields) write(writer, each);
        const bytes = writer.finish().slice();
        const cut = bytes.subarray(0, place % bytes.length);
        expect(decode(cut, read(fields))).toBeInstanceOf(Malformed);
        expect(decode(Uint8Array.of(...bytes, 0), read(fields))).toBeInstanceOf(Malformed);
      }),
    );
  });

  it('takes integers in their shortest form only, and none above 2^53', () => {
    expect(decode(Uint8Array.of(0x80, 0x00), (reader) => reader.uint())).toBeInstanceOf(Malformed);
    const huge = new Uint8Array(10).fill(0xff);
    expect(decode(huge, (reader) => reader.uint())).toBeInstanceOf(Malformed);
  });

  it('does not believe a count that cannot fit', () => {
    const bytes = new Writer().uint(1_000_000).u8(0).finish();
    expect(decode(bytes, (reader) => reader.count(1))).toBeInstanceOf(Malformed);
  });
});
