import type { CallOptions, Condition, Coordination } from '../coordination.ts';
import { FirstSeat } from './first-seat.ts';
import { Seat, type SeatOptions } from './seat.ts';

export type LockOptions = SeatOptions;

/**
 * A lock that is held. A lock of a distributed system is no mutual exclusion on its own: a holder that was stopped for
 * longer than the time to live does not know that it lost it. Hand `fence` to what the lock protects, and have it refuse
 * smaller ones than it has seen; for keys of the same store, put `condition` into the transaction.
 */
export interface Lock extends AsyncDisposable {
  /** Greater than that of everyone who held the lock before. */
  readonly fence: bigint;
  /** The key that stands for it; whoever deletes it takes the lock away. */
  readonly key: string;
  /** Fires when the lock is given back, taken away, or may be lost by our own clock. */
  readonly lost: AbortSignal;
  /** Holds in a transaction as long as the lock is held, whatever this process believes. */
  readonly condition: Condition;
  /** Gives it back. `await using` does the same, and leaves a failure to the time to live. */
  release(options?: CallOptions): Promise<void>;
}

/**
 * Waits for the lock `name`, in the order of asking. Rejects with code `aborted` by `signal`, and with `leaseLost` when
 * no server could be reached for so long that the place in the queue is gone. Works together with etcd's own locks.
 */
export async function lock(
  coordination: Coordination,
  name: string,
  options: LockOptions = {},
): Promise<Lock> {
  const seat = await Seat.take(coordination, name, '', options);
  return new HeldLock(await seat.first(options.signal));
}

class HeldLock extends FirstSeat implements Lock {
  release(options?: CallOptions): Promise<void> {
    return this.seat.leave(options);
  }
}
