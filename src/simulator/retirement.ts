import type { ReplicaError } from '../replica/replica-error.ts';
import type { Failings } from './disk.ts';

/** Why no replica runs on a machine any more: its disk is lost or rotten, it was removed, or it was switched off. */
export type Retirement = 'betrayed' | 'removed' | 'switchedOff';

/** What the world knows of a replica that has given up. */
interface Circumstances {
  /** Of its disk, in the life that has ended. */
  readonly failings: Readonly<Failings>;
  /** Its disk is not the first one. */
  readonly replaced: boolean;
  /** A configuration was decided that removes it. */
  readonly removed: boolean;
  /** Its protocol had begun. */
  readonly begun: boolean;
}

/** Why this is the end of the replica, if it had to be. */
export function retirementOf(
  { code }: ReplicaError,
  { failings, replaced, removed }: Circumstances,
): Retirement | undefined {
  if ((code === 'REPLACED' && replaced) || (code === 'DAMAGED' && failings.rot)) return 'betrayed';
  return code === 'REMOVED' && removed ? 'removed' : undefined;
}

/** A failed sync entitles it to stop until it is started again, a full disk only before it takes part. */
export const mayStop = ({ code }: ReplicaError, { failings, begun }: Circumstances): boolean =>
  code === 'DISK' && (failings.sync || (failings.space && !begun));
