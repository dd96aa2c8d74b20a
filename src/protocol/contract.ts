import type { ClusterTime, CommandId, Epoch, Index, Millis, NodeId, ReadId, Token } from '../core/ids.ts';
import type { Configuration } from './membership.ts';
import type { Reconfiguration, ReconfigurationRefusal } from './reconfiguration.ts';

/**
 * THE contract between an agreement protocol and its host. A protocol is a deterministic, synchronous state machine:
 * inputs go in, effects come out. It has no clock, no randomness of its own and no I/O. Order between effects is data
 * (`after`), so the driver, the simulated disk and the explorer cannot disagree about it. docs/contract.md explains the
 * rules at length; `docs/decisions/0002-contract.md` walks five very different protocols through them.
 */
export interface Protocol<M extends Message = Message> {
  /**
   * Takes the inputs of one turn and returns what is to be done, in order. The first input of a protocol's life is
   * `recovered`. `now` never goes back. How inputs are split into calls never affects safety.
   */
  step(now: Millis, inputs: readonly Input<M>[]): Effect<M>[];
  /** When to call `step` again although there is no input; replaces timers. */
  nextDeadline(): Millis | undefined;
  /** An independent copy that will behave the same. */
  fork(): Protocol<M>;
  /** The whole state in one canonical form: equal states, equal bytes. For the explorer, shrinking and replay. */
  encodeState(): Uint8Array;
  /** Throws `InvariantViolation` when the state is one that cannot be. Called after every event in tests. */
  checkInvariants(): void;
}

/** A message between replicas of one protocol; each protocol narrows it to its own discriminated union. */
export interface Message {
  readonly type: string;
}

/** A point in the total order, and what holds there. */
export interface Position {
  readonly index: Index;
  /** Epoch of the entry at `index`. */
  readonly epoch: Epoch;
  readonly time: ClusterTime;
}

/** State up to `position` that a host can hand to a protocol: its own at start, or one received from a peer. */
export interface Base {
  readonly position: Position;
  /** The configuration in force at `position`. */
  readonly configuration: Configuration;
}

/** Everything that can happen to a protocol. */
export type Input<M extends Message = Message> =
  | {
      /**
       * First input of all: the applied state on disk, and the journal's records in the order of writing. Records may
       * reach below the base, since the journal is cut in whole segments.
       */
      readonly type: 'recovered';
      readonly base: Base;
      readonly records: readonly Uint8Array[];
    }
  | { readonly type: 'message'; readonly from: NodeId; readonly message: M }
  | {
      /**
       * A link to a peer came up or went down. Messages of one session arrive in the order of sending and without gaps
       * unless the network is told to be worse; what was under way when a session ended may be lost.
       */
      readonly type: 'link';
      readonly peer: NodeId;
      readonly session: number;
      readonly up: boolean;
    }
  | {
      /** How many more bytes the link to a peer takes at once: 0 when congested. Flow control for bulk, not for heartbeats. */
      readonly type: 'credit';
      readonly peer: NodeId;
      readonly bytes: number;
    }
  | { readonly type: 'command'; readonly id: CommandId; readonly payload: Uint8Array }
  | { readonly type: 'read'; readonly id: ReadId }
  | { readonly type: 'durable'; readonly upTo: Token }
  | {
      /** The host has executed everything up to here. Told together with what comes next: no step is made for it alone. */
      readonly type: 'applied';
      readonly upTo: Index;
    }
  | {
      /** The store has made its state up to `position` durable by itself: the journal is not needed below it. */
      readonly type: 'flushed';
      readonly position: Position;
    }
  | {
      /** Digest of the state at `index`, for protocols that certify checkpoints. No host sends it while there is none. */
      readonly type: 'digest';
      readonly index: Index;
      readonly digest: Uint8Array;
    }
  | {
      /** A peer's snapshot lies complete and checked beside our state. Answer with `install` or `discard`. */
      readonly type: 'snapshotReceived';
      readonly snapshot: number;
      readonly from: NodeId;
      readonly epoch: Epoch;
      readonly base: Base;
    }
  | { readonly type: 'installed'; readonly snapshot: number }
  | {
      /** The stream that `sendSnapshot` asked for has ended; `upTo` is what the peer now holds if `ok`. */
      readonly type: 'snapshotSent';
      readonly to: NodeId;
      readonly upTo: Index;
      readonly ok: boolean;
    }
  | { readonly type: 'storage'; readonly full: boolean }
  | { readonly type: 'reconfigure'; readonly id: CommandId; readonly change: Reconfiguration }
  | { readonly type: 'transfer'; readonly to: NodeId | undefined }
  | { readonly type: 'work'; readonly nonce: Uint8Array };

/** Something to be made durable. The journal does not look inside; `index` is what `compact` compares. */
export interface JournalRecord {
  /** The place in the order that this record is about; undefined for records outside of it (terms, votes). */
  readonly index: Index | undefined;
  readonly bytes: Uint8Array;
}

export type EntryKind = 'command' | 'delta' | 'configuration' | 'noop';

/** An entry that is decided: applied once, in order of `index`, by every replica. */
export interface CommittedEntry {
  readonly index: Index;
  readonly epoch: Epoch;
  readonly time: ClusterTime;
  readonly kind: EntryKind;
  /** Immutable. A command's envelope, a write-set, or an encoded configuration. */
  readonly payload: Uint8Array;
}

export type Role = 'leader' | 'candidate' | 'follower' | 'learner';

/** Why a command, read or change was not taken. All of them mean: nothing happened here. */
export type Refusal =
  | 'notLeader'
  | 'overloaded'
  | 'storageFull'
  | 'transferring'
  | 'unsupported'
  | 'tooLarge'
  | ReconfigurationRefusal;

/** Everything that a protocol can ask of its host. Effects of one call keep their order. */
export type Effect<M extends Message = Message> =
  | {
      /** First in, first out; tokens rise. A failed write or sync halts the replica. */
      readonly type: 'persist';
      readonly token: Token;
      readonly records: readonly JournalRecord[];
    }
  | {
      readonly type: 'send';
      readonly to: NodeId;
      readonly message: M;
      /** Not before this persist is durable. */
      readonly after?: Token;
    }
  | { readonly type: 'commit'; readonly entries: readonly CommittedEntry[] }
  | { readonly type: 'final'; readonly upTo: Index }
  | { readonly type: 'rollback'; readonly to: Index }
  /** The read may be served from a state that has applied `index`, or later. */
  | { readonly type: 'readable'; readonly id: ReadId; readonly index: Index }
  | { readonly type: 'readFailed'; readonly id: ReadId; readonly reason: Refusal }
  /**
   * The command, or the change, was not taken and will never happen through this call. For a command it comes from the step that took
   * the command in, or never.
   */
  | { readonly type: 'refuse'; readonly id: CommandId; readonly reason: Refusal }
  | { readonly type: 'pending'; readonly id: CommandId; readonly depth: number; readonly probability: number }
  | { readonly type: 'blocked'; readonly id: CommandId; readonly by: readonly NodeId[] }
  | {
      readonly type: 'status';
      readonly role: Role;
      readonly leader: NodeId | undefined;
      readonly epoch: Epoch;
    }
  /** In force from now on (which may be before it is committed); replaces the one before it. */
  | { readonly type: 'configuration'; readonly configuration: Configuration; readonly index: Index }
  /** Make the applied state durable up to `index` at least, then say so with `flushed`. */
  | { readonly type: 'checkpoint'; readonly index: Index }
  | {
      /**
       * Records with an index below `below` are not needed any more. `head` replaces everything outside of the order: it
       * is written before anything is cut.
       */
      readonly type: 'compact';
      readonly below: Index;
      readonly head: readonly JournalRecord[];
    }
  /** Stream the present applied state to a peer that is too far behind; answered by `snapshotSent`. */
  | { readonly type: 'sendSnapshot'; readonly to: NodeId; readonly epoch: Epoch }
  /** Replace state and position by the snapshot, atomically; answered by `installed`. */
  | { readonly type: 'install'; readonly snapshot: number }
  | { readonly type: 'discard'; readonly snapshot: number }
  | { readonly type: 'trace'; readonly event: string; readonly detail: string };
