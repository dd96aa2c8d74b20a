/**
 * A seeded stream of randomness: xoshiro128** (Blackman and Vigna 2018), integer operations only, so that a seed gives
 * the same numbers on every engine. Streams are derived by name, so that one more draw in one component does not shift
 * what another component sees.
 */
export class Random {
  readonly #state: Uint32Array;

  private constructor(state: Uint32Array) {
    this.#state = state;
  }

  static fromSeed(seed: string): Random {
    const state = new Uint32Array(4);
    for (let word = 0; word < 4; word++) state[word] = hashText(`${word}:${seed}`);
    state[0] = (state[0] as number) | 1; // an all-zero state would stay zero
    return new Random(state);
  }

  /** Draws the lowest of whatever it is asked for, always: for those who try all outcomes instead of drawing one. */
  static still(): Random {
    return new Random(new Uint32Array(4));
  }

  /** An independent stream; it depends on this stream's present state and the name, and does not advance this one. */
  stream(name: string): Random {
    return Random.fromSeed(`${this.#state.join('.')}/${name}`);
  }

  /** A copy that will give the same numbers as this one. */
  fork(): Random {
    return new Random(this.#state.slice());
  }

  /** The four state words, for a canonical encoding. */
  words(): readonly number[] {
    return [...this.#state];
  }

  /** A stream in the state that `words` told. */
  static fromWords(words: readonly number[]): Random {
    return new Random(Uint32Array.from({ length: 4 }, (_, word) => words[word] ?? 0));
  }

  /** A uniform integer in [0, 2^32). */
  uint32(): number {
    const s = this.#state;
    const s0 = s[0] as number;
    const s1 = s[1] as number;
    const s2 = s[2] as number;
    const s3 = s[3] as number;
    const scrambled = Math.imul(s1, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    s[2] = s2 ^ s0;
    s[3] = s3 ^ s1;
    s[1] = s1 ^ (s[2] as number);
    s[0] = s0 ^ (s[3] as number);
    s[2] = (s[2] as number) ^ (s1 << 9);
    s[3] = ((s[3] as number) << 11) | ((s[3] as number) >>> 21);
    return result;
  }

  /** A uniform integer in [0, bound), for 1 <= bound <= 2^32. */
  below(bound: number): number {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let draw = this.uint32();
    while (draw >= limit) draw = this.uint32();
    return draw % bound;
  }

  /** A uniform integer in [low, high], both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with probability numerator / denominator. */
  chance(numerator: number, denominator: number): boolean {
    return this.below(denominator) < numerator;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** A shuffled copy (Fisher and Yates). */
  shuffle<T>(items: readonly T[]): T[] {
    const shuffled = [...items];
    for (let i = shuffled.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [shuffled[i], shuffled[j]] = [shuffled[j] as T, shuffled[i] as T];
    }
    return shuffled;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let i = 0; i < length; i++) bytes[i] = this.uint32() >>> 24;
    return bytes;
  }
}

/** 32-bit FNV-1a over UTF-16 units with the finalizer of MurmurHash3: mixes short, similar seeds well. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
