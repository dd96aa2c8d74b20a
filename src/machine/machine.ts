import type { ClusterTime, Epoch, Index } from '../core/ids.ts';
import type { ReadStore, Store } from '../core/store.ts';

/**
 * A replicated state machine. Deterministic: the same commands over the same store give the same results and the same
 * bytes on every replica. All of its state is in the store. It touches no clock, no randomness and no I/O.
 */
export interface Machine {
  readonly name: string;
  /** Rises when `apply` changes behaviour. Hosts run the behaviour of `context.featureLevel`, at most this. */
  readonly featureLevel: number;
  /**
   * Executes one command. A command that is malformed or not allowed is answered by a result that says so: it has been
   * ordered already, so throwing would halt every replica.
   */
  apply(command: Uint8Array, context: ApplyContext, store: Store): Uint8Array;
}

/** What is the same on every replica when an entry is applied. */
export interface ApplyContext {
  readonly index: Index;
  readonly epoch: Epoch;
  /** Stamped by the leader that proposed the entry. */
  readonly time: ClusterTime;
  readonly featureLevel: number;
}

export type { ReadStore, Store };
