import type { Machine } from '../machine/index.ts';
import { ReplicaError } from './replica-error.ts';

/** Throws when the cluster applies at a level that this program does not know: its results would differ. */
export function checkFeatureLevel(level: number, machine: Machine): void {
  if (level <= machine.featureLevel) return;
  throw new ReplicaError(
    'TOO_NEW',
    `The cluster is at feature level ${level}, this program at ${machine.featureLevel}. Start a program that is as new ` +
      'as the others; the data directory is as it was.',
  );
}
