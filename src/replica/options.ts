import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { Machine } from '../machine/index.ts';
import type { Base, LeaseReads, ProtocolDefinition, Retention, Timing } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Callback, Disk } from '../storage/disk.ts';
import type { Network } from '../transport/network.ts';
import type { ClusterMember } from './identity.ts';
import type { ReplicaObserver } from './observer.ts';
import type { ReplicaError } from './replica-error.ts';

/** Everything that a replica is made of. Nothing in it knows whether it is real or simulated. */
export interface ReplicaCoreOptions {
  /** Of the data directory, which nobody else uses. */
  readonly disk: Disk;
  readonly network: Network;
  readonly clock: Clock;
  /** Own stream: identities, timeouts, jitter. Must never repeat between starts of real replicas. */
  readonly random: Random;
  readonly definition: ProtocolDefinition;
  readonly machine: Machine;
  /** Opens the store as it was left, or begins it at `initial`. */
  openBackend(initial: Base, callback: Callback<StoreBackend>): void;
  readonly name: string;
  /**
   * The initial members, this one among them. Needed to create a data directory; afterwards the directory knows, and
   * another list only causes a warning.
   */
  readonly cluster: readonly ClusterMember[];
  readonly clusterToken: string;
  /** `cluster` exists already: an empty directory finds out who it is there, and waits until it was added. */
  readonly joins?: boolean;
  /** Whether to wait no more for being added. */
  readonly cancelled?: () => boolean;
  /** host:port to listen on for peers. */
  readonly peerAddress: string;
  /** What the other members and clients are told to connect to. */
  readonly clientAddresses: readonly string[];
  /** Of this program; for people. */
  readonly version: string;
  readonly timing: Timing;
  /** Reads without asking the others, as long as clocks are as good as this says and a quorum has promised to wait. */
  readonly leaseReads?: LeaseReads;
  /** What the protocol keeps of its log; that of a server unless told. */
  readonly retention?: Retention;
  /** How often the state is made durable, in ms; as on a server unless told. */
  readonly flushIntervalMs?: number;
  /** Entries applied in one turn at most; default `applySliceEntries`. */
  readonly applySliceEntries?: number;
  readonly observer: ReplicaObserver;
  /** Size of the journal's files, in bytes; the default is meant for servers. */
  readonly segmentBytes?: number;
  /** The replica has stopped for good by itself: nothing it was asked is going to be answered. At most once. */
  halted(error: ReplicaError): void;
}
