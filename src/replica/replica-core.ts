import { emptyBytes, hex } from '../core/bytes.ts';
import type { Timer } from '../core/clock.ts';
import { Writer } from '../core/codec.ts';
import { type Millis, millis, type NodeId } from '../core/ids.ts';
import { flushIntervalMs, flushPendingBytes, stopTimeoutMs } from '../core/limits.ts';
import { clientAddresses, featureLevel, Replicated } from '../machine/index.ts';
import type { Configuration, Protocol } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { DiskError } from '../storage/disk.ts';
import type { Journal } from '../storage/journal.ts';
import type { Facts } from '../transport/handshake.ts';
import { Peers } from '../transport/peers.ts';
import { Bootstrap } from './bootstrap.ts';
import { admitted, remembering } from './data-directory.ts';
import { Driver, type Leadership } from './driver.ts';
import { type Manifest, writeManifest } from './manifest.ts';
import type { ReplicaCoreOptions } from './options.ts';
import { Peering } from './peering.ts';
import { haltReason, ReplicaError } from './replica-error.ts';
import { Snapshots } from './snapshots.ts';
import { SystemCommands } from './system-commands.ts';
import type { Outcome, ReadConsistency, ReadOutcome, ReplicaStatus } from './types.ts';

/** What was opened on disk before a replica begins. */
export interface Opened {
  readonly manifest: Manifest;
  readonly backend: StoreBackend;
  readonly journal: Journal;
  readonly records: readonly Uint8Array[];
}

const upkeepMs = 500;

/**
 * One replica: the driver with its journal, store, links and snapshots, from the admission of its data directory to its
 * end. Callbacks only; `Replica` is the shell with promises.
 */
export class ReplicaCore {
  readonly #options: ReplicaCoreOptions;
  readonly #backend: StoreBackend;
  readonly #journal: Journal;
  readonly #peers: Peers;
  readonly #peering: Peering;
  readonly #driver: Driver;
  readonly #snapshots: Snapshots;
  readonly #baseDigest: Uint8Array;
  #manifest: Manifest;
  #records: readonly Uint8Array[];
  #phase: ReplicaStatus['phase'] = 'starting';
  #bootstrap: Bootstrap | undefined;
  #upkeep: Timer | undefined;
  #flushing = false;
  #writingManifest = false;
  #flushedAt: Millis;
  #journalFull = false;
  #storeFull = false;

  constructor(options: ReplicaCoreOptions, opened: Opened) {
    const { clock, machine, definition, observer } = options;
    const { manifest, backend, journal } = opened;
    this.#options = options;
    this.#manifest = manifest;
    this.#backend = backend;
    this.#journal = journal;
    this.#records = opened.records;
    this.#flushedAt = clock.now();
    this.#baseDigest = manifest.phase === 'empty' ? baseDigestOf(backend) : emptyBytes;
    const self = manifest.memberId;
    const session = { opener: self, incarnation: manifest.incarnation };
    this.#peering = new Peering(manifest, backend.base().configuration, (id, storageId) =>
      this.#remember(id, storageId),
    );
    this.#peers = this.#makePeers(self);
    const origin = { clusterId: manifest.clusterId, protocol: definition.name, machine: machine.name };
    this.#snapshots = new Snapshots({
      disk: options.disk,
      clock,
      random: options.random.stream(`snapshots/${manifest.incarnation}`),
      peers: this.#peers,
      backend,
      origin: () => ({ ...origin, featureLevel: featureLevel(backend.store) }),
      expected: { ...origin, featureLevel: machine.featureLevel },
      epoch: () => this.#driver.leadership.epoch,
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
      links: this.#peers,
      log: journal,
      host: {
        checkpoint: () => this.#flush(),
        sendSnapshot: (to) => this.#snapshots.sender.send(to),
        installSnapshot: (snapshot) => this.#install(snapshot),
        discardSnapshot: (snapshot) => this.#snapshots.discard(snapshot),
        configurationChanged: (configuration) => this.#configured(configuration),
        led: (leadership) => this.#led(leadership),
        halt: (error) => this.halt(error),
      },
      observer,
    });
  }

  get phase(): ReplicaStatus['phase'] {
    return this.#phase;
  }

  get memberId(): NodeId {
    return this.#manifest.memberId;
  }

  /** Listens for peers, then takes part as soon as this data directory may. */
  begin(callback: (error: ReplicaError | undefined) => void): void {
    this.#peers.listen(this.#options.peerAddress, (error) => {
      if (error !== undefined) {
        callback(new ReplicaError('ADDRESS', error.message, { cause: error }));
        return;
      }
      callback(undefined);
      this.#snapshots.open((openError) => {
        if (openError !== undefined) this.halt(openError);
        else if (this.#manifest.phase === 'member') this.#run();
        else this.#seekAdmission();
      });
    });
  }

  status(): ReplicaStatus {
    const { role, leader, epoch } = this.#driver.leadership;
    const { position } = this.#backend.base();
    const bytes = this.#backend.bytes();
    return {
      name: this.#manifest.name,
      clusterId: this.#manifest.clusterId,
      memberId: this.#manifest.memberId,
      protocol: this.#manifest.protocol,
      phase: this.#phase,
      role,
      leader,
      epoch,
      appliedIndex: position.index,
      committedIndex: this.#driver.committedIndex,
      time: position.time,
      configuration: this.#driver.configuration,
      storageFull: this.#journalFull || this.#storeFull,
      stateBytes: bytes.total,
      stateBytesInUse: bytes.inUse,
      digest: hex(this.#backend.digest()),
    };
  }

  propose(command: Uint8Array, timeoutMs: number, settle: (outcome: Outcome) => void): void {
    const reason = this.#unavailable();
    if (reason === undefined) this.#driver.propose(command, timeoutMs, settle);
    else settle({ type: 'refused', reason });
  }

  read(consistency: ReadConsistency, timeoutMs: number, settle: (outcome: ReadOutcome) => void): void {
    const reason = this.#unavailable();
    if (reason === undefined) this.#driver.read(consistency, timeoutMs, settle);
    else settle({ type: 'refused', reason });
  }

  /** Calls back with whether this replica takes part and knows a leader before `timeoutMs` have passed. */
  awaitLeader(timeoutMs: number, callback: (led: boolean) => void): void {
    const led = () => this.#phase === 'running' && this.#driver.leadership.leader !== undefined;
    this.#await(led, timeoutMs, callback);
  }

  clientAddresses(): ReadonlyMap<NodeId, readonly string[]> {
    return clientAddresses(this.#backend.store);
  }

  /** Calls back with whether somebody else leads before `timeoutMs` have passed. */
  transferLeadership(to: NodeId | undefined, timeoutMs: number, callback: (moved: boolean) => void): void {
    if (this.#driver.leadership.role !== 'leader') return callback(false);
    this.#driver.input({ type: 'transfer', to });
    const self = this.#manifest.memberId;
    this.#await(
      () => {
        const { leader } = this.#driver.leadership;
        return leader !== undefined && leader !== self && (to === undefined || leader === to);
      },
      timeoutMs,
      callback,
    );
  }

  /** The bytes of a snapshot of the present state, as the caller asks for them; `close` when no more are wanted. */
  snapshot(): { readonly frames: IterableIterator<Uint8Array>; close(): void } {
    return this.#snapshots.sender.take();
  }

  /** Hands leadership over, waits for what is outstanding, makes the state durable, and lets go of everything. */
  stop(callback: () => void): void {
    if (this.#phase === 'halted' || this.#phase === 'stopping') return callback();
    const running = this.#phase === 'running';
    this.#phase = 'stopping';
    const { role } = this.#driver.leadership;
    if (running && role === 'leader' && this.#driver.configuration.voters.length > 1) {
      this.#driver.input({ type: 'transfer', to: undefined });
    }
    const settled = () =>
      !running ||
      (this.#driver.outstanding === 0 &&
        (this.#driver.leadership.role !== 'leader' || this.#driver.configuration.voters.length === 1));
    this.#await(settled, stopTimeoutMs, () => {
      if (this.#phase === 'halted') return callback();
      this.#release();
      this.#journal.close(() => this.#backend.flush(() => this.#backend.close(() => callback())));
    });
  }

  /** Ends loudly and for good. What was acknowledged is safe; what is outstanding is unknown to its clients. */
  halt(error: unknown): void {
    if (this.#phase === 'halted') return;
    this.#phase = 'halted';
    this.#release();
    const reason = haltReason(error);
    this.#options.observer.log('error', reason.message, { code: reason.code });
    this.#options.halted(reason);
  }

  /** For the journal, which was opened before this replica. */
  readonly journalEvents = {
    durable: (upTo: Parameters<Driver['durable']>[0]): void => this.#driver.durable(upTo),
    room: (full: boolean): void => {
      this.#journalFull = full;
      this.#roomChanged();
    },
    failed: (error: DiskError): void => this.halt(error),
  };

  #makeProtocol(): Protocol {
    const { definition, random, timing, retention } = this.#options;
    const self = this.#manifest.memberId;
    return definition.create({
      self,
      timing,
      ...(retention === undefined ? {} : { retention }),
      random: random.stream(`protocol/${self}/${this.#manifest.incarnation}`),
    });
  }

  #makePeers(self: NodeId): Peers {
    const { network, clock, random, observer } = this.#options;
    return new Peers({
      self,
      network,
      clock,
      random: random.stream(`peers/${self}`),
      handlers: {
        facts: (to) => this.#facts(to),
        judge: (other, _direction, purpose) => this.#peering.judge(other, purpose),
        frame: (from, _session, kind, payload) => {
          if (this.#phase === 'running' || this.#phase === 'stopping')
            this.#driver.frame(from, kind, payload);
        },
        up: (peer, session) => {
          observer.log('info', 'link up', { peer });
          this.#driver.link(peer, session, true);
        },
        down: (peer, session, reason) => {
          observer.log('info', 'link down', { peer, reason });
          if (this.#phase !== 'halted') this.#driver.link(peer, session, false);
        },
        writable: (peer) => this.#driver.input({ type: 'credit', peer, bytes: this.#peers.credit(peer) }),
        bulk: (from, header, incoming) => this.#snapshots.offered(from.id, header, incoming),
        problem: (problem) => observer.log('warn', 'trouble between replicas', { ...problem }),
      },
    });
  }

  #facts(to: NodeId): Facts {
    const { clusterId, memberId, name, storageId, incarnation, phase } = this.#manifest;
    const self = this.#driver.configuration.members.find((member) => member.id === memberId);
    return {
      clusterId,
      id: memberId,
      name,
      storageId,
      incarnation,
      phase,
      baseDigest: this.#baseDigest,
      knowsYou: this.#peering.knows(to),
      peerAddress: self?.address ?? this.#options.peerAddress,
      clientAddresses: this.#options.clientAddresses,
      protocol: this.#options.definition.name,
      protocolVersion: this.#options.definition.formatVersion,
    };
  }

  #seekAdmission(): void {
    const { clock, observer } = this.#options;
    this.#bootstrap = new Bootstrap({
      manifest: this.#manifest,
      baseDigest: this.#baseDigest,
      clock,
      probe: (member, callback) => this.#peers.probe(member.address, member.id, callback),
      onWaiting: (names) =>
        observer.log('info', 'waiting to hear of all initial members', { missing: names }),
      onOutcome: (outcome) => {
        if (outcome.type === 'refused') return this.halt(new ReplicaError('REPLACED', outcome.reason));
        this.#rewrite(admitted(this.#manifest, outcome.roster), () => this.#run());
      },
    });
    this.#bootstrap.start();
  }

  #run(): void {
    if (this.#phase !== 'starting') return;
    this.#phase = 'running';
    this.#peers.setMembers(this.#driver.configuration.members);
    this.#driver.start(this.#records);
    this.#records = [];
    this.#scheduleUpkeep();
    this.#options.observer.log('info', 'taking part', { incarnation: this.#manifest.incarnation });
  }

  /** Writes down who a member is before it is spoken with. */
  #remember(id: NodeId, storageId: Uint8Array): void {
    if (this.#peering.knows(id)) return;
    this.#rewrite(remembering(this.#manifest, id, storageId), () => {});
  }

  #rewrite(manifest: Manifest, done: () => void): void {
    if (this.#writingManifest) return;
    this.#writingManifest = true;
    writeManifest(this.#options.disk, manifest, (error) => {
      this.#writingManifest = false;
      if (this.#phase === 'halted') return;
      if (error !== undefined) return this.halt(error);
      this.#manifest = manifest;
      this.#peering.manifest = manifest;
      done();
    });
  }

  #configured(configuration: Configuration): void {
    this.#peering.configuration = configuration;
    if (this.#phase !== 'starting') this.#peers.setMembers(configuration.members);
  }

  #led({ role, leader, epoch }: Leadership): void {
    this.#options.observer.log('info', 'leadership', { role, leader, epoch });
  }

  #install(snapshot: number): void {
    this.#snapshots.install(snapshot, (error) => {
      if (this.#phase === 'halted') return;
      if (error !== undefined) return this.halt(error);
      const level = featureLevel(this.#backend.store);
      if (level > this.#options.machine.featureLevel) {
        const ours = this.#options.machine.featureLevel;
        return this.halt(
          new ReplicaError(
            'TOO_NEW',
            `The cluster runs feature level ${level}, this program ${ours}: upgrade it.`,
          ),
        );
      }
      this.#driver.installed(snapshot);
    });
  }

  #scheduleUpkeep(): void {
    const { clock } = this.#options;
    this.#upkeep = clock.setTimer(millis(clock.now() + upkeepMs), () => {
      this.#keepUp();
      this.#scheduleUpkeep();
    });
  }

  #keepUp(): void {
    const applied = this.#backend.base().position.index;
    const behind = applied > this.#backend.flushed().position.index;
    const due =
      this.#options.clock.now() - this.#flushedAt >= (this.#options.flushIntervalMs ?? flushIntervalMs);
    if (behind && (due || this.#storeFull || this.#backend.pendingBytes() >= flushPendingBytes))
      this.#flush();
    this.#snapshots.sender.release(false);
  }

  #flush(): void {
    if (this.#flushing || this.#snapshots.installing) return;
    this.#flushing = true;
    this.#backend.flush((error, base) => {
      this.#flushing = false;
      if (this.#phase === 'halted') return;
      if (error !== undefined && error.kind !== 'full') return this.halt(error);
      this.#flushedAt = this.#options.clock.now();
      const full = error !== undefined;
      if (full !== this.#storeFull) {
        this.#storeFull = full;
        this.#roomChanged();
      }
      if (base !== undefined) this.#driver.input({ type: 'flushed', position: base.position });
    });
  }

  #roomChanged(): void {
    const full = this.#journalFull || this.#storeFull;
    this.#options.observer.log(
      full ? 'error' : 'info',
      full ? 'the disk is full: no writes are taken' : 'room on the disk again',
    );
    this.#driver.input({ type: 'storage', full });
  }

  #unavailable(): 'notReady' | 'stopping' | undefined {
    if (this.#phase === 'running') return undefined;
    return this.#phase === 'starting' ? 'notReady' : 'stopping';
  }

  /** Calls back true as soon as `condition` holds, false when it does not in time. */
  #await(condition: () => boolean, timeoutMs: number, callback: (held: boolean) => void): void {
    const { clock } = this.#options;
    const deadline = clock.now() + timeoutMs;
    const look = (): void => {
      if (condition()) callback(true);
      else if (clock.now() >= deadline || this.#phase === 'halted') callback(false);
      else clock.setTimer(millis(clock.now() + 5), look);
    };
    look();
  }

  #release(): void {
    this.#bootstrap?.stop();
    this.#upkeep?.cancel();
    this.#driver.stop();
    this.#snapshots.close();
    this.#peers.close();
  }
}

function baseDigestOf(backend: StoreBackend): Uint8Array {
  const { index } = backend.base().position;
  return new Writer(24).uint(index).raw(backend.digest()).finish();
}
