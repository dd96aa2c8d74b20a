import type { Timer } from '../core/clock.ts';
import { type ClusterTime, millis, type NodeId } from '../core/ids.ts';
import { applySliceEntries, flushIntervalMs, stopTimeoutMs, upkeepIntervalMs } from '../core/limits.ts';
import type { ReadStore } from '../core/store.ts';
import { clientAddresses, featureLevel, Replicated } from '../machine/index.ts';
import type { Protocol, Reconfiguration } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { DiskError } from '../storage/disk.ts';
import type { Journal } from '../storage/journal.ts';
import { awaitCondition } from './await-condition.ts';
import { Driver } from './driver.ts';
import { checkFeatureLevel } from './feature-level.ts';
import { Flusher } from './flusher.ts';
import { Handover } from './handover.ts';
import { incarnationOf } from './identity.ts';
import type { Manifest } from './manifest.ts';
import { Neighbours } from './neighbours.ts';
import type { ReplicaCoreOptions } from './options.ts';
import { diskTrouble, haltReason, type ReplicaError } from './replica-error.ts';
import { Snapshots } from './snapshots.ts';
import { statusOf } from './status.ts';
import { SystemCommands } from './system-commands.ts';
import type { ChangeOutcome, Outcome, ReadConsistency, ReadOutcome, ReplicaStatus } from './types.ts';

/** What was opened on disk before a replica begins. */
export interface Opened {
  readonly manifest: Manifest;
  readonly backend: StoreBackend;
  readonly journal: Journal;
  readonly records: readonly Uint8Array[];
}

/**
 * One replica: the driver with its journal, store, links and snapshots, from the admission of its data directory to its
 * end. Callbacks only; `Replica` is the shell with promises.
 */
export class ReplicaCore {
  readonly #options: ReplicaCoreOptions;
  readonly #backend: StoreBackend;
  readonly #journal: Journal;
  readonly #neighbours: Neighbours;
  readonly #driver: Driver;
  readonly #handover: Handover;
  readonly #snapshots: Snapshots;
  readonly #flusher: Flusher;
  readonly #manifest: Manifest;
  #records: readonly Uint8Array[];
  #phase: ReplicaStatus['phase'] = 'starting';
  #upkeep: Timer | undefined;
  #journalShortage: DiskError | undefined;
  #storeShortage: DiskError | undefined;

  constructor(options: ReplicaCoreOptions, opened: Opened) {
    const { clock, machine, definition, observer } = options;
    const { manifest, backend, journal } = opened;
    this.#options = options;
    this.#manifest = manifest;
    this.#backend = backend;
    this.#journal = journal;
    this.#records = opened.records;
    const self = manifest.memberId;
    const incarnation = incarnationOf(manifest.starts, options.random.stream('incarnation'));
    const session = { opener: self, incarnation };
    this.#neighbours = new Neighbours({
      core: options,
      manifest,
      backend,
      incarnation,
      driver: () => this.#driver,
      listening: () => this.#phase === 'running' || this.#phase === 'stopping',
      halted: () => this.#phase === 'halted',
      ending: () => this.#ending(),
      bulk: (from, header, incoming) => this.#snapshots.offered(from.id, header, incoming),
      halt: (error) => this.halt(error),
    });
    const { peers } = this.#neighbours;
    this.#flusher = new Flusher({
      clock,
      backend,
      intervalMs: options.flushIntervalMs ?? flushIntervalMs,
      flushed: (position) => this.#driver.input({ type: 'flushed', position }),
      room: (shortage) => {
        this.#storeShortage = shortage;
        this.#roomChanged();
      },
      failed: (error) => this.halt(error),
    });
    const origin = { clusterId: manifest.clusterId, protocol: definition.name, machine: machine.name };
    this.#snapshots = new Snapshots({
      disk: options.disk,
      clock,
      random: options.random.stream(`snapshots/${incarnation}`),
      peers,
      backend,
      origin: () => ({ ...origin, featureLevel: featureLevel(backend.store) }),
      expected: { ...origin, featureLevel: machine.featureLevel },
      input: (input) => this.#driver.input(input),
      failed: (error) => this.halt(error),
      observer,
    });
    this.#driver = new Driver({
      self,
      session,
      clock,
      definition,
      protocol: this.#makeProtocol(),
      backend,
      replicated: new Replicated(machine),
      system: new SystemCommands(
        {
          id: self,
          clientAddresses: options.clientAddresses,
          maxFeatureLevel: machine.featureLevel,
          version: options.version,
        },
        session,
        machine,
      ),
      links: peers,
      log: journal,
      host: {
        checkpoint: () => {
          if (!this.#snapshots.installing) this.#flusher.flush();
        },
        sendSnapshot: (to, epoch) => this.#snapshots.sender.send(to, epoch),
        installSnapshot: (snapshot) => this.#install(snapshot),
        discardSnapshot: (snapshot) => this.#snapshots.discard(snapshot),
        configurationChanged: (configuration) => this.#neighbours.changed(configuration),
        configurationApplied: (configuration) => this.#neighbours.decided(configuration),
        led: (leadership) => this.#neighbours.led(leadership),
        halt: (error) => this.halt(error),
      },
      observer,
      applySliceEntries: options.applySliceEntries ?? applySliceEntries,
    });
    const { electionTimeout } = options.timing;
    this.#handover = new Handover(clock, this.#driver, self, () => this.#ending(), electionTimeout);
  }

  /** Listens for peers, then takes part as soon as this data directory may. */
  begin(callback: (error: ReplicaError | undefined) => void): void {
    this.#snapshots.open((openError) => {
      if (openError !== undefined) return callback(diskTrouble('The directory for snapshots', openError));
      this.#neighbours.open(callback, () => this.#run());
    });
  }

  status(): ReplicaStatus {
    return statusOf({
      manifest: this.#manifest,
      phase: this.#phase,
      driver: this.#driver,
      backend: this.#backend,
      journal: this.#journal,
      peers: this.#neighbours.peers,
      shortage: this.#shortage(),
      snapshotShortage: this.#snapshots.shortage?.message,
    });
  }

  propose(command: Uint8Array, timeoutMs: number, settle: (outcome: Outcome) => void): void {
    const reason = this.#unavailable() ?? this.#unstorable();
    if (reason === undefined) this.#driver.propose(command, timeoutMs, settle);
    else settle({ type: 'refused', reason });
  }

  read(consistency: ReadConsistency, timeoutMs: number, settle: (outcome: ReadOutcome) => void): void {
    const reason = this.#unavailable();
    if (reason === undefined) this.#driver.read(consistency, timeoutMs, settle);
    else settle({ type: 'refused', reason });
  }

  reconfigure(change: Reconfiguration, timeoutMs: number, settle: (outcome: ChangeOutcome) => void): void {
    const reason = this.#unavailable();
    if (reason === undefined) this.#driver.reconfigure(change, timeoutMs, settle);
    else settle({ type: 'refused', reason });
  }

  isLearner(): boolean {
    return this.#phase === 'running' && this.#driver.leadership.role === 'learner';
  }

  /** Calls back with whether this replica takes part and knows a leader before `timeoutMs` have passed. */
  awaitLeader(timeoutMs: number, callback: (led: boolean) => void): void {
    const led = () => this.#phase === 'running' && this.#driver.leadership.leader !== undefined;
    awaitCondition(this.#options.clock, led, () => this.#ending(), timeoutMs, callback);
  }

  clientAddresses(): ReadonlyMap<NodeId, readonly string[]> {
    return clientAddresses(this.#backend.store);
  }

  onApplied(listener: () => void): () => void {
    return this.#driver.notices.applied.add(listener);
  }

  onLeadership(listener: () => void): () => void {
    return this.#driver.notices.leadership.add(listener);
  }

  /** What is applied, as of now; undefined when this replica does not run. */
  peek(): ReadStore | undefined {
    return this.#unavailable() === undefined ? this.#backend.store : undefined;
  }

  clusterTime(): ClusterTime {
    return this.#driver.clusterTime();
  }

  /** Makes what is applied durable now; calls back with whether it was before `timeoutMs` have passed. */
  flush(timeoutMs: number, callback: (done: boolean) => void): void {
    const { index } = this.#backend.base().position;
    const durable = (): boolean => {
      if (this.#backend.flushed().position.index >= index) return true;
      // One that is under way already may have begun before what was applied last.
      if (!this.#ending() && !this.#snapshots.installing) this.#flusher.flush();
      return false;
    };
    // Who waits for room has none until somebody makes it.
    const given = (): boolean => this.#ending() || this.#storeShortage !== undefined;
    awaitCondition(this.#options.clock, durable, given, timeoutMs, callback);
  }

  /** Calls back with whether somebody else leads before `timeoutMs` have passed. */
  transferLeadership(to: NodeId | undefined, timeoutMs: number, callback: (moved: boolean) => void): void {
    this.#handover.transfer(to, timeoutMs, callback);
  }

  /** The bytes of a snapshot of the present state, as the caller asks for them; `close` when no more are wanted. */
  snapshot(): { readonly frames: IterableIterator<Uint8Array>; close(): void } {
    return this.#snapshots.sender.take();
  }

  /** Calls back with whether this replica leads no more, or nobody else could. */
  handOver(callback: (done: boolean) => void): void {
    this.#handover.giveUp(stopTimeoutMs, callback);
  }

  /** Hands leadership over, waits for what is outstanding, makes the state durable, and lets go of everything. */
  stop(callback: () => void): void {
    if (this.#phase === 'halted') return this.#letGo(callback);
    if (this.#phase === 'stopping') return callback();
    const running = this.#phase === 'running';
    this.#phase = 'stopping';
    this.#driver.endDuties();
    const settled = (): boolean => !running || (this.#handover.given() && this.#driver.outstanding === 0);
    const halted = (): boolean => this.#phase === 'halted';
    awaitCondition(this.#options.clock, settled, halted, stopTimeoutMs, () => {
      if (halted()) return this.#letGo(callback);
      this.#release();
      this.#neighbours.settle(() => this.#backend.flush(() => this.#letGo(callback)));
    });
  }

  #ending(): boolean {
    return this.#phase === 'stopping' || this.#phase === 'halted';
  }

  /** Closes files. What cannot be closed is of no use to anybody any more. */
  #letGo(callback: () => void): void {
    this.#journal.close(() => this.#backend.close(() => callback()));
  }

  /** Ends loudly and for good. What was acknowledged is safe; what is outstanding is unknown to its clients. */
  halt(error: unknown): void {
    if (this.#phase === 'halted') return;
    this.#phase = 'halted';
    this.#release();
    this.#options.halted(haltReason(error));
  }

  /** For the journal, which was opened before this replica. */
  readonly journalEvents = {
    durable: (upTo: Parameters<Driver['durable']>[0]): void => this.#driver.durable(upTo),
    room: (shortage: DiskError | undefined): void => {
      this.#journalShortage = shortage;
      this.#roomChanged();
    },
    failed: (error: DiskError): void => this.halt(error),
  };

  #makeProtocol(): Protocol {
    const { definition, random, timing, retention, leaseReads, observer } = this.#options;
    const self = this.#manifest.memberId;
    const options = {
      self,
      timing,
      ...(retention === undefined ? {} : { retention }),
      ...(leaseReads === undefined ? {} : { leaseReads }),
      random: random.stream(`protocol/${self}/${this.#manifest.starts}`),
    };
    observer.protocolMade?.(definition, options);
    return definition.create(options);
  }

  #run(): void {
    if (this.#phase !== 'starting') return;
    this.#phase = 'running';
    this.#neighbours.start();
    this.#guarded(() => this.#driver.start(this.#records));
    this.#records = [];
    this.#scheduleUpkeep();
    this.#options.observer.log('info', 'taking part', { starts: this.#manifest.starts });
  }

  #install(snapshot: number): void {
    this.#snapshots.install(snapshot, (error) => {
      if (this.#phase === 'halted') return;
      if (error !== undefined) return this.halt(error);
      this.#guarded(() => {
        checkFeatureLevel(featureLevel(this.#backend.store), this.#options.machine);
        this.#driver.installed(snapshot);
      });
    });
  }

  /** What is called back outside of a turn halts the replica as well when it goes wrong. */
  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.halt(error);
    }
  }

  #scheduleUpkeep(): void {
    const { clock } = this.#options;
    this.#upkeep = clock.setTimer(millis(clock.now() + upkeepIntervalMs), () => {
      if (!this.#snapshots.installing) this.#flusher.keepUp();
      this.#snapshots.sender.release(false);
      this.#scheduleUpkeep();
    });
  }

  #shortage(): string | undefined {
    return (this.#journalShortage ?? this.#storeShortage)?.message;
  }

  #roomChanged(): void {
    const reason = this.#shortage();
    const full = reason !== undefined;
    const { observer } = this.#options;
    if (full) observer.log('error', 'the disk is full: no writes are taken', { reason });
    else observer.log('info', 'room on the disk again');
    this.#driver.input({ type: 'storage', full });
    // Somebody else may have room; who leads without room refuses every write of the cluster.
    if (full && this.#driver.leadership.role === 'leader')
      this.#driver.input({ type: 'transfer', to: undefined });
  }

  #unavailable(): 'notReady' | 'stopping' | undefined {
    if (this.#phase === 'running') return undefined;
    return this.#phase === 'starting' ? 'notReady' : 'stopping';
  }

  /** The leader may have room and carry it out; but an entry that cannot be stored here is not applied here, nor answered. */
  #unstorable(): 'storageFull' | undefined {
    const shortage = this.#shortage() ?? this.#snapshots.shortage;
    return shortage === undefined ? undefined : 'storageFull';
  }

  #release(): void {
    this.#upkeep?.cancel();
    this.#neighbours.stop();
    this.#driver.stop();
    this.#snapshots.close();
    this.#neighbours.peers.close();
  }
}
