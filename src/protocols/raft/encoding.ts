import { Writer } from '../../core/codec.ts';
import { encodeConfiguration } from '../../protocol/index.ts';
import { type Entry, writeEntry } from './messages.ts';
import { writePosition } from './records.ts';
import type { LeaderState, RoleState, State, WaitingRead } from './state.ts';

/** The whole state in one canonical form: sets and maps in the order of their keys. */
export function encodeState(state: State, randomWords: readonly number[]): Uint8Array {
  const writer = new Writer(1024);
  for (const word of randomWords) writer.u32(word);
  const { hardState, log, storage, forwarded } = state;
  writer
    .uint(hardState.term)
    .uint(hardState.vote ?? 0)
    .uint(hardState.start)
    .uint(hardState.promise);
  writePosition(writer, log.floor);
  writer.uint(log.lastIndex);
  for (let at = log.floor.index + 1; at <= log.lastIndex; at++) writeEntry(writer, log.get(at) as Entry);
  state.configurations.write(writer);
  writeRole(writer, state.role);
  optional(writer, state.leaderHeard);
  optional(writer, state.electionDeadline);
  writer.uint(state.promisedUntil);
  for (const at of [state.commit, state.delivered, state.verified, state.applied, state.flushed]) {
    writer.uint(at);
  }
  writer.bool(storage.full).uint(storage.lastToken).uint(storage.durableToken).uint(storage.hardStateToken);
  writer.uint(storage.durable).uint(storage.writes.length);
  for (const write of storage.writes) writer.uint(write.token).uint(write.lastIndex);
  ids(writer, forwarded.queued);
  writer.uint(forwarded.lastBatch).uint(forwarded.batches.length);
  for (const batch of forwarded.batches) {
    ids(writer.uint(batch.batch), batch.ids);
    writer.uint(batch.deadline);
  }
  writer.uint(state.unflushedBytes);
  optional(writer, state.installing?.snapshot);
  if (state.installing !== undefined) writePosition(writer, state.installing.base.position);
  const { announced } = state;
  writer
    .string(announced.role)
    .uint(announced.leader ?? 0)
    .uint(announced.term);
  writer.bool(announced.configuration === state.configurations.current.configuration);
  return writer.finish();
}

function optional(writer: Writer, value: number | undefined): void {
  writer.bool(value !== undefined).uint(value ?? 0);
}

function ids(writer: Writer, values: Iterable<number>): void {
  const ordered = [...values];
  writer.uint(ordered.length);
  for (const value of ordered) writer.uint(value);
}

function writeRole(writer: Writer, role: RoleState): void {
  writer.string(role.type);
  switch (role.type) {
    case 'follower':
      writer.uint(role.leader ?? 0);
      break;
    case 'preCandidate':
      ids(
        writer,
        [...role.votes].sort((a, b) => a - b),
      );
      break;
    case 'candidate':
      ids(
        writer,
        [...role.votes].sort((a, b) => a - b),
      );
      optional(writer, role.ownVote);
      break;
    case 'leader':
      writeLeader(writer, role);
      break;
  }
}

function writeLeader(writer: Writer, leader: LeaderState): void {
  writer.uint(leader.timeAtElection).uint(leader.electedAt).uint(leader.heartbeatDeadline);
  writer.uint(leader.uncommittedBytes);
  const { transfer, asking, reads, lease } = leader;
  writer.bool(lease.over).uint(lease.sent.length);
  for (const { round, at } of lease.sent) writer.uint(round).uint(at);
  writer
    .uint(transfer?.to ?? 0)
    .uint(transfer?.deadline ?? 0)
    .bool(transfer?.asked ?? false);
  writer.bool(asking !== undefined);
  if (asking !== undefined) {
    // Changes of hosts have negative ids.
    optional(writer, asking.id === undefined ? undefined : Math.abs(asking.id));
    writer.uint(asking.round).uint(asking.deadline).bytes(encodeConfiguration(asking.next));
  }
  for (const [id, progress] of [...leader.progress].sort(([a], [b]) => a - b)) {
    writer.uint(id).string(progress.mode).uint(progress.match).uint(progress.next).bool(progress.paused);
    writer.uint(progress.inflight.length);
    for (const { lastIndex, bytes } of progress.inflight) writer.uint(lastIndex).uint(bytes);
    writer.uint(progress.commitSent).uint(progress.heard).uint(progress.round);
    writer.bool(progress.linked).bool(progress.congested).uint(progress.snapshotIndex);
    optional(writer, progress.lossCheck);
    optional(writer, progress.leaving?.at);
    optional(writer, progress.leaving?.until);
    optional(writer, progress.catchUp?.target);
    optional(writer, progress.catchUp?.since);
    optional(writer, progress.leaseEnd);
  }
  writer.uint(reads.lastRound);
  writeReads(writer, reads.queued);
  writer.uint(reads.rounds.length);
  for (const round of reads.rounds) writeReads(writer.uint(round.round).uint(round.index), round.reads);
}

function writeReads(writer: Writer, reads: readonly WaitingRead[]): void {
  writer.uint(reads.length);
  for (const waiting of reads) {
    if (waiting.type === 'own') writer.uint(0).uint(waiting.id);
    else writer.uint(waiting.from).uint(waiting.start).uint(waiting.batch);
  }
}
