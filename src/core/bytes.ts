const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const emptyBytes: Uint8Array = new Uint8Array(0);

/** Up to so many characters a loop is far cheaper than the encoder, which allocates outside of the JavaScript heap. */
const loopCharacters = 64;

export function utf8(text: string): Uint8Array {
  const { length } = text;
  if (length > loopCharacters) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encoder.encode(text);
    bytes[i] = unit;
  }
  return bytes;
}

/** Decodes UTF-8; throws a TypeError on malformed input. */
export const utf8Text = (bytes: Uint8Array): string => strictDecoder.decode(bytes);

/** Unsigned lexicographic order, a prefix before what it begins: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The first place in sorted `keys` whose key is at or after `key`; their number when there is none. */
export function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(keys[middle] as Uint8Array, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = allocate(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A typed array of up to so many bytes lies in the JavaScript heap; asking for its buffer moves it out, at great cost. */
const heapBytes = 64;
const slabBytes = 16 * 1024;
let slab = new ArrayBuffer(slabBytes);
let slabUsed = 0;

/**
 * Room for `length` bytes, zeroed. As an own allocation costs about as much as executing a command, what is neither
 * small nor large shares a slab, and keeps it alive.
 */
export function allocate(length: number): Uint8Array {
  if (length <= heapBytes || length > slabBytes / 8) return new Uint8Array(length);
  if (slabUsed + length > slabBytes) {
    slab = new ArrayBuffer(slabBytes);
    slabUsed = 0;
  }
  const bytes = new Uint8Array(slab, slabUsed, length);
  slabUsed += length;
  return bytes;
}

const keptSlabBytes = 4 * 1024;
let keptSlab = new ArrayBuffer(keptSlabBytes);
let keptSlabUsed = 0;

/**
 * A copy that costs little to keep, as part of a slab with others that are kept. What lies in the JavaScript heap takes
 * 200 bytes besides its own, twice as much as a part of a slab, and is moved whenever garbage is collected around it.
 */
export function copyToKeep(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length > keptSlabBytes / 8) return bytes.slice();
  if (keptSlabUsed + length > keptSlabBytes) {
    keptSlab = new ArrayBuffer(keptSlabBytes);
    keptSlabUsed = 0;
  }
  const copy = new Uint8Array(keptSlab, keptSlabUsed, length);
  copy.set(bytes);
  keptSlabUsed += length;
  return copy;
}

/** Bytes that do not change any more, as they cost little to keep: what is short is copied. */
export const toKeep = (bytes: Uint8Array): Uint8Array =>
  bytes.length <= heapBytes ? copyToKeep(bytes) : bytes;

/** Bytes [from, to) of an array that does not change any more: a copy or a view, whichever costs less. */
export function part(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return to - from <= heapBytes ? bytes.slice(from, to) : bytes.subarray(from, to);
}

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hex(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) text += hexOfByte[bytes[i] as number];
  return text;
}

/** The bytes of a hexadecimal text; undefined when it is not one. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
