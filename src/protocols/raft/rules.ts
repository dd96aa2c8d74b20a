import { type Epoch, type Index, index, type Millis, type NodeId } from '../../core/ids.ts';
import { maxPromotionLag } from '../../core/limits.ts';
import type { Configuration, Position } from '../../protocol/index.ts';
import type { Groups } from '../../quorum/index.ts';
import type { Configurations, InForceFrom } from './configuration.ts';
import type { Log } from './log.ts';
import type { Entry } from './messages.ts';

/** The end of a log, as elections compare it. */
export interface LastEntry {
  readonly lastIndex: Index;
  readonly lastTerm: Epoch;
}

/** Where a received snapshot goes. */
export type SnapshotPlacement = 'discard' | 'keepSuffix' | 'restart';

/**
 * Decisions that can be got wrong, each with the trap or the section it stands against (docs/protocols/README.md). Each is
 * replaced by a mutant at least (`mutants.ts`).
 */
export interface Rules {
  /** An entry of an earlier term is committed only through a later one of the leader's own (figure 8). */
  mayCommit(entryTerm: Epoch, currentTerm: Epoch): boolean;
  /** Section 5.4.1: the later last term wins, and only between equal terms the longer log. */
  isUpToDate(candidate: LastEntry, own: LastEntry): boolean;
  /** Section 5.2: one vote in a term. */
  mayVote(votedFor: NodeId | undefined, candidate: NodeId): boolean;
  /** R-15 (a). PreVote: whether to ask before disturbing anyone with a new term (thesis, section 9.6). */
  asksFirst(): boolean;
  /** R-15 (a). Whether to turn candidates away because a leader was heard `silence` ms ago (thesis, section 4.2.3). */
  shieldsLeader(silence: number, electionTimeout: number): boolean;
  /** The term that a refused PreVote tells: the own one, or a longer log of an older term asks in vain for ever. */
  denialTerm(own: Epoch): Epoch;
  /** R-15 (b). CheckQuorum: whether a leader who heard of no quorum for `silence` ms steps down (thesis, section 6.2). */
  hasLostQuorum(silence: number, electionTimeout: number): boolean;
  /**
   * How many of `entries` are in the log already: only a real conflict truncates, since the request may be an
   * old one.
   */
  alreadyThere(log: Log, entries: readonly Entry[]): number;
  /** What a request that was taken proves: its own reach, not that of the log. */
  acknowledged(previousIndex: Index, count: number, lastIndex: Index): Index;
  /** Nothing beyond what this request has compared may be committed because of it. */
  commitFromAppend(leaderCommit: Index, acknowledged: Index, lastIndex: Index): Index;
  /** Without entries, only what was compared with a leader of this term before. */
  commitFromHeartbeat(leaderCommit: Index, verified: Index, lastIndex: Index): Index;
  /** The leader counts itself like anyone else: for what is on its disk. */
  ownMatch(durable: Index, lastIndex: Index): Index;
  /** What a write under way still proves after the log was truncated at `from`: nothing from there on. */
  survivingWrite(lastWritten: Index, from: Index): Index;
  /** Before an entry of the own term is committed, the commit index may lie behind acknowledged writes. */
  mayServeReads(termAtCommit: Epoch | undefined, currentTerm: Epoch): boolean;
  /** Rounds are never reused within a term, so an old answer never confirms a new read. */
  nextRound(last: number): number;
  /** Old snapshots are ignored, and what follows a matching entry stays. */
  placeSnapshot(position: Position, commit: Index, log: Log): SnapshotPlacement;
  /** Thesis, section 4.1: the newest configuration in the log counts, whether committed or not. */
  inForce(configurations: Configurations, commit: Index): InForceFrom;
  /** Those of whom more than half have to agree; learners are in none, and a joint configuration has both halves. */
  electorate(configuration: Configuration): Groups<NodeId>;
  /** Before an entry of the own term is committed, a change of an earlier leader may still come to be. */
  mayReconfigure(termAtCommit: Epoch | undefined, currentTerm: Epoch): boolean;
  /** Thesis, section 4.1: one change at a time, since majorities two changes apart need not meet. */
  followsChange(lastIsCommitted: boolean): boolean;
  /**
   * Thesis, section 4.2.1: a voter that lacks much stops the others. As etcd measures it, nine tenths of the log; and no more than
   * some entries, since a tenth of all that ever happened may be a lot.
   */
  isInSync(match: Index, lastIndex: Index): boolean;
  /**
   * Thesis, section 4.2: whether whoever answered round `answered` is known to live since round `asked` began. Who was heard of
   * before may have stopped since, and what is appended cannot be taken back by those who are left.
   */
  livesSince(asked: number, answered: number): boolean;
  /** Whether a leader that is, or is not, among the voters steps down when that is committed. */
  resigns(votes: boolean): boolean;
  /** Who was removed by what is not committed yet may hold the only log that can win. */
  mayCampaign(configurations: Configurations, commit: Index, self: NodeId): boolean;
  /** Whether to answer candidates: the configuration that makes this replica a voter may not have reached it. */
  answersCandidates(votes: boolean): boolean;
  /** From when on an answered heartbeat keeps others from leading. */
  leaseStart(sentAt: Millis, answeredAt: Millis): Millis;
  /** For how long the follower votes for nobody: what it has said, since its settings may be others than ours. */
  promised(promise: number, electionTimeout: number): number;
  /** Shorter than the promise of the follower, by as much as clocks may run apart. */
  leaseLength(promise: number, maxDriftPpm: number): number;
  /** Whether a leader may use its lease, given whether it asked for an election in this term. */
  mayLease(askedForElection: boolean): boolean;
  /** Whether a promise to vote for nobody holds against a candidate of this term. */
  holdsPromise(candidate: Epoch, own: Epoch): boolean;
  /** Whether a replica that has just started keeps the promise that it may have given before. */
  remembersPromise(): boolean;
}

export const raftRules: Rules = {
  mayCommit: (entryTerm, currentTerm) => entryTerm === currentTerm,

  isUpToDate: (candidate, own) =>
    candidate.lastTerm > own.lastTerm ||
    (candidate.lastTerm === own.lastTerm && candidate.lastIndex >= own.lastIndex),

  mayVote: (votedFor, candidate) => votedFor === undefined || votedFor === candidate,

  asksFirst: () => true,

  shieldsLeader: (silence, electionTimeout) => silence < electionTimeout,

  denialTerm: (own) => own,

  hasLostQuorum: (silence, electionTimeout) => silence >= electionTimeout,

  alreadyThere(log, entries) {
    let same = 0;
    for (const entry of entries) {
      if (log.termAt(entry.index) !== entry.epoch) break;
      same++;
    }
    return same;
  },

  acknowledged: (previousIndex, count) => index(previousIndex + count),

  commitFromAppend: (leaderCommit, acknowledged) => index(Math.min(leaderCommit, acknowledged)),

  commitFromHeartbeat: (leaderCommit, verified) => index(Math.min(leaderCommit, verified)),

  ownMatch: (durable) => durable,

  survivingWrite: (lastWritten, from) => index(Math.min(lastWritten, from - 1)),

  mayServeReads: (termAtCommit, currentTerm) => termAtCommit === currentTerm,

  nextRound: (last) => last + 1,

  placeSnapshot(position, commit, log) {
    if (position.index <= commit) return 'discard';
    return log.termAt(position.index) === position.epoch ? 'keepSuffix' : 'restart';
  },

  inForce: (configurations) => configurations.current,

  electorate: ({ voters, outgoing }) => [voters, outgoing],

  mayReconfigure: (termAtCommit, currentTerm) => termAtCommit === currentTerm,

  followsChange: (lastIsCommitted) => lastIsCommitted,

  isInSync: (match, lastIndex) => match * 10 >= lastIndex * 9 && lastIndex - match <= maxPromotionLag,

  livesSince: (asked, answered) => answered >= asked,

  resigns: (votes) => !votes,

  mayCampaign: (configurations, commit, self) => configurations.votesSince(commit, self),

  answersCandidates: () => true,

  leaseStart: (sentAt) => sentAt,

  promised: (promise) => promise,

  // One less, since clocks are read in whole milliseconds.
  leaseLength: (promise, maxDriftPpm) => Math.floor((promise * (1_000_000 - maxDriftPpm)) / 1_000_000) - 1,

  mayLease: (askedForElection) => !askedForElection,

  // In every term: the own one may have been raised since the promise was given.
  holdsPromise: () => true,

  remembersPromise: () => true,
};
