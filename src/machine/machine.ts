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
  /** What is to be done without anybody asking: absent when there is nothing. */
  readonly duties?: MachineDuties;
}

/**
 * Commands that whoever leads orders on its own account, one at a time, through the same order as all others. Pure, like
 * the machine itself: a leader that was deposed may still get a command ordered, so `apply` has to see to it that such a
 * one does no harm; the epoch tells.
 */
export interface MachineDuties {
  /**
   * Ordered when leadership begins, and again when the leader finds that it was asleep, or that entries took long to get
   * through. Nothing else is before it is applied.
   */
  lead(): Uint8Array;
  /**
   * The next command; undefined when there is none now. Asked again every `dutyIntervalMs`, and when the last command was
   * executed. `epoch` is that of the leadership.
   */
  next(store: ReadStore, times: DutyTimes, epoch: Epoch): Uint8Array | undefined;
}

export interface DutyTimes {
  /** Of the last entry applied. */
  readonly applied: ClusterTime;
  /** What an entry would be stamped with now, or somewhat less. */
  readonly now: ClusterTime;
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
