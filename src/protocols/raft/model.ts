import type { Writer } from '../../core/codec.ts';
import type { Epoch, NodeId } from '../../core/ids.ts';
import type {
  Bounds,
  ExplorationModel,
  JournalRecord,
  Protocol,
  Rename,
  ReplicaView,
} from '../../protocol/index.ts';
import { stateOf } from './cluster-invariants.ts';
import { raft } from './index.ts';
import type { Entry, RaftMessage } from './messages.ts';
import type { Mutant } from './mutant.ts';
import { createMutant } from './mutants.ts';
import { CorruptRecord, decodeRecord, type HardState } from './records.ts';
import { replay } from './recovery.ts';
import { createRaft } from './replica.ts';
import { type Rules, raftRules } from './rules.ts';
import type { LeaderState, RoleState, State } from './state.ts';

/**
 * PreVote and CheckQuorum keep elections and leaders from happening, never make one possible that would not be without
 * them. Without them nothing depends on time: any replica may campaign at any moment.
 */
const withoutTime: Partial<Rules> = {
  asksFirst: () => false,
  shieldsLeader: () => false,
  hasLostQuorum: () => false,
};

/** Raft, or Raft with a mistake in it, for the explorer. */
export function raftModel(mutant?: Mutant): ExplorationModel<RaftMessage> {
  return {
    definition: raft,
    timing: { heartbeatInterval: 10, electionTimeout: 30 },
    create: (options) =>
      mutant === undefined
        ? createRaft(options, { ...raftRules, ...withoutTime })
        : createMutant({ ...mutant, rules: { ...withoutTime, ...mutant.rules } }, options),
    writeState: (writer, protocol, rename) => writeState(writer, stateOf(protocol), rename),
    writeMessage,
    writeJournal,
    writeRecords,
    isSpent,
    keepsSilent,
    view,
    durableEpochs,
  };
}

/** Every field of the state that decides what the replica will do; `model.test.ts` knows which are left out, and why. */
function writeState(writer: Writer, state: Readonly<State>, rename: Rename): void {
  const { hardState, log, storage } = state;
  writer.uint(hardState.term).uint(hardState.vote === undefined ? 0 : rename(hardState.vote));
  writer.uint(log.floor.index).uint(log.lastIndex);
  for (let at = log.floor.index + 1; at <= log.lastIndex; at++) writeEntry(writer, log.get(at) as Entry);
  writeRole(writer, state.role, storage.durableToken, rename);
  for (const at of [state.commit, state.delivered, state.verified, state.applied, state.flushed]) {
    writer.uint(at);
  }
  // Tokens count writes since the start; only what is still under way matters.
  const underWay = (token: number): number => Math.max(0, token - storage.durableToken);
  writer.bool(storage.full).uint(underWay(storage.lastToken)).uint(underWay(storage.hardStateToken));
  writer.uint(storage.durable).uint(storage.writes.length);
  for (const write of storage.writes) writer.uint(underWay(write.token)).uint(write.lastIndex);
}

function writeRole(writer: Writer, role: RoleState, durableToken: number, rename: Rename): void {
  writer.string(role.type);
  switch (role.type) {
    case 'follower':
      writer.uint(role.leader === undefined ? 0 : rename(role.leader));
      break;
    case 'preCandidate':
      writeIds(writer, role.votes, rename);
      break;
    case 'candidate':
      writeIds(writer, role.votes, rename);
      writer.uint(role.ownVote === undefined ? 0 : Math.max(0, role.ownVote - durableToken));
      break;
    case 'leader':
      writeLeader(writer, role, rename);
      break;
  }
}

function writeLeader(writer: Writer, { progress, reads }: LeaderState, rename: Rename): void {
  for (const [id, peer] of [...progress].sort(([a], [b]) => rename(a) - rename(b))) {
    writer.uint(rename(id)).string(peer.mode).uint(peer.match).uint(peer.next).bool(peer.paused);
    writer.uint(peer.inflight.length);
    for (const { lastIndex } of peer.inflight) writer.uint(lastIndex);
    writer.uint(peer.commitSent).uint(peer.round).bool(peer.linked).bool(peer.congested);
    writer.uint(peer.snapshotIndex).uint(peer.lossCheck === undefined ? 0 : peer.lossCheck + 1);
  }
  writer.uint(reads.lastRound).uint(reads.queued.length).uint(reads.rounds.length);
  for (const { round, index, reads: waiting } of reads.rounds) {
    writer.uint(round).uint(index).uint(waiting.length);
    for (const read of waiting) writer.uint(read.type === 'own' ? read.id : 0);
  }
}

function writeIds(writer: Writer, ids: Iterable<NodeId>, rename: Rename): void {
  const renamed = [...ids].map(rename).sort((a, b) => a - b);
  writer.uint(renamed.length);
  for (const id of renamed) writer.uint(id);
}

/** Without its time, which decides nothing here. */
function writeEntry(writer: Writer, entry: Entry): void {
  writer.uint(entry.index).uint(entry.epoch).string(entry.kind).bytes(entry.payload);
}

/** No message of Raft names a replica, but in the configurations of entries, which exploring does not change. */
function writeMessage(writer: Writer, message: RaftMessage): void {
  if (message.type !== 'appendEntries') {
    writer.bytes(raft.encodeMessage(message));
    return;
  }
  const { term, previousIndex, previousTerm, commit, entries } = message;
  writer.string(message.type).uint(term).uint(previousIndex).uint(previousTerm).uint(commit);
  writer.uint(entries.length);
  for (const entry of entries) writeEntry(writer, entry);
}

/** What a start makes of it; what it cannot make anything of, as it is. */
function writeJournal(writer: Writer, records: readonly JournalRecord[], rename: Rename): void {
  try {
    const { hardState, entries, restart } = replay(records.map(({ bytes }) => bytes));
    writeHardState(writer, hardState, rename);
    writer.uint(restart?.index ?? 0);
    for (const entry of entries) writeEntry(writer, entry);
  } catch (error) {
    if (!(error instanceof CorruptRecord)) throw error;
    writeRecords(writer, records, rename);
  }
}

function writeRecords(writer: Writer, records: readonly JournalRecord[], rename: Rename): void {
  for (const { bytes } of records) {
    const record = decodeRecord(bytes);
    writer.string(record.type);
    if (record.type === 'entry') writeEntry(writer, record.entry);
    else if (record.type === 'base') writer.uint(record.base.position.index);
    else writeHardState(writer, record.hardState, rename);
  }
}

function writeHardState(writer: Writer, { term, vote }: HardState, rename: Rename): void {
  writer.uint(term).uint(vote === undefined ? 0 : rename(vote));
}

function isSpent(
  message: RaftMessage,
  receiver: Protocol<RaftMessage>,
  sender: Protocol<RaftMessage>,
  bounds: Bounds,
): boolean {
  const state = stateOf(receiver);
  // A term that is not on disk may not have been: after a crash it can begin again.
  if (!keepsTerm(state, bounds) || message.term > state.hardState.term) return false;
  const present = message.term === state.hardState.term;
  switch (message.type) {
    case 'vote':
      return !(message.granted && present && state.role.type === 'candidate');
    case 'appendAck':
    case 'appendReject':
    case 'heartbeatAck':
      return !(present && state.role.type === 'leader');
    case 'requestVote':
      return (
        (!present || hasVotedForAnother(state, stateOf(sender))) && bothInLastTerm(state, sender, bounds)
      );
    case 'appendEntries':
    case 'heartbeat':
    case 'commitNotice':
      // The answer to an old leader is a sign of life to one who leads now.
      return !present && stateOf(sender).role.type === 'follower' && bothInLastTerm(state, sender, bounds);
    default:
      return false;
  }
}

/** Nothing is refused any more in a way that tells of a later term. */
function bothInLastTerm(state: Readonly<State>, sender: Protocol<RaftMessage>, bounds: Bounds): boolean {
  const other = stateOf(sender);
  const inLastTerm = state.hardState.term === bounds.lastEpoch && other.hardState.term === bounds.lastEpoch;
  return inLastTerm && keepsTerm(other, bounds);
}

/** One who asks for a vote has given his own to himself. */
const hasVotedForAnother = ({ hardState }: Readonly<State>, sender: Readonly<State>): boolean =>
  hardState.vote !== undefined && hardState.vote !== sender.hardState.vote;

const keepsTerm = ({ storage }: Readonly<State>, { mayCrash }: Bounds): boolean =>
  !mayCrash || storage.hardStateToken <= storage.durableToken;

/**
 * Whatever depends on a term or a vote waits for it to be durable. While only entries are being written, followers and candidates
 * may still turn others away and answer heartbeats: no promise, but it tells of the entries.
 */
function keepsSilent(protocol: Protocol<RaftMessage>, { mayCrash }: Bounds): boolean {
  const { role, storage } = stateOf(protocol);
  if (role.type === 'leader') return false;
  return !mayCrash || storage.hardStateToken > storage.durableToken;
}

function view(protocol: Protocol<RaftMessage>): ReplicaView {
  const { hardState, role, log } = stateOf(protocol);
  const epochs: (Epoch | undefined)[] = [];
  for (let at = 1; at <= log.lastIndex; at++) epochs[at] = log.termAt(at);
  return { epoch: hardState.term, leads: role.type === 'leader', log: epochs };
}

function durableEpochs(records: readonly JournalRecord[]): readonly (Epoch | undefined)[] {
  const epochs: (Epoch | undefined)[] = [];
  for (const entry of replay(records.map(({ bytes }) => bytes)).entries) epochs[entry.index] = entry.epoch;
  return epochs;
}
