import { assertNever } from '../core/assert.ts';
import type { NodeId } from '../core/ids.ts';
import type { Random } from '../core/random.ts';
import type { MemberChanges } from './member-changes.ts';
import type { SimulatedNetwork } from './network.ts';
import { type FaultKind, maxSkewPpm, type WorldOptions } from './options.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';
import { areSeparated, type Topology } from './topologies.ts';
import type { Trace } from './trace.ts';

/** A machine of the world as faults see it. */
export interface Victim {
  readonly name: string;
  readonly id: NodeId;
  readonly state: 'up' | 'paused' | 'down';
  readonly leads: boolean;
  /** Was admitted to the cluster, now or earlier. */
  readonly tookPart: boolean;
  /** Has lost its disk, and will never take part again. */
  readonly retired: boolean;
  /** The process dies; with `powerCut` also everything that was not yet on the disk. */
  crash(powerCut: boolean): void;
  start(): void;
  pause(): void;
  resume(): void;
  slowDisk(factor: number): void;
  fillDisk(full: boolean): void;
  failNextSync(): void;
  /** Its disk is replaced by an empty one, and it starts again under its old name. */
  loseDisk(): void;
  /** A bit of what is on its disk decays; false when there is nothing yet in which that must be noticed. */
  rot(): boolean;
  jumpClock(ms: number): void;
  /** Its clock runs fast or slow by so many parts in a million from now on. */
  setClockRate(ppm: number): void;
  /** An operator asks it to hand its lead over: to `to`, or to whom it likes. */
  handOver(to: Victim | undefined): void;
}

/** For how long a fault waits for the next leader, and how long that one may lead. */
const maxVacancyMs = 1_000;
const maxReignMs = 30;

interface FaultsOptions {
  readonly world: WorldOptions;
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly network: SimulatedNetwork;
  readonly victims: readonly Victim[];
  readonly members: MemberChanges;
}

/**
 * Breaks things at random times, and repairs each some time later, whatever else has been broken since: faults overlap.
 * The kinds are those that the world has drawn.
 */
export class Faults {
  readonly #options: FaultsOptions;
  readonly #random: Random;
  #next: Scheduled | undefined;
  #stopped = false;
  /** Those that have lost their disks, or part of them, and with that their word. */
  readonly #betrayed = new Set<Victim>();
  /** How often each kind struck. */
  readonly counts = new Map<FaultKind, number>();

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#random = options.random;
  }

  start(): void {
    if (this.#options.world.faults.length > 0) this.#scheduleNext();
  }

  /** No more faults, and everything is repaired. */
  stop(): void {
    this.#stopped = true;
    this.#next?.cancel();
    const { network, victims } = this.#options;
    network.heal();
    for (const victim of victims) {
      victim.slowDisk(1);
      victim.fillDisk(false);
      victim.setClockRate(0);
      if (victim.state === 'paused') victim.resume();
      if (victim.state === 'down' && !victim.retired) victim.start();
    }
  }

  #scheduleNext(): void {
    const { scheduler, world } = this.#options;
    this.#next = scheduler.schedule(this.#random.between(1, world.maxQuietMs), () => {
      this.#strike(this.#random.pick(world.faults));
      this.#scheduleNext();
    });
  }

  #strike(kind: FaultKind): void {
    const { scheduler, trace, victims, network } = this.#options;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    // Leaders are where mistakes hurt.
    const leader = victims.find((victim) => victim.leads);
    const victim = leader !== undefined && this.#random.chance(1, 2) ? leader : this.#random.pick(victims);
    trace.event(scheduler.now, kind, victim.name);
    switch (kind) {
      case 'kill':
      case 'powerCut':
        return this.#crash([victim], kind === 'powerCut');
      case 'powerCutAll':
        return this.#crash(victims, true);
      case 'pause':
        if (victim.state !== 'up') return;
        victim.pause();
        return this.#later(() => {
          if (victim.state === 'paused') victim.resume();
        });
      case 'isolate':
        return this.#cut((a, b) => a === victim || b === victim);
      case 'partition': {
        const side = new Set(victims.filter(() => this.#random.chance(1, 2)));
        return this.#cut((a, b) => side.has(a) !== side.has(b));
      }
      case 'oneWayCut': {
        const incoming = this.#random.chance(1, 2);
        return this.#cut((from, to) => (incoming ? to : from) === victim);
      }
      case 'bridge': {
        // Two sides that both still reach one replica between them.
        const side = new Set(victims.filter(() => this.#random.chance(1, 2)));
        return this.#cut((a, b) => a !== victim && b !== victim && side.has(a) !== side.has(b));
      }
      case 'bridgedLeader':
      case 'leavesBesideLeader':
      case 'leafOnLeader':
        return this.#shape(kind, victim);
      case 'slowLink': {
        const other = this.#random.pick(victims);
        network.slowDown(victim.name, other.name, this.#random.pick([5, 20, 100]));
        return this.#later(() => network.slowDown(victim.name, other.name, 1));
      }
      case 'resetConnections':
        for (const other of victims) network.reset(victim.name, other.name);
        return;
      case 'slowDisk':
        victim.slowDisk(this.#random.pick([10, 50]));
        return this.#later(() => victim.slowDisk(1));
      case 'fullDisk':
        victim.fillDisk(true);
        return this.#later(() => victim.fillDisk(false));
      case 'failedSync':
        if (victim.state !== 'up') return;
        return victim.failNextSync();
      case 'bitRot':
        if (this.#mayBetray(victim) && victim.rot()) this.#betrayed.add(victim);
        return;
      case 'lostDisk':
        if (!this.#mayBetray(victim)) return;
        this.#betrayed.add(victim);
        return victim.loseDisk();
      case 'clockJump':
        return victim.jumpClock(this.#random.pick([10, 500, 10_000, 3_600_000]));
      case 'clockRate': {
        victim.setClockRate(this.#random.between(-maxSkewPpm, maxSkewPpm));
        return this.#later(() => victim.setClockRate(0));
      }
      case 'membership':
        if (victims.some((other) => other.tookPart)) this.#options.members.strike();
        return;
      case 'transfer':
        return victim.handOver(this.#random.chance(1, 2) ? this.#random.pick(victims) : undefined);
      case 'succession': {
        const leaders = new Set(victims.filter((other) => other.leads));
        if (leaders.size > 0) this.#cut((a, b) => leaders.has(a) || leaders.has(b));
        return this.#cutSuccessor(leaders, maxVacancyMs);
      }
      default:
        assertNever(kind);
    }
  }

  /**
   * More than one would be more than any protocol of this fault model can bear. Before all take part, the lost disk may
   * hold the only word on who the others are; then the cluster has to be begun anew.
   */
  #mayBetray(victim: Victim): boolean {
    const { victims, world } = this.#options;
    if (victims.length < 3 || victim.retired || !victims.every((other) => other.tookPart)) return false;
    // Even without limits one disk stays: without any there is nothing that a promise could be kept with.
    // Where members change it may be one that is none any more: then one loss is all.
    const bearable = world.unlimited && !world.faults.includes('membership') ? victims.length - 1 : 1;
    return this.#betrayed.size < bearable && !this.#betrayed.has(victim);
  }

  /** The victim has the first place. */
  #shape(topology: Topology, first: Victim): void {
    const { victims } = this.#options;
    if (victims.length < 5) return;
    const places = [first, ...this.#random.shuffle(victims.filter((other) => other !== first))];
    this.#cut((from, to) => areSeparated(topology, places, from, to));
  }

  /** Cuts off whoever comes to lead beside `leaders`, soon after: what it begins is left half done. */
  #cutSuccessor(leaders: ReadonlySet<Victim>, patienceMs: number): void {
    const { scheduler, victims } = this.#options;
    if (this.#stopped || patienceMs <= 0) return;
    const successor = victims.find((victim) => victim.leads && !leaders.has(victim));
    if (successor !== undefined) return this.#cut((a, b) => a === successor || b === successor);
    const lookMs = this.#random.between(1, maxReignMs);
    scheduler.schedule(lookMs, () => this.#cutSuccessor(leaders, patienceMs - lookMs));
  }

  #crash(victims: readonly Victim[], powerCut: boolean): void {
    for (const victim of victims) {
      if (victim.state === 'down') continue;
      victim.crash(powerCut);
      this.#later(() => {
        if (victim.state === 'down' && !victim.retired) victim.start();
      });
    }
  }

  #cut(separated: (from: Victim, to: Victim) => boolean): void {
    const { network, victims } = this.#options;
    const cuts: [from: string, to: string][] = [];
    for (const from of victims) {
      for (const to of victims) if (from !== to && separated(from, to)) cuts.push([from.name, to.name]);
    }
    for (const [from, to] of cuts) network.cut(from, to);
    this.#later(() => {
      for (const [from, to] of cuts) network.restore(from, to);
    });
  }

  #later(repair: () => void): void {
    const { scheduler, world } = this.#options;
    scheduler.schedule(this.#random.between(1, world.maxFaultMs), () => {
      if (!this.#stopped) repair();
    });
  }
}
