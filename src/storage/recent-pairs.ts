import { equalBytes } from '../core/bytes.ts';
import { maxRecentValueBytes, recentPairs } from '../core/limits.ts';

/**
 * What was read lately: a command asks for some pairs several times, and some pairs are asked for by every command. Of
 * keys that fall on one place the last one stays.
 *
 * Whatever is found here is what the table below has: whoever writes there says so here, in the same breath.
 */
export class RecentPairs {
  readonly #places: readonly RecentPair[] = Array.from({ length: recentPairs }, () => new RecentPair());

  /** The place of `key`, whatever it holds: by the end of the key, where keys differ that are used one after the other. */
  placeOf(key: Uint8Array): RecentPair {
    const { length } = key;
    let hash = length;
    for (let at = Math.max(0, length - hashedBytes); at < length; at++)
      hash = Math.imul(hash ^ (key[at] as number), 0x0100_0193);
    return this.#places[(hash ^ (hash >>> 15)) & (recentPairs - 1)] as RecentPair;
  }

  clear(): void {
    for (const place of this.#places) place.clear();
  }
}

const hashedBytes = 16;

class RecentPair {
  #key: Uint8Array | undefined;
  #value: Uint8Array | undefined;

  holds(key: Uint8Array): boolean {
    return this.#key !== undefined && equalBytes(this.#key, key);
  }

  /** Undefined when there was nothing. */
  get value(): Uint8Array | undefined {
    return this.#value;
  }

  keep(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value !== undefined && value.length > maxRecentValueBytes) return this.clear();
    this.#key = key;
    this.#value = value;
  }

  clear(): void {
    this.#key = undefined;
    this.#value = undefined;
  }
}
