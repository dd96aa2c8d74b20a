import {
  type ClusterTime,
  clusterTime,
  type Epoch,
  epoch,
  type Index,
  index,
  nodeId,
} from '../../src/core/ids.ts';
import { OrderedMap } from '../../src/core/ordered-map.ts';
import type { ReadStore, Store } from '../../src/core/store.ts';
import { keySpace } from '../../src/machine/key-space/key-space.ts';
import { MachineStore } from '../../src/machine/machine-store.ts';
import { type Reconfiguration, reconfigured, votersOnly } from '../../src/protocol/index.ts';
import type {
  ChangeOutcome,
  Outcome,
  ReadOutcome,
  ReplicaHandle,
  ReplicaStatus,
} from '../../src/replica/types.ts';

/**
 * A cluster of one without disk and without peers: the key space over a store in memory, every command applied at once.
 * For tests of what lies above `ReplicaHandle`; `status` and the outcomes can be set to what only a cluster in trouble
 * would give.
 */
export class SingleReplica implements ReplicaHandle {
  readonly store: Store;
  /** Laid over the real status. */
  troubles: Partial<ReplicaStatus> = {};
  /** Given instead of carrying out a command or read, while set. */
  writeOutcome: Outcome | undefined;
  readOutcome: ReadOutcome | undefined;
  /** What the last command or read asked for. */
  lastTimeoutMs: number | undefined;
  lastConsistency: string | undefined;
  reads = 0;
  flushes = 0;
  readonly #appliedListeners = new Set<() => void>();
  readonly #leadershipListeners = new Set<() => void>();
  #time = clusterTime(0);
  #index = index(0);
  readonly #epoch: Epoch = epoch(3);

  constructor() {
    const pairs = new OrderedMap<Uint8Array>();
    this.store = {
      get: (key) => pairs.get(key),
      scan: (range) => pairs.scan(range),
      put: (key, value) => pairs.set(key.slice(), value),
      delete: (key) => {
        pairs.delete(key);
      },
    };
  }

  status(): ReplicaStatus {
    const id = nodeId(7);
    return {
      name: 'n1',
      clusterId: 0xc1a5_7e12n,
      memberId: id,
      protocol: 'none',
      phase: 'running',
      role: 'leader',
      leader: id,
      epoch: this.#epoch,
      appliedIndex: this.#index,
      committedIndex: this.#index,
      time: this.#time,
      configuration: votersOnly([
        {
          id,
          name: 'n1',
          address: '127.0.0.1:2380',
          storageId: new Uint8Array(0),
          publicKey: new Uint8Array(0),
        },
        {
          id: nodeId(8),
          name: 'n2',
          address: '127.0.0.1:22380',
          storageId: new Uint8Array(0),
          publicKey: new Uint8Array(0),
        },
      ]),
      storageFull: false,
      storageShortage: undefined,
      snapshotShortage: undefined,
      stateBytes: 4096,
      stateBytesInUse: 2048,
      stateBytesPending: 0,
      journalBytes: 0,
      journalBytesQueued: 0,
      peers: [],
      digest: '',
      ...this.troubles,
    };
  }

  async propose(command: Uint8Array, timeoutMs?: number): Promise<Outcome> {
    this.lastTimeoutMs = timeoutMs;
    if (this.writeOutcome !== undefined) return this.writeOutcome;
    this.#index = (this.#index + 1) as Index;
    const context = {
      index: this.#index,
      epoch: this.#epoch,
      time: this.#time,
      featureLevel: 1,
    };
    const result = keySpace.apply(command, context, new MachineStore(this.store));
    for (const listener of [...this.#appliedListeners]) listener();
    return { type: 'done', result, index: this.#index, epoch: this.#epoch };
  }

  async read(consistency: string, timeoutMs?: number): Promise<ReadOutcome> {
    this.reads++;
    this.lastTimeoutMs = timeoutMs;
    this.lastConsistency = consistency;
    if (this.readOutcome !== undefined) return this.readOutcome;
    return { type: 'readable', store: this.store, index: this.#index, epoch: this.#epoch };
  }

  clientAddresses(): ReadonlyMap<ReplicaStatus['memberId'], readonly string[]> {
    return new Map([[nodeId(7), ['127.0.0.1:2379']]]);
  }

  /** Given as the outcome of every change of membership, unless they are carried out. */
  changeOutcome: ChangeOutcome = { type: 'refused', reason: 'unsupported' };
  carriesOutChanges = false;
  lastChange: Reconfiguration | undefined;

  async reconfigure(change: Reconfiguration): Promise<ChangeOutcome> {
    this.lastChange = change;
    if (!this.carriesOutChanges) return this.changeOutcome;
    const next = reconfigured(this.status().configuration, change);
    if (typeof next === 'string') return { type: 'refused', reason: next };
    this.troubles = { ...this.troubles, configuration: next };
    return { type: 'done', configuration: next };
  }

  isLearner(): boolean {
    return this.status().role === 'learner';
  }

  async flush(): Promise<boolean> {
    this.flushes++;
    return true;
  }

  async transferLeadership(): Promise<boolean> {
    return false;
  }

  onApplied(listener: () => void): () => void {
    this.#appliedListeners.add(listener);
    return () => this.#appliedListeners.delete(listener);
  }

  onLeadership(listener: () => void): () => void {
    this.#leadershipListeners.add(listener);
    return () => this.#leadershipListeners.delete(listener);
  }

  peek(): ReadStore | undefined {
    return this.store;
  }

  clusterTime(): ClusterTime {
    return this.#time;
  }

  /** Lets cluster time pass; nothing expires by itself here. */
  pass(ms: number): void {
    this.#time = clusterTime(this.#time + ms);
  }

  /** Lays `troubles` over the status and tells those who listen for changes of leadership. */
  lead(troubles: Partial<ReplicaStatus>): void {
    this.troubles = troubles;
    for (const listener of [...this.#leadershipListeners]) listener();
  }

  async *snapshot(): AsyncGenerator<Uint8Array, void, undefined> {
    for (const [key, value] of this.store.scan({ from: new Uint8Array(0), to: undefined }))
      yield* [key, value];
  }
}
