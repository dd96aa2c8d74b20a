import { randomBytes } from 'node:crypto';
import { hex } from '../core/bytes.ts';
import type { ClusterTime, NodeId } from '../core/ids.ts';
import { defaultTimeoutMs } from '../core/limits.ts';
import { Random } from '../core/random.ts';
import type { ReadStore } from '../core/store.ts';
import type { Machine } from '../machine/index.ts';
import type { LeaseReads, ProtocolDefinition, Reconfiguration, Timing } from '../protocol/index.ts';
import { findProtocol } from '../protocols/registry.ts';
import type { DataLock } from '../storage/data-lock.ts';
import { LmdbBackend } from '../storage/lmdb-backend.ts';
import { MemoryBackend } from '../storage/memory-backend.ts';
import { NodeDisk } from '../storage/node-disk.ts';
import type { Network } from '../transport/network.ts';
import { TcpNetwork } from '../transport/tcp.ts';
import { takeDirectory } from './directory.ts';
import type { ClusterMember } from './identity.ts';
import { nodeClock } from './node-clock.ts';
import type { ReplicaObserver } from './observer.ts';
import { openReplica } from './open.ts';
import type { ReplicaCoreOptions } from './options.ts';
import type { ReplicaCore } from './replica-core.ts';
import { ReplicaError } from './replica-error.ts';
import type {
  ChangeOutcome,
  Outcome,
  ReadConsistency,
  ReadOutcome,
  ReplicaHandle,
  ReplicaStatus,
} from './types.ts';

export interface ReplicaOptions {
  /** What is replicated. */
  readonly machine: Machine;
  /** Made when it does not exist. One process at a time uses it. */
  readonly dataDir: string;
  /** Default `raft`. */
  readonly protocol?: string | ProtocolDefinition;
  /** Default `n1`. */
  readonly name?: string;
  /** All initial members, this one among them. Default: this one alone. */
  readonly cluster?: readonly ClusterMember[];
  /** Tells clusters with the same members apart. */
  readonly clusterToken?: string;
  /**
   * `cluster` exists already: an empty directory waits there until it was added at its address in `cluster`, before `open`
   * resolves. Without effect on a directory that has begun.
   */
  readonly joins?: boolean;
  /** Ends the waiting of `joins`: `open` rejects with the code `CANCELLED`. */
  readonly signal?: AbortSignal;
  /** Default: none, every linearizable read asks a quorum. Of use when a quorum has it; may be changed one member at a time. */
  readonly leaseReads?: LeaseReads;
  /** host:port to listen on for peers. Default: this member's in `cluster`. */
  readonly peerAddress?: string;
  readonly clientAddresses?: readonly string[];
  /** Default `lmdb`; `memory` is for small states: all of it is written out at each flush. */
  readonly store?: 'lmdb' | 'memory';
  /** Default: TCP without TLS. */
  readonly network?: Network;
  readonly timing?: Timing;
  readonly version?: string;
  readonly observer?: ReplicaObserver;
  /**
   * The replica has stopped for good by itself; `close` is still needed to let go of the data directory. Default: the
   * observer is told, as an error.
   */
  readonly halted?: (error: ReplicaError) => void;
}

/** A lost leader is replaced within about `electionTimeout` to twice that. */
export const defaultTiming: Timing = { heartbeatInterval: 75, electionTimeout: 350 };

const silent: ReplicaObserver = { log: () => {} };

/** One replica of a cluster, with its data in a directory, in this process. */
export class Replica implements ReplicaHandle {
  readonly #core: ReplicaCore;
  readonly #lock: DataLock;
  #closed: Promise<void> | undefined;

  private constructor(core: ReplicaCore, lock: DataLock) {
    this.#core = core;
    this.#lock = lock;
  }

  /**
   * Opens or creates the data directory and begins to take part; `ready` tells when there is a leader. Rejects with a
   * `ReplicaError`, after which nothing is left running.
   */
  static async open(options: ReplicaOptions): Promise<Replica> {
    // Callers without types leave it out, too.
    if (typeof options.dataDir !== 'string' || options.dataDir === '') {
      throw new ReplicaError(
        'CONFIGURATION',
        'dataDir is missing: name the directory of this replica alone.',
      );
    }
    const lock = await takeDirectory(options.dataDir);
    try {
      return new Replica(await openCore(coreOptions(options)), lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  status(): ReplicaStatus {
    return this.#core.status();
  }

  /** True when this replica takes part and knows a leader; false when that does not come about in time. */
  ready(timeoutMs = 30_000): Promise<boolean> {
    return new Promise((settle) => this.#core.awaitLeader(timeoutMs, settle));
  }

  propose(command: Uint8Array, timeoutMs: number = defaultTimeoutMs): Promise<Outcome> {
    return new Promise((settle) => this.#core.propose(command, timeoutMs, settle));
  }

  read(consistency: ReadConsistency, timeoutMs: number = defaultTimeoutMs): Promise<ReadOutcome> {
    return new Promise((settle) => this.#core.read(consistency, timeoutMs, settle));
  }

  clientAddresses(): ReadonlyMap<NodeId, readonly string[]> {
    return this.#core.clientAddresses();
  }

  reconfigure(change: Reconfiguration, timeoutMs: number = defaultTimeoutMs): Promise<ChangeOutcome> {
    return new Promise((settle) => this.#core.reconfigure(change, timeoutMs, settle));
  }

  isLearner(): boolean {
    return this.#core.isLearner();
  }

  transferLeadership(to: NodeId | undefined, timeoutMs: number = defaultTimeoutMs): Promise<boolean> {
    return new Promise((settle) => this.#core.transferLeadership(to, timeoutMs, settle));
  }

  /** Lets somebody else lead, if anybody can; false when that did not come about in time. */
  handOver(): Promise<boolean> {
    return new Promise((settle) => this.#core.handOver(settle));
  }

  onApplied(listener: () => void): () => void {
    return this.#core.onApplied(listener);
  }

  onLeadership(listener: () => void): () => void {
    return this.#core.onLeadership(listener);
  }

  peek(): ReadStore | undefined {
    return this.#core.peek();
  }

  clusterTime(): ClusterTime {
    return this.#core.clusterTime();
  }

  flush(timeoutMs: number = defaultTimeoutMs): Promise<boolean> {
    return new Promise((settle) => this.#core.flush(timeoutMs, settle));
  }

  async *snapshot(): AsyncIterable<Uint8Array> {
    const snapshot = this.#core.snapshot();
    try {
      yield* snapshot.frames;
    } finally {
      snapshot.close();
    }
  }

  /** Hands leadership over, finishes what is outstanding, and lets go of the data directory. Harmless when repeated. */
  close(): Promise<void> {
    this.#closed ??= new Promise<void>((resolve) => this.#core.stop(resolve)).then(() =>
      this.#lock.release(),
    );
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function coreOptions(options: ReplicaOptions): ReplicaCoreOptions {
  const name = options.name ?? 'n1';
  const cluster = options.cluster ?? [{ name, address: options.peerAddress ?? '127.0.0.1:0' }];
  const peerAddress = options.peerAddress ?? cluster.find((member) => member.name === name)?.address;
  if (peerAddress === undefined) {
    throw new ReplicaError(
      'CONFIGURATION',
      `cluster does not list this replica, ${name}, and there is no peerAddress`,
    );
  }
  const disk = new NodeDisk(options.dataDir);
  const observer = options.observer ?? silent;
  return {
    disk,
    network: options.network ?? new TcpNetwork(),
    clock: nodeClock,
    random: Random.fromSeed(hex(randomBytes(32))),
    definition: definitionOf(options.protocol ?? 'raft'),
    machine: options.machine,
    openBackend: (initial, callback) => {
      if (options.store === 'memory') MemoryBackend.open({ disk, directory: 'state', initial }, callback);
      else LmdbBackend.open({ disk, root: options.dataDir, directory: 'state', initial }, callback);
    },
    name,
    cluster,
    clusterToken: options.clusterToken ?? '',
    joins: options.joins ?? false,
    cancelled: () => options.signal?.aborted === true,
    ...(options.leaseReads === undefined ? {} : { leaseReads: options.leaseReads }),
    peerAddress,
    clientAddresses: options.clientAddresses ?? [],
    version: options.version ?? '',
    timing: options.timing ?? defaultTiming,
    observer,
    halted: options.halted ?? (({ code, message }) => observer.log('error', message, { code })),
  };
}

function definitionOf(protocol: string | ProtocolDefinition): ProtocolDefinition {
  const definition = typeof protocol === 'string' ? findProtocol(protocol) : protocol;
  if (definition === undefined)
    throw new ReplicaError('CONFIGURATION', `There is no protocol ${String(protocol)}.`);
  return definition;
}

function openCore(options: ReplicaCoreOptions): Promise<ReplicaCore> {
  return new Promise((resolve, reject) => {
    openReplica(options, (error, core) => {
      if (error === undefined) resolve(core);
      else reject(error);
    });
  });
}
