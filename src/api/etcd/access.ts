import type { Epoch } from '../../core/ids.ts';
import type { ReadStore } from '../../core/store.ts';
import { machineView } from '../../machine/index.ts';
import type { ReadConsistency, ReplicaHandle } from '../../replica/types.ts';
import { requestTimeoutMs } from '../limits.ts';
import type { Call, Failure } from '../rpc/rpc.ts';
import { refusedFailure, unknownFailure } from './errors.ts';

/** The key space's part of a replica's state; to be used before the event loop goes on. */
export interface KeySpaceView {
  readonly store: ReadStore;
  readonly epoch: Epoch;
}

export interface Executed {
  readonly result: Uint8Array;
  readonly epoch: Epoch;
}

/** Asks the replica on behalf of a call: within its deadline, and with etcd's errors. */
export class ReplicaAccess {
  readonly replica: ReplicaHandle;

  constructor(replica: ReplicaHandle) {
    this.replica = replica;
  }

  async propose(command: Uint8Array, call: Call): Promise<Executed | Failure> {
    if (this.#leaderMissing(call)) return refusedFailure('noLeader');
    const outcome = await this.replica.propose(command, timeoutOf(call));
    switch (outcome.type) {
      case 'done':
        return outcome;
      case 'refused':
        return refusedFailure(outcome.reason);
      case 'unknown':
        return unknownFailure(outcome.reason);
    }
  }

  async read(consistency: ReadConsistency, call: Call): Promise<KeySpaceView | Failure> {
    if (this.#leaderMissing(call)) return refusedFailure('noLeader');
    const outcome = await this.replica.read(consistency, timeoutOf(call));
    if (outcome.type === 'refused') return refusedFailure(outcome.reason);
    return { store: machineView(outcome.store), epoch: outcome.epoch };
  }

  /** Clients that would rather fail at once than wait for a leader say so. */
  #leaderMissing(call: Call): boolean {
    return call.metadata('hasleader') === 'true' && this.replica.status().leader === undefined;
  }
}

function timeoutOf(call: Call): number {
  const remaining = call.remainingMs();
  return remaining === undefined ? requestTimeoutMs : Math.min(requestTimeoutMs, Math.ceil(remaining));
}
