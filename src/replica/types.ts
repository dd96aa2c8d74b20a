import type { ClusterTime, Epoch, Index, NodeId } from '../core/ids.ts';
import type { ReadStore } from '../core/store.ts';
import type { Configuration, Reconfiguration, Refusal, Role } from '../protocol/index.ts';

/**
 * What became of a command. `done`: applied, and on the disks of a quorum. `refused`: nothing happened, and nothing will.
 * `unknown`: it may have happened, or may still happen; a timeout is this, never `refused`.
 */
export type Outcome =
  | { readonly type: 'done'; readonly result: Uint8Array; readonly index: Index; readonly epoch: Epoch }
  | { readonly type: 'refused'; readonly reason: RefusedReason }
  | { readonly type: 'unknown'; readonly reason: UnknownReason };

/** What became of a change of membership; `done`: the configuration that is applied here has reached it. */
export type ChangeOutcome =
  | { readonly type: 'done'; readonly configuration: Configuration }
  | { readonly type: 'refused'; readonly reason: RefusedReason }
  | { readonly type: 'unknown'; readonly reason: UnknownReason };

export type RefusedReason = Refusal | 'noLeader' | 'notReady' | 'stopping';
export type UnknownReason = 'timeout' | 'stopped' | 'resultLost';

export type ReadOutcome =
  | { readonly type: 'readable'; readonly store: ReadStore; readonly index: Index; readonly epoch: Epoch }
  | { readonly type: 'refused'; readonly reason: RefusedReason | 'timeout' };

/**
 * `linearizable` reads see every write that was acknowledged before they began, whichever replica took it; `local` ones
 * answer from what this replica has applied.
 */
export type ReadConsistency = 'linearizable' | 'local';

export interface ReplicaStatus {
  readonly name: string;
  readonly clusterId: bigint;
  readonly memberId: NodeId;
  readonly protocol: string;
  /** `starting`: waiting for the other initial members. `halted`: stopped for good by a failed disk or invariant. */
  readonly phase: 'starting' | 'running' | 'stopping' | 'halted';
  readonly role: Role;
  readonly leader: NodeId | undefined;
  readonly epoch: Epoch;
  readonly appliedIndex: Index;
  readonly committedIndex: Index;
  readonly time: ClusterTime;
  readonly configuration: Configuration;
  readonly storageFull: boolean;
  /** What there was no room for when the disk was found to be full, and how much it takes. */
  readonly storageShortage: string | undefined;
  /** The same of a snapshot without which this replica applies nothing more. */
  readonly snapshotShortage: string | undefined;
  /** Bytes that the state takes on disk. */
  readonly stateBytes: number;
  readonly stateBytesInUse: number;
  /** Applied, and not yet durable in the state. */
  readonly stateBytesPending: number;
  readonly journalBytes: number;
  /** Appended, and not yet being written. */
  readonly journalBytesQueued: number;
  readonly peers: readonly PeerLink[];
  readonly digest: string;
}

export interface PeerLink {
  readonly id: NodeId;
  readonly name: string;
  /** Whether we can send to it. */
  readonly up: boolean;
  /** Undefined until it was measured. */
  readonly roundTripMs: number | undefined;
  readonly queuedBytes: number;
}

/** The heart of the service as the doors see it: one replica of a cluster. */
export interface ReplicaHandle {
  status(): ReplicaStatus;
  /** Orders a command of the machine; resolves when it is applied here. Never rejects. */
  propose(command: Uint8Array, timeoutMs?: number): Promise<Outcome>;
  /** A state fit to read from, valid until the caller next yields to the event loop. Never rejects. */
  read(consistency: ReadConsistency, timeoutMs?: number): Promise<ReadOutcome>;
  /** Client addresses that the members have published, by member. */
  clientAddresses(): ReadonlyMap<NodeId, readonly string[]>;
  /**
   * Changes who takes part, through whoever leads; resolves when that is applied here. Never rejects. After `unknown` it may
   * still happen: asking for the same again is safe.
   */
  reconfigure(change: Reconfiguration, timeoutMs?: number): Promise<ChangeOutcome>;
  /** Takes no part in decisions: not yet, or not any more. */
  isLearner(): boolean;
  /** Hands leadership over (to the best follower when `to` is undefined); false when it did not move in time. */
  transferLeadership(to: NodeId | undefined): Promise<boolean>;
  /**
   * Makes what this replica has applied durable now, instead of when much has come together: from then on the space that
   * it gave back counts as free. False when that did not come about in time. Never rejects.
   */
  flush(timeoutMs?: number): Promise<boolean>;
  /** The applied state, with everything needed to restore it, in the snapshot format; ends when the iterator is closed. */
  snapshot(): AsyncIterable<Uint8Array>;
  /**
   * Calls `listener` after each turn in which anything was applied or a snapshot was installed, until what is returned
   * is called. It is called within the turn: it must not throw, and leaves what takes long for later.
   */
  onApplied(listener: () => void): () => void;
  /** The same for changes of the leader or the epoch. */
  onLeadership(listener: () => void): () => void;
  /** What this replica has applied, as of now, valid until the caller yields; undefined when it does not run. */
  peek(): ReadStore | undefined;
  /** Of the last entry applied, and what has passed since: an estimate, to tell how long a lease has left. */
  clusterTime(): ClusterTime;
}
