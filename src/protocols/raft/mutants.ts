import { epoch, index } from '../../core/ids.ts';
import type { JournalRecord, Protocol, ProtocolOptions } from '../../protocol/index.ts';
import { Altered } from './altered.ts';
import type { RaftEffect } from './context.ts';
import { membershipMutants } from './membership-mutants.ts';
import type { RaftMessage } from './messages.ts';
import type { Mutant } from './mutant.ts';
import { decodeRecord } from './records.ts';
import { Raft } from './replica.ts';
import { raftRules } from './rules.ts';

const replication: readonly Mutant[] = [
  {
    name: 'commits-earlier-terms',
    trap: 'R-1',
    mistake: 'An entry of an earlier term counts as committed when a majority holds it.',
    rules: { mayCommit: () => true },
  },
  {
    name: 'votes-twice',
    trap: 'section 5.2',
    mistake: 'A vote is given to every candidate of a term that asks for it.',
    rules: { mayVote: () => true },
  },
  {
    name: 'elects-short-logs',
    trap: 'section 5.4.1',
    mistake: 'A vote is given whatever the candidate has in its log.',
    rules: { isUpToDate: () => true },
  },
  {
    name: 'votes-before-durable',
    trap: 'R-2',
    mistake: 'A vote is sent before it is on disk, so a crash lets it be given again.',
    effects: (effects) => withoutWaiting(effects, 'vote'),
  },
  {
    name: 'acknowledges-before-durable',
    trap: 'R-2',
    mistake: 'Entries are acknowledged before they are on disk.',
    effects: (effects) => withoutWaiting(effects, 'appendAck'),
  },
  {
    name: 'forgets-terms',
    trap: 'R-3',
    mistake: 'A term learnt from others is not written, only one that was voted in.',
    effects: (effects) => mapRecords(effects, (records) => records.filter((record) => !isBareTerm(record))),
  },
  {
    name: 'entries-before-term',
    trap: 'IO-1',
    mistake: 'Entries reach the disk before the term they came in.',
    effects: (effects) =>
      mapRecords(effects, (records) => [
        ...records.filter((record) => record.index !== undefined),
        ...records.filter((record) => record.index === undefined),
      ]),
  },
  {
    name: 'truncates-without-conflict',
    trap: 'R-4',
    mistake: 'Every request replaces all that follows its previous entry.',
    rules: { alreadyThere: () => 0 },
  },
  {
    name: 'commits-beyond-request',
    trap: 'R-5',
    mistake: 'The commit index of a request is applied to entries that the request has not compared.',
    rules: { commitFromAppend: (leaderCommit, _, lastIndex) => index(Math.min(leaderCommit, lastIndex)) },
  },
  {
    name: 'acknowledges-last-entry',
    trap: 'R-6',
    mistake: 'An acknowledgement names the end of the log instead of the end of the request.',
    rules: { acknowledged: (_, __, lastIndex) => lastIndex },
  },
  {
    name: 'reads-before-own-entry',
    trap: 'R-7',
    mistake: 'A new leader serves reads by the commit index it knows, which may be an old one.',
    rules: { mayServeReads: () => true },
  },
  {
    name: 'reuses-read-rounds',
    trap: 'R-8',
    mistake: 'All rounds of a term have one name, so late answers to earlier rounds confirm later ones.',
    rules: { nextRound: () => 1 },
  },
  {
    name: 'disturbs-the-leader',
    trap: 'R-15(a)',
    mistake: 'Whoever misses the leader starts a new term, and everyone follows him into it.',
    rules: { asksFirst: () => false, shieldsLeader: () => false },
  },
  {
    name: 'denies-without-term',
    trap: 'R-13',
    mistake: 'A refused PreVote does not tell the term that it was refused in.',
    rules: { denialTerm: () => epoch(0) },
  },
  {
    name: 'leads-without-quorum',
    trap: 'R-15(b)',
    mistake: 'A leader that hears of no quorum goes on leading those whom it reaches.',
    rules: { hasLostQuorum: () => false },
  },
  {
    name: 'trusts-overtaken-writes',
    trap: 'R-17',
    mistake: 'A write that completes marks entries as durable that have replaced the written ones since.',
    rules: { survivingWrite: (lastWritten) => lastWritten },
  },
  {
    name: 'counts-unsynced-self',
    trap: 'R-18',
    mistake: 'The leader counts its own log before it is on disk.',
    rules: { ownMatch: (_, lastIndex) => lastIndex },
  },
  {
    name: 'installs-old-snapshots',
    trap: 'R-19',
    mistake: 'A snapshot that is older than what was delivered replaces it.',
    rules: { placeSnapshot: () => 'restart' },
  },
  {
    name: 'drops-matching-suffix',
    trap: 'R-19',
    mistake: 'A snapshot removes acknowledged entries that follow it.',
    rules: { placeSnapshot: (position, commit) => (position.index <= commit ? 'discard' : 'restart') },
  },
  {
    name: 'commits-uncompared',
    trap: 'R-20',
    mistake: 'The commit index of a heartbeat is applied to entries of an older leader.',
    rules: { commitFromHeartbeat: (leaderCommit, _, lastIndex) => index(Math.min(leaderCommit, lastIndex)) },
  },
];

export const mutants: readonly Mutant[] = [...replication, ...membershipMutants];

/** Raft with a mistake in it. */
export function createMutant(mutant: Mutant, options: ProtocolOptions): Protocol<RaftMessage> {
  const raft = new Raft(options, { ...raftRules, ...mutant.rules });
  return mutant.effects === undefined ? raft : new Altered(raft, mutant.effects);
}

function withoutWaiting(effects: RaftEffect[], type: RaftMessage['type']): RaftEffect[] {
  return effects.map((effect) => {
    if (effect.type !== 'send' || effect.message.type !== type) return effect;
    return { type: 'send', to: effect.to, message: effect.message };
  });
}

function mapRecords(
  effects: RaftEffect[],
  change: (records: readonly JournalRecord[]) => readonly JournalRecord[],
): RaftEffect[] {
  return effects.map((effect) =>
    effect.type === 'persist' ? { ...effect, records: change(effect.records) } : effect,
  );
}

function isBareTerm({ bytes }: JournalRecord): boolean {
  const record = decodeRecord(bytes);
  return record.type === 'hardState' && record.hardState.vote === undefined;
}
