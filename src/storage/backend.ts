import type { Store } from '../core/store.ts';
import type { Base } from '../protocol/index.ts';
import type { Callback } from './disk.ts';

/**
 * Where the applied state lives. `store` takes each apply at once; durability comes later and in large steps, always
 * together with the position it belongs to. The journal may be cut only below what `flushed` reports.
 */
export interface StoreBackend {
  readonly store: Store;
  /** The position that everything put so far belongs to. */
  base(): Base;
  /** Everything put since the last call belongs to the entries up to and including `base.position`. */
  applied(base: Base): void;
  /** The last position that would survive a power cut, with its state. */
  flushed(): Base;
  /** Makes the applied state durable; calls back with the position reached. Further calls join the one under way. */
  flush(callback: Callback<Base>): void;
  /**
   * Order-independent digest over all pairs (8 bytes), kept incrementally: equal stores give equal digests on every
   * back end.
   */
  digest(): Uint8Array;
  /** A consistent view of the applied state that later applies do not change. Release it soon. */
  pin(): PinnedView;
  /** Replaces state and position by those of a complete received snapshot; atomic also across a power cut. */
  install(snapshot: ReceivedSnapshot, callback: Callback<void>): void;
  close(callback: Callback<void>): void;
}

export interface PinnedView {
  readonly base: Base;
  readonly digest: Uint8Array;
  /** Pairs with key > `after` (all for undefined) in ascending order. */
  entries(after: Uint8Array | undefined): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]>;
  release(): void;
}

/** A snapshot file that was received whole and checked. */
export interface ReceivedSnapshot {
  readonly path: string;
  readonly base: Base;
}
