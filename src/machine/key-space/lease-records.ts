import type { ClusterTime, Epoch } from '../../core/ids.ts';

export interface LeaseRecord {
  /** Seconds. */
  readonly ttl: number;
  readonly renewedAt: ClusterTime;
  /** Where it stands in the third table. */
  readonly filedAt: ClusterTime;
}

/** The epoch whose leader may expire leases, and when it began: every lease counts as renewed then. */
export interface LeaseTerm {
  readonly epoch: Epoch;
  readonly floor: ClusterTime;
}
