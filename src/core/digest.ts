/**
 * A digest of a set of pairs that does not depend on the order in which they came, and follows each change at the cost
 * of hashing the pair: the sum, in two 32-bit lanes, of a 64-bit mix of every (key, value). It tells replicas that
 * diverged by mistake; it is no defence against one that forges state.
 */
export class PairDigest {
  #high = 0;
  #low = 0;
  #mixHigh = 0;
  #mixLow = 0;

  /** The digest that `bytes` returned; 8 bytes. */
  static fromBytes(bytes: Uint8Array): PairDigest {
    const digest = new PairDigest();
    digest.#high = readWord(bytes, 0);
    digest.#low = readWord(bytes, 4);
    return digest;
  }

  add(key: Uint8Array, value: Uint8Array): void {
    this.#mix(key, value);
    this.#high = (this.#high + this.#mixHigh) >>> 0;
    this.#low = (this.#low + this.#mixLow) >>> 0;
  }

  /** Undoes the `add` of the same pair. */
  remove(key: Uint8Array, value: Uint8Array): void {
    this.#mix(key, value);
    this.#high = (this.#high - this.#mixHigh) >>> 0;
    this.#low = (this.#low - this.#mixLow) >>> 0;
  }

  /** 8 bytes. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(8);
    writeWord(bytes, 0, this.#high);
    writeWord(bytes, 4, this.#low);
    return bytes;
  }

  #mix(key: Uint8Array, value: Uint8Array): void {
    // The key's length is part of the seed, so that a byte moved from key to value changes the result.
    this.#mixHigh = 0x9e3779b9 ^ Math.imul(key.length + 1, 0x85ebca6b);
    this.#mixLow = 0x7f4a7c15 ^ Math.imul(value.length + 1, 0xc2b2ae35);
    this.#absorb(key);
    this.#absorb(value);
    let high = this.#mixHigh;
    let low = this.#mixLow;
    for (let round = 0; round < 2; round++) {
      high = finalize(high ^ rotate(low, 15));
      low = finalize(low ^ rotate(high, 9));
    }
    this.#mixHigh = high >>> 0;
    this.#mixLow = low >>> 0;
  }

  /** Each step is a bijection of each lane, so that lanes forget nothing; the second lane also hears the first. */
  #absorb(bytes: Uint8Array): void {
    let high = this.#mixHigh;
    let low = this.#mixLow;
    const whole = bytes.length & ~3;
    for (let i = 0; i < whole; i += 4) {
      const word =
        (bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24);
      high = Math.imul(rotate(high ^ word, 13), 0x2c1b3c6d);
      low = Math.imul(rotate(low, 17) ^ word, 0x297a2d39) + high;
    }
    let rest = 0;
    for (let i = whole; i < bytes.length; i++) rest = (rest << 8) | (bytes[i] as number);
    this.#mixHigh = Math.imul(rotate(high ^ rest, 13), 0x2c1b3c6d);
    this.#mixLow = Math.imul(rotate(low, 17) ^ rest, 0x297a2d39) + this.#mixHigh;
  }
}

const rotate = (word: number, count: number): number => (word << count) | (word >>> (32 - count));

function finalize(word: number): number {
  let mixed = word;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function writeWord(bytes: Uint8Array, at: number, word: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = word >>> (24 - 8 * i);
}

function readWord(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word = (word << 8) | (bytes[at + i] as number);
  return word >>> 0;
}
