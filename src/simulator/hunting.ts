import type { WorldMutant } from './mutants.ts';
import { drawOptions, restless, type WorldOptions } from './options.ts';
import { topologyNames } from './topologies.ts';

/** What is right survives each of these worlds; what is wrong shows sooner in those that are full of what it needs. */
export const hunts = {
  contested,
  powerless,
  crowded,
  overtaken,
  reshaped,
  leased,
  standing,
} as const satisfies Record<string, (seed: number) => WorldOptions>;

export type Hunt = keyof typeof hunts;

/** Where a mistake shows that is made against this trap. */
const byTrap: ReadonlyMap<string, Hunt> = new Map([
  ...['R-1', 'R-5', 'R-6', 'R-20'].map((trap): [string, Hunt] => [trap, 'overtaken']),
  ...['R-15(a)', 'R-15(b)'].map((trap): [string, Hunt] => [trap, 'standing']),
  ...['thesis 4.1', 'thesis 4.2.1', 'R-9', 'R-11', 'R-12', 'R-14'].map((trap): [string, Hunt] => [
    trap,
    'reshaped',
  ]),
  ['R-16', 'leased'],
]);

export function huntFor({ where, trap }: WorldMutant): Hunt {
  switch (where) {
    case 'protocol':
      return byTrap.get(trap ?? '') ?? 'contested';
    case 'disk':
    case 'host':
      return 'powerless';
    case 'machine':
      return 'crowded';
  }
}

/** Leaders change all the time while clients write; in every fourth one, members do too. */
function contested(seed: number): WorldOptions {
  const drawn = drawOptions(seed, { faultMs: 5_000, replicas: seed % 3 === 0 ? 5 : 3 });
  const faults = [
    ...(['kill', 'powerCut', 'powerCutAll', 'isolate', 'partition', 'oneWayCut', 'slowDisk'] as const),
    ...(seed % 4 === 0 ? (['membership'] as const) : []),
  ];
  return {
    ...restless(drawn),
    disk: { minDelayMs: 0.02, maxDelayMs: seed % 2 === 0 ? 5 : 20 },
    faults,
    standing: undefined,
  };
}

/** The power fails, and so do syncs. */
function powerless(seed: number): WorldOptions {
  const faults = ['kill', 'powerCut', 'powerCutAll', 'failedSync'] as const;
  return { ...contested(seed), faults, maxFaultMs: 200 };
}

/** Everybody watches, holds leases and compacts while leaders change and processes stand still. */
function crowded(seed: number): WorldOptions {
  const faults = ['kill', 'pause', 'isolate', 'partition', 'slowDisk'] as const;
  const crowd = { watchers: 6, leases: 4, maxCompactionMs: 300 };
  return { ...contested(seed), faultMs: 15_000, faults, maxQuietMs: 3_000, maxFaultMs: 3_000, ...crowd };
}

/** Nothing but what the protocol does for a few clients. */
function bare(seed: number, replicas: number): WorldOptions {
  const drawn = restless(drawOptions(seed, { faultMs: 5_000, replicas }));
  return {
    ...drawn,
    disk: { minDelayMs: 0.02, maxDelayMs: 1 },
    leaseReads: undefined,
    standing: undefined,
    watchers: 0,
    leases: 0,
    maxCompactionMs: 0,
    maxTurnMicros: 0,
    workload: { ...drawn.workload, clients: 8, maxValueBytes: 32 },
  };
}

/**
 * Leader after leader is cut off as soon as it leads, so that logs part and are overtaken; each entry travels by itself,
 * many of them never arrive, and who lacks some is sent the log from below: so requests end before what is to be replaced.
 */
function overtaken(seed: number): WorldOptions {
  const world = bare(seed, 3);
  const lossy = { minDelayMs: 0.2, maxDelayMs: 10, slow: 50, loss: 300, duplication: 50, reordering: 50 };
  return {
    ...world,
    link: { ...world.link, ...lossy, maxLateMs: 300, splitting: 0 },
    maxAppendBytes: 1,
    hints: false,
    faults: ['succession'],
    maxQuietMs: 300,
    maxFaultMs: 600,
  };
}

/** Members come and go many times a second, while leaders change. */
function reshaped(seed: number): WorldOptions {
  const faults = ['membership', 'membership', 'membership', 'succession', 'isolate', 'kill'] as const;
  return { ...bare(seed, 3), faults, maxQuietMs: 200, maxFaultMs: 400 };
}

/** Clocks are perfect, so leases last as long as they may; leaders are cut off while clients read what is being written. */
function leased(seed: number): WorldOptions {
  const world = bare(seed, 3);
  const mix = { get: 6, put: 3, delete: 0, compareAndSet: 0 };
  return {
    ...world,
    link: { ...world.link, minDelayMs: 0.2, slow: 20, loss: 0 },
    leaseReads: { maxDriftPpm: 0 },
    leaseStarts: 100,
    maxDriftPpm: 0,
    faults: ['isolate', 'succession'],
    maxQuietMs: 400,
    maxFaultMs: 800,
    workload: { ...world.workload, clients: 24, keys: 3, mix },
  };
}

/** Five stay connected in part only, and nothing else happens. */
function standing(seed: number): WorldOptions {
  const shape = topologyNames[seed % topologyNames.length];
  return { ...bare(seed, 5), faultMs: 1_000, faults: [], standing: shape };
}
