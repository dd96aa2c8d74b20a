import { OrderedMap } from '../../src/core/ordered-map.ts';
import type { ScanRange, Store } from '../../src/core/store.ts';

type Pairs = IterableIterator<readonly [key: Uint8Array, value: Uint8Array]>;

/** The smallest real store: an ordered map. */
export class MapStore implements Store {
  readonly #map = new OrderedMap<Uint8Array>();

  get size(): number {
    return this.#map.size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#map.get(key);
  }

  scan(range: ScanRange): Pairs {
    return this.#map.scan(range);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#map.set(key.slice(), value);
  }

  delete(key: Uint8Array): void {
    this.#map.delete(key);
  }

  /** Every pair as text, for comparisons. */
  dump(): string[] {
    const everything = this.#map.scan({ from: new Uint8Array(0), to: undefined });
    return [...everything].map(([key, value]) => `${hexText(key)}=${hexText(value)}`);
  }
}

const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
