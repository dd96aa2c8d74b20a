import { hex } from '../core/bytes.ts';
import type { NodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import { machineView } from '../machine/index.ts';
import {
  type Configuration,
  type Effect,
  type Input,
  type LeaseReads,
  memberOf,
  type Protocol,
  type Reconfiguration,
} from '../protocol/index.ts';
import { type ClusterMember, clusterIdOf, memberIdOf } from '../replica/identity.ts';
import { openReplica } from '../replica/open.ts';
import type { ReplicaCore } from '../replica/replica-core.ts';
import type { ReplicaError } from '../replica/replica-error.ts';
import type { ChangeOutcome, Outcome, ReadOutcome } from '../replica/types.ts';
import type { WatchSink } from '../replica/watches/watch.ts';
import type { WatchStream } from '../replica/watches/watch-stream.ts';
import type { StoreBackend } from '../storage/backend.ts';
import { MemoryBackend } from '../storage/memory-backend.ts';
import { Calls } from './calls.ts';
import { SimulatedDisk } from './disk.ts';
import { Host } from './host.ts';
import type { Changeable } from './member-changes.ts';
import type { NodeContext } from './node-context.ts';
import { NodeWatches } from './node-watches.ts';
import { mayStop, type Retirement, retirementOf } from './retirement.ts';
import { rotDisk } from './rot.ts';
import type { Victim } from './victim.ts';
import { describeError } from './violation.ts';
import type { Watched } from './watchers.ts';
import type { Service } from './workload.ts';

export const clusterToken = 'simulated';
const addressed = (name: string): ClusterMember => ({ name, address: `${name}:1` });
/** A process that died by itself is started again after this long, as a supervisor would. */
const restartDelayMs = { low: 50, high: 1_000 };

/** A machine of the world: a host, its disk, and the real replica that runs on them. */
export class Node implements Victim, Service, Watched, Changeable {
  readonly name: string;
  readonly host: Host;
  readonly #context: NodeContext;
  readonly #random: Random;
  /** Of the member on it, in whatever configuration it may be. */
  readonly id: NodeId;
  readonly #cluster: readonly ClusterMember[];
  #disk: SimulatedDisk;
  #disks = 0;
  /** It took part with a disk that is lost. */
  #barred = false;
  #lostWrites = 0;
  #retired: Retirement | undefined;
  #core: ReplicaCore | undefined;
  #backend: StoreBackend | undefined;
  #leads = false;
  #begun = false;
  #tookPart = false;
  #checkedIndex = -1;
  #stepped = false;
  readonly #calls: Calls;
  readonly #watches: NodeWatches;
  readonly #running = (): ReplicaCore | undefined => this.#core;

  constructor(context: NodeContext) {
    const { name, random, scheduler, world } = context;
    this.name = name;
    this.#context = context;
    this.#random = random.stream('node');
    const { names, joins } = context;
    const initial = names.map(addressed);
    this.#cluster = joins === undefined ? initial : [...initial, addressed(name)];
    this.id = joins ?? memberIdOf(clusterIdOf(clusterToken, initial, ''), name);
    const { maxDriftPpm, minTurnMicros, maxTurnMicros } = world;
    const turns = { minTurnMicros, maxTurnMicros };
    this.host = new Host({ name, scheduler, random: random.stream('host'), maxDriftPpm, ...turns });
    this.#calls = new Calls(this.host);
    this.#disk = this.#newDisk();
    this.#watches = new NodeWatches((error) =>
      context.report({ type: 'crash', property: 'nothing throws', detail: describeError(error) }),
    );
  }

  get state(): Host['state'] {
    return this.host.state;
  }

  get leads(): boolean {
    return this.host.state !== 'down' && this.#leads;
  }

  get tookPart(): boolean {
    return this.#tookPart;
  }

  get retired(): boolean {
    return this.#retired !== undefined;
  }

  /** Its replica has given up on its disk, as it had to. */
  get betrayed(): boolean {
    return this.#retired === 'betrayed';
  }

  /** The state of the replica while it runs. */
  get backend(): StoreBackend | undefined {
    return this.#backend;
  }

  start(): void {
    const { world, definition, machine, network, throughDisk, throughBackend, throughNetwork } =
      this.#context;
    this.host.start();
    const life = this.host.life;
    this.#trace('start');
    this.#context.invariants.restarted(this.id);
    const disk = throughDisk(this.#disk);
    openReplica(
      {
        disk,
        network: throughNetwork(network.attach(this.host)),
        clock: this.host.clock,
        random: this.#random.stream(`life ${life}`),
        definition,
        machine,
        openBackend: (initial, callback) =>
          MemoryBackend.open({ disk, directory: 'state', initial }, (error, backend) => {
            if (error !== undefined) return callback(error, undefined);
            this.#backend = throughBackend(backend);
            callback(undefined, this.#backend);
          }),
        name: this.name,
        cluster: this.#knownMembers(),
        clusterToken,
        joins: this.#context.joins !== undefined,
        peerAddress: `${this.name}:1`,
        clientAddresses: [],
        version: 'simulated',
        timing: world.timing,
        segmentBytes: world.segmentBytes,
        retention: world.retention,
        flushIntervalMs: world.flushIntervalMs,
        applySliceEntries: world.applySliceEntries,
        ...this.#leaseReads(life),
        observer: {
          log: (level, message, fields) => this.#log(level, message, fields),
          stepped: (_now, inputs, effects, protocol) => this.#step(inputs, effects, protocol),
        },
        halted: (error) => this.#gaveUp(error),
      },
      (error, core) => {
        if (error !== undefined) this.#gaveUp(error);
        else this.#opened(core, life);
      },
    );
  }

  #leaseReads(life: number): { leaseReads?: LeaseReads } {
    const { leaseReads, leaseStarts } = this.#context.world;
    const has = this.#random.stream(`lease reads ${life}`).chance(leaseStarts, 100);
    return leaseReads !== undefined && has ? { leaseReads } : {};
  }

  crash(powerCut: boolean): void {
    this.#trace(powerCut ? 'loses power' : 'dies');
    this.#gone(powerCut);
  }

  pause(): void {
    this.host.pause();
  }

  resume(): void {
    this.host.resume();
  }

  slowDisk(factor: number): void {
    this.#disk.slowDown(factor);
  }

  fillDisk(full: boolean): void {
    this.#disk.fill(full);
  }

  failNextSync(failed: () => void): void {
    this.#disk.failNextSync(failed);
  }

  loseDisk(): void {
    this.#trace('loses its disk');
    this.#barred ||= this.#isCounted();
    if (this.host.state !== 'down') this.#gone(true);
    this.#lostWrites += this.#disk.lostWrites;
    this.#disk = this.#newDisk();
    this.start();
  }

  /** What a copy of its disk would hold. */
  files(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.#disk.files().map((path) => [path, this.#disk.contents(path)]));
  }

  rot(): boolean {
    const rotten = rotDisk(this.#disk, this.#random);
    if (rotten === undefined) return false;
    this.#trace('rots', () => rotten);
    return true;
  }

  jumpClock(ms: number): void {
    if (this.host.state !== 'down') this.host.clock.jump(ms);
  }

  setClockRate(ppm: number): void {
    if (this.host.state !== 'down') this.host.clock.skew(ppm);
  }

  /** Changes that were never synced and went with the power. */
  get lostWrites(): number {
    return this.#lostWrites + this.#disk.lostWrites;
  }

  propose(command: Uint8Array, timeoutMs: number, settle: (outcome: Outcome) => void): void {
    const lost = (): void => settle({ type: 'unknown', reason: 'stopped' });
    this.#calls.receive(this.#running, settle, lost, (core, answer) =>
      core.propose(command, timeoutMs, answer),
    );
  }

  read(timeoutMs: number, settle: (outcome: ReadOutcome) => void): void {
    const lost = (): void => settle({ type: 'refused', reason: 'stopping' });
    this.#calls.receive(this.#running, settle, lost, (core, answer) =>
      core.read('linearizable', timeoutMs, answer),
    );
  }

  reconfigure(change: Reconfiguration, timeoutMs: number, settle: (outcome: ChangeOutcome) => void): void {
    const lost = (): void => settle({ type: 'unknown', reason: 'stopped' });
    this.#calls.receive(this.#running, settle, lost, (core, answer) =>
      core.reconfigure(change, timeoutMs, answer),
    );
  }

  handOver(to: Victim | undefined): void {
    this.host.guard(() => this.#core?.transferLeadership(to?.id, 1_000, () => undefined))();
  }

  get configuration(): Configuration | undefined {
    return this.host.state === 'up' && this.#begun ? this.#core?.status().configuration : undefined;
  }

  /** Switched off for good: it is no member. */
  giveUp(): void {
    this.#retired = 'switchedOff';
    if (this.host.state !== 'down') this.#gone(false);
  }

  openStream(sink: WatchSink, lost: () => void): WatchStream | undefined {
    return this.host.state === 'up' ? this.#watches.stream(sink, lost) : undefined;
  }

  chronicled(): void {
    const store = this.#backend?.store;
    if (store !== undefined) this.#context.chronicle.follow(machineView(store), this.#context.scheduler.now);
  }

  guard(callback: () => void): () => void {
    return this.host.guard(callback);
  }

  #opened(core: ReplicaCore, life: number): void {
    this.#core = core;
    this.#watches.opened(core, this.host.clock, this.#random.stream(`watches ${life}`));
  }

  /** Whoever joins is told who is there when it starts: of those who began the cluster nobody may be left. */
  #knownMembers(): readonly ClusterMember[] {
    const { joins, properties } = this.#context;
    const members = properties.membership.latest?.members;
    if (joins === undefined || members === undefined) return this.#cluster;
    const others = members.filter(({ id }) => id !== this.id);
    return [...others.map(({ address }) => addressed(address.replace(/:1$/, ''))), addressed(this.name)];
  }

  /** What must hold between two events; cheap when nothing happened here. */
  check(): void {
    if (!this.#stepped) return;
    this.#stepped = false;
    const backend = this.#backend;
    if (backend === undefined || this.host.state === 'down') return;
    const { index } = backend.base().position;
    if (index === this.#checkedIndex) return;
    this.#checkedIndex = index;
    this.#context.properties.applied(this.name, index, hex(backend.digest()));
    this.chronicled();
  }

  #step(inputs: readonly Input[], effects: readonly Effect[], protocol: Protocol): void {
    const { properties, invariants, report, trace } = this.#context;
    this.#stepped = true;
    this.#begun = true;
    this.#tookPart = true;
    const types = (list: readonly { readonly type: string }[]): string =>
      list.map(({ type }) => type).join(' ');
    this.#trace('step', () => `[${types(inputs)}] -> [${types(effects)}]`);
    trace.number(inputs.length);
    for (const effect of effects) {
      trace.text(effect.type);
      if (effect.type === 'status') this.#leads = effect.role === 'leader';
    }
    this.#context.observe?.(this.name, this.id, inputs, effects);
    properties.stepped(this.name, inputs, effects);
    if (this.#barred) {
      const detail = `${this.name} takes part again, without the disk on which it kept what it had promised`;
      report({ type: 'wrong', property: 'lost disks never come back', detail });
    }
    try {
      protocol.checkInvariants();
      invariants.observe(this.id, protocol, effects);
    } catch (error) {
      report({
        type: 'wrong',
        property: 'invariants of the protocol',
        detail: `${this.name}: ${describeError(error)}`,
      });
    }
  }

  /** The replica has stopped by itself. That is right when its disk betrayed it, and a failure otherwise. */
  #gaveUp(error: ReplicaError): void {
    const { report, scheduler } = this.#context;
    this.#trace(`gives up: ${error.message}`);
    const { life } = this.host;
    const circumstances = {
      failings: this.#disk.failings,
      replaced: this.#disks > 1,
      removed: this.#context.properties.membership.isRemoved(this.id),
      begun: this.#begun,
    };
    this.#retired = retirementOf(error, circumstances);
    if (!this.retired && !mayStop(error, circumstances)) {
      report({
        type: 'crash',
        property: 'replicas go on',
        detail: `${this.name}: ${error.code} ${describeError(error)}`,
      });
    }
    this.#gone(false);
    const { low, high } = restartDelayMs;
    scheduler.schedule(this.#random.between(low, high), () => {
      const untouched = this.host.state === 'down' && this.host.life === life;
      if (untouched && !this.retired) this.start();
    });
  }

  /** One that was added may start anew until it is written down in which directory it did. */
  #isCounted(): boolean {
    const { joins, properties } = this.#context;
    if (joins === undefined) return true;
    const { latest } = properties.membership;
    const member = latest === undefined ? undefined : memberOf(latest, this.id);
    return member !== undefined && member.storageId.length > 0;
  }

  #newDisk(): SimulatedDisk {
    const { scheduler, random, world } = this.#context;
    return new SimulatedDisk({
      schedule: (delayMs, callback) => scheduler.schedule(delayMs, this.host.guard(callback)),
      random: random.stream(`disk ${++this.#disks}`),
      speed: world.disk,
    });
  }

  #gone(powerCut: boolean): void {
    this.host.kill();
    this.#context.network.processGone(this.host, powerCut);
    if (powerCut) this.#disk.powerCut();
    else this.#disk.kill();
    this.#core = undefined;
    this.#backend = undefined;
    this.#leads = false;
    this.#checkedIndex = -1;
    this.#begun = false;
    this.#calls.gone();
    this.#watches.gone();
  }

  #log(level: string, message: string, fields: Readonly<Record<string, unknown>> | undefined): void {
    this.#trace(`${level}: ${message}`, () => (fields === undefined ? '' : JSON.stringify(fields)));
  }

  #trace(name: string, line?: () => string): void {
    this.#context.trace.event(this.#context.scheduler.now, name, this.name, line);
  }
}
