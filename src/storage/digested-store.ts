import { assert } from '../core/assert.ts';
import { copyToKeep, toKeep } from '../core/bytes.ts';
import type { PairDigest } from '../core/digest.ts';
import { maxStoreKeyBytes, maxStoreValueBytes } from '../core/limits.ts';
import type { ReadStore, ScanRange, Store } from '../core/store.ts';
import { RecentPairs } from './recent-pairs.ts';

/** Where a back end keeps its pairs. A value of undefined removes. */
export interface PairTable extends ReadStore {
  write(key: Uint8Array, value: Uint8Array | undefined): void;
  /** Writes, and returns what was there before. */
  exchange(key: Uint8Array, value: Uint8Array): Uint8Array | undefined;
}

/**
 * The store that machines see, the same above every back end: it checks limits, keeps the digest, and knows whether
 * something was written that belongs to no position yet.
 */
export class DigestedStore implements Store {
  readonly #table: PairTable;
  #digest: PairDigest;
  #dirty = false;
  /** Counts positions; a scan is good for one only. */
  #applied = 0;
  readonly #recent = new RecentPairs();

  constructor(table: PairTable, digest: PairDigest) {
    this.#table = table;
    this.#digest = digest;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const recent = this.#recent.placeOf(key);
    if (recent.holds(key)) return recent.value;
    const value = this.#table.get(key);
    recent.keep(copyToKeep(key), value);
    return value;
  }

  *scan(range: ScanRange): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]> {
    const applied = this.#applied;
    for (const pair of this.#table.scan(range)) {
      yield pair;
      assert(applied === this.#applied, 'a scan went on after the store had moved on: pin a view instead');
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    assert(key.length > 0, 'a key of the store has at least one byte');
    assert(key.length <= maxStoreKeyBytes, 'a key of the store is longer than the limit');
    assert(value.length <= maxStoreValueBytes, 'a value of the store is longer than the limit');
    const previous = this.#replace(copyToKeep(key), toKeep(value));
    if (previous !== undefined) this.#digest.remove(key, previous);
    this.#digest.add(key, value);
    this.#dirty = true;
  }

  delete(key: Uint8Array): void {
    const previous = this.get(key);
    if (previous === undefined) return;
    this.#digest.remove(key, previous);
    this.#recent.placeOf(key).clear();
    this.#table.write(copyToKeep(key), undefined);
    this.#dirty = true;
  }

  /** What is only written is not kept at hand: most of it is not asked for soon. */
  #replace(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    const recent = this.#recent.placeOf(key);
    if (!recent.holds(key)) return this.#table.exchange(key, value);
    const previous = recent.value;
    recent.keep(key, value);
    this.#table.write(key, value);
    return previous;
  }

  digest(): Uint8Array {
    return this.#digest.bytes();
  }

  /** What was written belongs to a position now. */
  settle(): void {
    this.#dirty = false;
    this.#applied++;
  }

  /** Only a state that belongs to a position may be looked at by others or made durable. */
  assertSettled(): void {
    assert(!this.#dirty, 'the store was written to since the last position');
  }

  /** All pairs were replaced by others. */
  replaced(digest: PairDigest): void {
    this.assertSettled();
    this.#digest = digest;
    this.#recent.clear();
    this.#applied++;
  }
}
