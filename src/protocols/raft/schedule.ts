import type { LeaseReads } from '../../protocol/index.ts';
import type { RaftRehearsal } from './rehearsal.ts';

/** A directed schedule for one mutant, by the mutant's name. Raft survives it; the mutant does not. */
export interface Schedule {
  readonly replicas: number;
  /** Empty replicas beside them. */
  readonly spares?: number;
  readonly leaseReads?: LeaseReads;
  readonly run: (cluster: RaftRehearsal) => void;
  /** What the check that bites says. */
  readonly finds: RegExp;
}
