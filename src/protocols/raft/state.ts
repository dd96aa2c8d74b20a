import type { CommandId, Epoch, Index, Millis, NodeId, ReadId, Token } from '../../core/ids.ts';
import type { Base, Configuration } from '../../protocol/index.ts';
import type { Configurations } from './configuration.ts';
import type { Log } from './log.ts';
import { forkProgress, type Progress } from './progress.ts';
import type { HardState } from './records.ts';

/** Everything a replica knows. Between steps it is exactly this; `fork` and `encodeState` (snapshot of it) rely on that. */
export interface State {
  /** Persistent, as far as `writes` and `hardStateToken` say. */
  hardState: HardState;
  readonly log: Log;
  readonly configurations: Configurations;

  role: RoleState;
  /** When a leader of this term was last heard. */
  leaderHeard: Millis | undefined;
  /** A leader of whatever term relies on it until then that this replica votes for nobody; 0 without lease reads. */
  promisedUntil: Millis;
  /** When to campaign; undefined for leaders and for those who do not vote. */
  electionDeadline: Millis | undefined;

  /** Known to be committed. */
  commit: Index;
  /** Handed to the host by `commit` effects: committed and durable here. */
  delivered: Index;
  /** The log equals that of the leader of this term up to here; at least `commit`. */
  verified: Index;
  /** The host has executed up to here. */
  applied: Index;
  /** The host's state is durable up to here. */
  flushed: Index;

  readonly storage: StorageState;
  readonly forwarded: ForwardedReads;
  /** Bytes committed since the last time the host was asked to flush. */
  unflushedBytes: number;
  /** A snapshot that the host is putting in place; the log is left alone meanwhile. */
  installing: { readonly snapshot: number; readonly base: Base } | undefined;
  announced: Announced;
}

export type RoleState =
  | { readonly type: 'follower'; readonly leader: NodeId | undefined }
  | { readonly type: 'preCandidate'; readonly votes: Set<NodeId> }
  | {
      readonly type: 'candidate';
      readonly votes: Set<NodeId>;
      /** The own vote counts when this write is durable. */
      ownVote: Token | undefined;
    }
  | LeaderState;

export interface LeaderState {
  readonly type: 'leader';
  readonly progress: Map<NodeId, Progress>;
  /** Cluster time and local time when elected; entries are stamped with their sum of differences. */
  readonly timeAtElection: number;
  readonly electedAt: Millis;
  heartbeatDeadline: Millis;
  uncommittedBytes: number;
  transfer: Transfer | undefined;
  /** The only change that may come to be next: no other is taken, and none begins, meanwhile. */
  asking: AskedChange | undefined;
  readonly reads: LeaderReads;
  readonly lease: LeaseState;
}

/** Empty without lease reads. */
export interface LeaseState {
  /** When the latest heartbeats were sent, by the round that they name; none from before the process stood still. */
  readonly sent: { readonly round: number; readonly at: Millis }[];
  /** An election was asked for in this term, and may come at any time. */
  over: boolean;
}

export interface Transfer {
  readonly to: NodeId;
  readonly deadline: Millis;
  /** `timeoutNow` was sent since the last heartbeat. */
  asked: boolean;
}

/** A change of who votes, while those who are to vote are asked whether they live. */
export interface AskedChange {
  /** Undefined for what the leader does by itself. */
  readonly id: CommandId | undefined;
  /** In force when it is appended. */
  readonly next: Configuration;
  /** Began when the change was asked for. */
  readonly round: number;
  readonly deadline: Millis;
}

export interface LeaderReads {
  /** How many wait, in rounds and in the queue. */
  waiting: number;
  /** Wait for the next round. */
  queued: WaitingRead[];
  readonly rounds: ReadRound[];
  lastRound: number;
}

export interface ReadRound {
  readonly round: number;
  /** The commit index when the round began, which is after every one of its reads did. */
  readonly index: Index;
  readonly reads: readonly WaitingRead[];
}

export type WaitingRead =
  | { readonly type: 'own'; readonly id: ReadId }
  | { readonly type: 'forwarded'; readonly from: NodeId; readonly start: number; readonly batch: number };

export interface ForwardedReads {
  /** How many wait, in batches and in the queue. */
  waiting: number;
  queued: ReadId[];
  readonly batches: ReadBatch[];
  lastBatch: number;
}

export interface ReadBatch {
  readonly batch: number;
  readonly ids: readonly ReadId[];
  readonly deadline: Millis;
}

export interface StorageState {
  full: boolean;
  lastToken: Token;
  durableToken: Token;
  /** The write that makes the present term and vote durable. */
  hardStateToken: Token;
  /** The log is on this replica's disk up to here. */
  durable: Index;
  /** Writes under way, oldest first. */
  readonly writes: Write[];
}

export interface Write {
  readonly token: Token;
  /** The end of the log that this write, with those before it, makes durable. */
  lastIndex: Index;
}

export interface Announced {
  role: string;
  leader: NodeId | undefined;
  term: Epoch;
  configuration: Configuration | undefined;
}

/** An independent copy. Entries, batches and rounds are immutable and shared. */
export function forkState(state: State): State {
  return {
    ...state,
    log: state.log.fork(),
    configurations: state.configurations.fork(),
    role: forkRole(state.role),
    storage: { ...state.storage, writes: state.storage.writes.map((write) => ({ ...write })) },
    forwarded: {
      ...state.forwarded,
      queued: state.forwarded.queued.slice(),
      batches: state.forwarded.batches.slice(),
    },
    announced: { ...state.announced },
  };
}

function forkRole(role: RoleState): RoleState {
  switch (role.type) {
    case 'follower':
      return role;
    case 'preCandidate':
    case 'candidate':
      return { ...role, votes: new Set(role.votes) };
    case 'leader':
      return {
        ...role,
        progress: new Map([...role.progress].map(([id, progress]) => [id, forkProgress(progress)])),
        transfer: role.transfer === undefined ? undefined : { ...role.transfer },
        reads: { ...role.reads, queued: role.reads.queued.slice(), rounds: role.reads.rounds.slice() },
        lease: { ...role.lease, sent: role.lease.sent.slice() },
      };
  }
}
