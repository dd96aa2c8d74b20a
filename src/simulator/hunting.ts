import type { WorldMutant } from './mutants.ts';
import { drawOptions, restless, type WorldOptions } from './options.ts';

/** The world of `seed` in which a mistake that is made there has the best chance to show. */
export function huntingWorld(where: WorldMutant['where'], seed: number): WorldOptions {
  switch (where) {
    case 'protocol':
      return contested(seed);
    case 'disk':
    case 'host':
      return powerless(seed);
    case 'machine':
      return crowded(seed);
  }
}

/** Leaders change all the time while clients write; in every fourth one, members do too. */
function contested(seed: number): WorldOptions {
  const drawn = drawOptions(seed, { faultMs: 5_000, replicas: seed % 3 === 0 ? 5 : 3 });
  const faults = [
    ...(['kill', 'powerCut', 'powerCutAll', 'isolate', 'partition', 'oneWayCut', 'slowDisk'] as const),
    ...(seed % 4 === 0 ? (['membership'] as const) : []),
  ];
  return { ...restless(drawn), disk: { minDelayMs: 0.02, maxDelayMs: seed % 2 === 0 ? 5 : 20 }, faults };
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
