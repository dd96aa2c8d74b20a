import type { Store } from '../core/store.ts';
import type { Base } from '../protocol/index.ts';
import type { Callback } from './disk.ts';

/**
 * Where the applied state lives. `store` takes each apply at once; durability comes later and in large steps, always
 * together with the position it belongs to. The journal may be cut only below what `flushed` reports.
 *
 * A scan of `store` is good until the next `applied`; what must live longer works on a pinned view.
 */
export interface StoreBackend {
  readonly store: Store;
  /** The position that everything put so far belongs to. */
  base(): Base;
  /** Everything put since the last call belongs to the entries up to and including `base.position`. */
  applied(base: Base): void;
  /**
   * The last position that would survive a power cut, with its state. It may advance by itself when much was put, so look
   * at it again from time to time.
   */
  flushed(): Base;
  /**
   * Makes the applied state durable; calls back with the position reached, which is at least the present one. After an
   * error of kind `full` what was applied is still here, and a later flush may succeed; after any other error it will
   * not: halt.
   */
  flush(callback: Callback<Base>): void;
  /** Bytes put and not yet durable. Hold commands back and flush above `maxPendingStoreBytes`. */
  pendingBytes(): number;
  /** What the state takes on disk, and how much of that is in use. */
  bytes(): StoreBytes;
  /**
   * Order-independent digest over all pairs (8 bytes), kept incrementally: equal stores give equal digests on every
   * back end.
   */
  digest(): Uint8Array;
  /** A consistent view of the applied state that later applies do not change. Release it soon. */
  pin(): PinnedView;
  /**
   * Replaces state and position by those of a complete received snapshot; atomic also across a power cut. Nothing may be
   * put or applied until it calls back. After an error the state is the old one. The snapshot's file stays.
   */
  install(snapshot: ReceivedSnapshot, callback: Callback<void>): void;
  /** Lets go of files after what is under way; does not flush. Views are released. Nothing may be called after it. */
  close(callback: Callback<void>): void;
}

export interface StoreBytes {
  readonly total: number;
  readonly inUse: number;
}

export interface PinnedView {
  readonly base: Base;
  readonly digest: Uint8Array;
  /** All pairs in ascending order of their keys. */
  entries(): IterableIterator<readonly [key: Uint8Array, value: Uint8Array]>;
  /** Harmless when it was released. */
  release(): void;
}

/** A snapshot file that was received whole and checked. */
export interface ReceivedSnapshot {
  readonly path: string;
  /** The position to take: the snapshot's own, or another one when a backup begins a new cluster. */
  readonly base: Base;
}
