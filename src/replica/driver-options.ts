import type { Clock } from '../core/clock.ts';
import type { Epoch, Index, NodeId, Token } from '../core/ids.ts';
import type { Replicated, Session } from '../machine/index.ts';
import type { Configuration, JournalRecord, Protocol, ProtocolDefinition, Role } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { ReplicaObserver } from './observer.ts';
import type { Links } from './submissions.ts';
import type { SystemCommands } from './system-commands.ts';

/** Where the driver writes. */
export interface DurableLog {
  append(token: Token, records: readonly JournalRecord[]): void;
  compact(below: Index, head: readonly JournalRecord[]): void;
  /** Begins to write what was appended, unless a write is under way. */
  flush(): void;
}

/** What the driver leaves to others, because it takes long. */
export interface DriverHost {
  checkpoint(): void;
  sendSnapshot(to: NodeId, epoch: Epoch): void;
  installSnapshot(snapshot: number): void;
  discardSnapshot(snapshot: number): void;
  /** In force now, though it may not come to be. */
  configurationChanged(configuration: Configuration): void;
  /** It is decided, and everything before it is applied here. */
  configurationApplied(configuration: Configuration): void;
  led(leadership: Leadership): void;
  /** Loudly and for good: a broken invariant, or a disk that cannot be trusted. */
  halt(error: unknown): void;
}

export interface DriverOptions {
  readonly self: NodeId;
  readonly session: Session;
  readonly clock: Clock;
  readonly definition: ProtocolDefinition;
  readonly protocol: Protocol;
  readonly backend: StoreBackend;
  readonly replicated: Replicated;
  readonly system: SystemCommands;
  readonly links: Links;
  readonly log: DurableLog;
  readonly host: DriverHost;
  readonly observer: ReplicaObserver;
  /** Entries applied in one turn at most. */
  readonly applySliceEntries: number;
}

export interface Leadership {
  readonly role: Role;
  readonly leader: NodeId | undefined;
  readonly epoch: Epoch;
}
