import type { Random } from '../core/random.ts';
import { Cuts } from './cuts.ts';
import type { MemberChanges } from './member-changes.ts';
import type { SimulatedNetwork } from './network.ts';
import type { FaultKind, WorldOptions } from './options.ts';
import { Repairs } from './repairs.ts';
import type { Scheduled, Scheduler } from './scheduler.ts';
import { type Scene, strikes } from './strikes.ts';
import type { Trace } from './trace.ts';
import type { Victim } from './victim.ts';

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
  readonly #scene: Scene;
  #next: Scheduled | undefined;
  /** How often each kind struck; one that found nothing to break does not count. */
  readonly counts = new Map<FaultKind, number>();

  constructor(options: FaultsOptions) {
    this.#options = options;
    const { world, random, scheduler, network, victims, members } = options;
    const repairs = new Repairs({ random, scheduler, maxFaultMs: world.maxFaultMs });
    const cuts = new Cuts(network, repairs, victims);
    const betrayed = new Set<Victim>();
    const struck = (kind: FaultKind): void => this.#struck(kind);
    this.#scene = { world, random, network, victims, members, repairs, cuts, betrayed, struck };
  }

  start(): void {
    if (this.#options.world.faults.length > 0) this.#scheduleNext();
  }

  /** No more faults, and everything is repaired. */
  stop(): void {
    const { network, victims } = this.#options;
    this.#scene.repairs.stop();
    this.#next?.cancel();
    network.heal();
    for (const victim of victims) {
      victim.slowDisk(1);
      victim.fillDisk(false);
      victim.setClockRate(0);
      if (victim.state === 'paused') victim.resume();
      if (victim.state === 'down' && !victim.retired) victim.start();
    }
  }

  /** Whether its disk, or a part of it, was taken away. */
  betrayed(victim: Victim): boolean {
    return this.#scene.betrayed.has(victim);
  }

  #scheduleNext(): void {
    const { scheduler, random, world } = this.#options;
    this.#next = scheduler.schedule(random.between(1, world.maxQuietMs), () => {
      this.#strike(random.pick(world.faults));
      this.#scheduleNext();
    });
  }

  #strike(kind: FaultKind): void {
    const { scheduler, trace, victims, random } = this.#options;
    // Leaders are where mistakes hurt.
    const leader = victims.find((victim) => victim.leads);
    const victim = leader !== undefined && random.chance(1, 2) ? leader : random.pick(victims);
    trace.event(scheduler.now, kind, victim.name);
    if (strikes[kind](this.#scene, victim)) this.#struck(kind);
  }

  #struck(kind: FaultKind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
  }
}
