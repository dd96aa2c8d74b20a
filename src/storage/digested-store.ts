import { assert } from '../core/assert.ts';
import { equalBytes } from '../core/bytes.ts';
import type { PairDigest } from '../core/digest.ts';
import { maxStoreKeyBytes, maxStoreValueBytes } from '../core/limits.ts';
import type { ReadStore, ScanRange, Store } from '../core/store.ts';

/** Where a back end keeps its pairs. `write` with undefined removes. */
export interface PairTable extends ReadStore {
  write(key: Uint8Array, value: Uint8Array | undefined): void;
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
  /** What was read last, until something is written. */
  #lastKey: Uint8Array | undefined;
  #lastValue: Uint8Array | undefined;

  constructor(table: PairTable, digest: PairDigest) {
    this.#table = table;
    this.#digest = digest;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const value = this.#table.get(key);
    this.#lastKey = key;
    this.#lastValue = value;
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
    const previous = this.#present(key);
    if (previous !== undefined) this.#digest.remove(key, previous);
    this.#digest.add(key, value);
    this.#write(key, value);
  }

  delete(key: Uint8Array): void {
    const previous = this.#present(key);
    if (previous === undefined) return;
    this.#digest.remove(key, previous);
    this.#write(key, undefined);
  }

  /** What is there now; machines often write what they have just read. */
  #present(key: Uint8Array): Uint8Array | undefined {
    const isLast = this.#lastKey !== undefined && equalBytes(key, this.#lastKey);
    return isLast ? this.#lastValue : this.#table.get(key);
  }

  #write(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#lastKey = undefined;
    this.#table.write(key, value);
    this.#dirty = true;
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
    this.#lastKey = undefined;
    this.#applied++;
  }
}
