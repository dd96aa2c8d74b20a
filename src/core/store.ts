/**
 * What a machine reads: ordered bytes to bytes. Synchronous, because a machine is. Keys are ordered as unsigned bytes.
 * What is handed out must not be changed by the receiver, and stays as it is when the store goes on.
 */
export interface ReadStore {
  get(key: Uint8Array): Uint8Array | undefined;
  /** Pairs with `from <= key < to`, ascending or descending; `to` undefined means without end. Lazy. */
  scan(range: ScanRange): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]>;
}

export interface ScanRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array | undefined;
  readonly reverse?: boolean;
}

/** What a machine writes. Values handed in are immutable from then on; of keys, also those of `get`, a copy is kept. */
export interface Store extends ReadStore {
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
}
