import { type ClusterTime, clusterTime, type Epoch } from '../../core/ids.ts';
import type { LeaseRecord, LeaseTerm } from './lease-records.ts';

/** Decisions that are easy to get wrong, each on its own: a mutant replaces one. */
export interface KeySpaceRules {
  /**
   * Whether what a write at `revision` left behind outlives a compaction although it is a tombstone: one at the compacted
   * revision has to, or a watch that begins there misses the delete.
   */
  keepsTombstone(revision: number, compacted: number): boolean;
  /** Whether older versions of a key go with the write at `revision`, when the compacted revision is at or after it. */
  supersedes(version: number, revision: number): boolean;
  /** Whether leases end by an entry of epoch `at` that was decided on in `decided`. */
  mayExpire(decided: Epoch, at: Epoch, term: LeaseTerm): boolean;
  /** Until when leases are looked at by an entry stamped `time` that was decided on at `until`. */
  looksUntil(until: ClusterTime, time: ClusterTime): ClusterTime;
  /** From when on the time to live of a lease counts. */
  countsFrom(lease: LeaseRecord, term: LeaseTerm): ClusterTime;
}

export const keySpaceRules: KeySpaceRules = {
  keepsTombstone: (revision, compacted) => revision === compacted,
  supersedes: (version, revision) => version < revision,
  // Another epoch: whoever decided leads no more. Another term: the leader has not extended the leases yet.
  mayExpire: (decided, at, term) => decided === at && decided === term.epoch,
  looksUntil: (until, time) => clusterTime(Math.min(until, time)),
  countsFrom: ({ renewedAt }, { floor }) => clusterTime(Math.max(renewedAt, floor)),
};
