import type { Random } from '../core/random.ts';
import type { Cuts } from './cuts.ts';
import type { MemberChanges } from './member-changes.ts';
import type { SimulatedNetwork } from './network.ts';
import { type FaultKind, maxSkewPpm, type WorldOptions } from './options.ts';
import type { Repairs } from './repairs.ts';
import { areSeparated, type Topology } from './topologies.ts';
import type { Victim } from './victim.ts';

/** What can be struck, and what keeps account of it. */
export interface Scene {
  readonly world: WorldOptions;
  readonly random: Random;
  readonly network: SimulatedNetwork;
  readonly victims: readonly Victim[];
  readonly members: MemberChanges;
  readonly repairs: Repairs;
  readonly cuts: Cuts;
  /** Those that have lost their disks, or part of them, and with that their word. */
  readonly betrayed: Set<Victim>;
  /** A fault of this kind struck later than it was tried. */
  struck(kind: FaultKind): void;
}

/** Tries to strike; false when there was nothing to break, or not yet. */
type Strike = (scene: Scene, victim: Victim) => boolean;

/** For how long a fault waits for the next leader, and how long that one may lead. */
const maxVacancyMs = 1_000;
const maxReignMs = 30;

export const strikes: Readonly<Record<FaultKind, Strike>> = {
  kill: (scene, victim) => crash(scene, victim, false),
  powerCut: (scene, victim) => crash(scene, victim, true),
  powerCutAll: (scene) => scene.victims.filter((victim) => crash(scene, victim, true)).length > 0,
  pause,
  isolate: ({ cuts }, victim) => cuts.cut((a, b) => a === victim || b === victim),
  partition: ({ cuts, random, victims }) => {
    const side = new Set(victims.filter(() => random.chance(1, 2)));
    return cuts.cut((a, b) => side.has(a) !== side.has(b));
  },
  oneWayCut: ({ cuts, random }, victim) => {
    const incoming = random.chance(1, 2);
    return cuts.cut((from, to) => (incoming ? to : from) === victim);
  },
  // Two sides that both still reach one replica between them.
  bridge: ({ cuts, random, victims }, victim) => {
    const side = new Set(victims.filter(() => random.chance(1, 2)));
    return cuts.cut((a, b) => a !== victim && b !== victim && side.has(a) !== side.has(b));
  },
  bridgedLeader: shape('bridgedLeader'),
  leavesBesideLeader: shape('leavesBesideLeader'),
  leafOnLeader: shape('leafOnLeader'),
  slowLink,
  resetConnections: ({ network, victims }, victim) =>
    victims.filter((other) => network.reset(victim.name, other.name)).length > 0,
  slowDisk: ({ random, repairs }, victim) => {
    victim.slowDisk(random.pick([10, 50]));
    repairs.laterUnlessStruckAgain(`speed of the disk of ${victim.name}`, () => victim.slowDisk(1));
    return !victim.retired;
  },
  fullDisk: ({ repairs, world }, victim) => {
    victim.fillDisk(true);
    // Mostly it is the state that finds no room, when it is made durable again.
    const room = (): void => victim.fillDisk(false);
    repairs.laterUnlessStruckAgain(`room on the disk of ${victim.name}`, room, world.flushIntervalMs);
    return !victim.retired;
  },
  failedSync: (scene, victim) => {
    if (victim.state === 'up') victim.failNextSync(() => scene.struck('failedSync'));
    return false;
  },
  bitRot: (scene, victim) => {
    if (!mayBetray(scene, victim) || !victim.rot()) return false;
    scene.betrayed.add(victim);
    return true;
  },
  lostDisk: (scene, victim) => {
    if (!mayBetray(scene, victim)) return false;
    scene.betrayed.add(victim);
    victim.loseDisk();
    return true;
  },
  clockJump: ({ random }, victim) => {
    victim.jumpClock(random.pick([10, 500, 10_000, 3_600_000]));
    return victim.state !== 'down';
  },
  clockRate: ({ random, repairs }, victim) => {
    victim.setClockRate(random.between(-maxSkewPpm, maxSkewPpm));
    repairs.laterUnlessStruckAgain(`clock of ${victim.name}`, () => victim.setClockRate(0));
    return victim.state !== 'down';
  },
  membership: ({ members, victims }) => victims.some((victim) => victim.tookPart) && members.strike(),
  transfer: ({ random, victims }, victim) => {
    victim.handOver(random.chance(1, 2) ? random.pick(victims) : undefined);
    return victim.leads;
  },
  succession: (scene) => {
    const { cuts, victims } = scene;
    const leaders = new Set(victims.filter((victim) => victim.leads));
    const deposed = leaders.size > 0 && cuts.cut((a, b) => leaders.has(a) || leaders.has(b));
    cutSuccessor(scene, leaders, maxVacancyMs);
    return deposed;
  },
};

function crash({ repairs }: Scene, victim: Victim, powerCut: boolean): boolean {
  if (victim.state === 'down') return false;
  victim.crash(powerCut);
  repairs.laterUnlessStruckAgain(`process of ${victim.name}`, () => {
    if (victim.state === 'down' && !victim.retired) victim.start();
  });
  return true;
}

function pause({ repairs }: Scene, victim: Victim): boolean {
  if (victim.state !== 'up') return false;
  victim.pause();
  repairs.laterUnlessStruckAgain(`turns of ${victim.name}`, () => {
    if (victim.state === 'paused') victim.resume();
  });
  return true;
}

/** The victim has the first place. */
function shape(topology: Topology): Strike {
  return ({ cuts, random, victims }, victim) => {
    if (victims.length < 5) return false;
    const places = [victim, ...random.shuffle(victims.filter((other) => other !== victim))];
    return cuts.cut((from, to) => areSeparated(topology, places, from, to));
  };
}

function slowLink({ random, network, victims, repairs }: Scene, victim: Victim): boolean {
  const other = random.pick(victims);
  if (other === victim) return false;
  network.slowDown(victim.name, other.name, random.pick([5, 20, 100]));
  const ends = [victim.name, other.name].sort().join(' and ');
  repairs.laterUnlessStruckAgain(`link of ${ends}`, () => network.slowDown(victim.name, other.name, 1));
  return true;
}

/** Cuts off whoever comes to lead beside `leaders`, soon after: what it begins is left half done. */
function cutSuccessor(scene: Scene, leaders: ReadonlySet<Victim>, patienceMs: number): void {
  const { cuts, random, repairs, victims } = scene;
  if (patienceMs <= 0) return;
  const successor = victims.find((victim) => victim.leads && !leaders.has(victim));
  if (successor !== undefined) {
    cuts.cut((a, b) => a === successor || b === successor);
    return;
  }
  const lookMs = random.between(1, maxReignMs);
  repairs.after(lookMs, () => cutSuccessor(scene, leaders, patienceMs - lookMs));
}

/**
 * More than one would be more than any protocol of this fault model can bear. Before all take part, the lost disk may
 * hold the only word on who the others are; then the cluster has to be begun anew.
 */
function mayBetray({ victims, world, betrayed }: Scene, victim: Victim): boolean {
  if (victims.length < 3 || victim.retired || !victims.every((other) => other.tookPart)) return false;
  // Even without limits one disk stays: without any there is nothing that a promise could be kept with.
  // Where members change it may be one that is none any more: then one loss is all.
  const bearable = world.unlimited && !world.faults.includes('membership') ? victims.length - 1 : 1;
  return betrayed.size < bearable && !betrayed.has(victim);
}
