import { assert } from './assert.ts';
import { allocate, emptyBytes, part, utf8, utf8Text } from './bytes.ts';

/** 64-bit integers pass through here: asking a small array for its buffer costs more than all else of a short encoding. */
const word = new Uint8Array(8);
const wordView = new DataView(word.buffer);

/**
 * The binary encoding of everything of ours: integers big-endian or as unsigned LEB128, byte strings behind their
 * length. A `Writer` grows; a `Reader` checks every bound and reports malformed input by `Malformed`, which `decode`
 * turns into a value: malformed bytes are an expected event, never a crash.
 */
export class Writer {
  #buffer: Uint8Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#buffer = allocate(capacity);
  }

  get length(): number {
    return this.#length;
  }

  /** The bytes written; maybe a view, so write no more after it. */
  finish(): Uint8Array {
    return this.#length === this.#buffer.length ? this.#buffer : part(this.#buffer, 0, this.#length);
  }

  u8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer[at] = value;
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  u32(value: number): this {
    const at = this.#reserve(4);
    putU32(this.#buffer, at, value);
    return this;
  }

  /** Writes over four bytes that were written before. */
  u32At(at: number, value: number): this {
    assert(at + 4 <= this.#length, 'only what was written is written over');
    putU32(this.#buffer, at, value);
    return this;
  }

  u64(value: bigint): this {
    wordView.setBigUint64(0, value);
    return this.#word();
  }

  i64(value: bigint): this {
    wordView.setBigInt64(0, value);
    return this.#word();
  }

  /** An integer in [0, 2^53), one byte for each 7 bits. */
  uint(value: number): this {
    let rest = value;
    if (rest < 0x80) return this.u8(rest);
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }

  bytes(value: Uint8Array): this {
    this.uint(value.length);
    return this.raw(value);
  }

  string(value: string): this {
    return this.bytes(utf8(value));
  }

  /** Bytes without a length before them. */
  raw(value: Uint8Array): this {
    const at = this.#reserve(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  #word(): this {
    const at = this.#reserve(8);
    const buffer = this.#buffer;
    for (let i = 0; i < 8; i++) buffer[at + i] = word[i] as number;
    return this;
  }

  #reserve(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (needed > this.#buffer.length) {
      const grown = allocate(Math.max(needed, 2 * this.#buffer.length));
      grown.set(this.#buffer);
      this.#buffer = grown;
    }
    this.#length = needed;
    return at;
  }
}

/** Bytes that `Writer.uint` takes for `value`: with the exact capacity a writer has nothing to cut off. */
export function uintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
}

/** What is wrong with bytes that came from a wire or a disk. Thrown by `Reader`, caught by `decode`. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
  readonly code = 'MALFORMED';
}

export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  bool(): boolean {
    const value = this.u8();
    if (value > 1) throw new Malformed(`expected a boolean, found ${value}`);
    return value === 1;
  }

  u32(): number {
    const bytes = this.#bytes;
    const at = this.#take(4);
    return (
      (((bytes[at] as number) << 24) |
        ((bytes[at + 1] as number) << 16) |
        ((bytes[at + 2] as number) << 8) |
        (bytes[at + 3] as number)) >>>
      0
    );
  }

  u64(): bigint {
    this.#word();
    return wordView.getBigUint64(0);
  }

  i64(): bigint {
    this.#word();
    return wordView.getBigInt64(0);
  }

  uint(): number {
    const first = this.u8();
    return first < 0x80 ? first : this.#longUint(first);
  }

  #longUint(first: number): number {
    let value = first & 0x7f;
    let scale = 0x80;
    for (;;) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw new Malformed('integer above 2^53');
      if (byte < 0x80) {
        if (byte === 0) throw new Malformed('integer not in its shortest form');
        return value;
      }
      scale *= 0x80;
    }
  }

  /** Maybe a view of the input, which must not change any more. */
  bytes(): Uint8Array {
    return this.raw(this.uint());
  }

  string(): string {
    const bytes = this.bytes();
    try {
      return utf8Text(bytes);
    } catch {
      throw new Malformed('text is not UTF-8');
    }
  }

  raw(length: number): Uint8Array {
    if (length === 0) return emptyBytes;
    const at = this.#take(length);
    return part(this.#bytes, at, at + length);
  }

  /** How many elements follow; each takes at least `minBytes`, so a lying count cannot make us allocate. */
  count(minBytes: number): number {
    const count = this.uint();
    if (count * minBytes > this.remaining)
      throw new Malformed(`${count} elements do not fit ${this.remaining} bytes`);
    return count;
  }

  end(): void {
    if (this.remaining !== 0) throw new Malformed(`${this.remaining} bytes too many`);
  }

  #take(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at)
      throw new Malformed(`${count} bytes expected, ${this.#bytes.length - at} left`);
    this.#at = at + count;
    return at;
  }

  #word(): void {
    const bytes = this.#bytes;
    const at = this.#take(8);
    for (let i = 0; i < 8; i++) word[i] = bytes[at + i] as number;
  }
}

/** Decodes all of `bytes` with `read`; a `Malformed` value says what was wrong. */
export function decode<T>(bytes: Uint8Array, read: (reader: Reader) => T): T | Malformed {
  try {
    const reader = new Reader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  } catch (error) {
    if (error instanceof Malformed) return error;
    throw error;
  }
}

function putU32(buffer: Uint8Array, at: number, value: number): void {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
}
