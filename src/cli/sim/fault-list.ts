import { type FaultKind, faultKinds } from '../../simulator/index.ts';
import { usageFailure } from '../exit-codes.ts';

/** What happens only among so many machines; in smaller worlds it strikes nobody. */
const smallestCluster: { readonly [Kind in FaultKind]?: number } = {
  isolate: 2,
  partition: 2,
  oneWayCut: 2,
  slowLink: 2,
  resetConnections: 2,
  transfer: 2,
  bridge: 3,
  succession: 3,
  bitRot: 3,
  lostDisk: 3,
  bridgedLeader: 5,
  leavesBesideLeader: 5,
  leafOnLeader: 5,
};

/**
 * The kinds that `--faults` names. Throws a usage failure when there is no such kind, when it never happens among `replicas`
 * (undefined: left to the seed), or when no progress could be demanded of a world with all of them.
 */
export function faultsOf(
  list: string,
  unlimited: boolean,
  replicas: number | undefined,
): readonly FaultKind[] {
  if (list === '') {
    throw usageFailure(
      '--faults is empty: none for no faults, all for every kind, or kinds with commas between.',
    );
  }
  if (list === 'none') return [];
  if (list === 'all') return every(unlimited, replicas);
  const names = list.split(',');
  const alone = names.find((name) => name === 'none' || name === 'all');
  if (alone !== undefined) {
    throw usageFailure(`--faults ${list}: ${alone} stands alone, or leave it out and name kinds only.`);
  }
  const kinds = names.map(kindOf);
  const never = kinds.find((kind) => !happens(kind, kinds, replicas));
  if (never !== undefined) {
    throw usageFailure(
      `--faults ${never}: it takes ${smallestCluster[never]} replicas, and --replicas ${replicas} is less.`,
    );
  }
  const lossy = kinds.find(losesState);
  if (!unlimited && lossy !== undefined && kinds.includes('membership')) {
    throw usageFailure(
      `--faults membership,${lossy}: together they can end all progress, which only --unlimited worlds may do.`,
    );
  }
  return kinds;
}

function every(unlimited: boolean, replicas: number | undefined): readonly FaultKind[] {
  const kinds = faultKinds.filter((kind) => unlimited || kind !== 'membership');
  return kinds.filter((kind) => happens(kind, kinds, replicas));
}

function kindOf(name: string): FaultKind {
  const kind = faultKinds.find((each) => each === name);
  if (kind !== undefined) return kind;
  throw usageFailure(
    `--faults: ${name === '' ? 'a name is empty' : `there is no ${name}`}; there are all, none, ${faultKinds.join(', ')}.`,
  );
}

/** Where members change, a small cluster may grow. */
const happens = (kind: FaultKind, kinds: readonly FaultKind[], replicas: number | undefined): boolean =>
  replicas === undefined || kinds.includes('membership') || replicas >= (smallestCluster[kind] ?? 1);

/**
 * A voter whose disk was lost counts until it is removed, and when another is removed first nothing can be decided any more:
 * safe, and the end of all progress.
 */
const losesState = (kind: FaultKind): boolean => kind === 'lostDisk' || kind === 'bitRot';
