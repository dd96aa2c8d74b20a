import { assert } from '../../core/assert.ts';
import type { NodeId } from '../../core/ids.ts';
import type { LeaderState, State } from './state.ts';

/** What holds in one replica between steps. Bounded by the peers and the reads that wait, not by the log. */
export function checkState(self: NodeId, state: State): void {
  const { log, hardState, storage } = state;
  assert(log.floor.index <= state.flushed, 'only what the host has made durable leaves the log');
  assert(state.flushed <= state.delivered, 'only what was delivered can be durable in the host');
  assert(state.applied <= state.delivered, 'only what was delivered can be applied');
  assert(state.delivered <= state.commit, 'only what is committed is delivered');
  assert(state.commit <= state.verified, 'only what was compared with the leader is committed');
  assert(state.verified <= log.lastIndex, 'what was compared is in the log');
  assert(state.delivered <= storage.durable, 'only what is durable here is delivered');
  assert(storage.durable <= log.lastIndex, 'only what is in the log is durable');
  assert(log.lastTerm <= hardState.term, 'no entry is newer than the term');
  assert(storage.durableToken <= storage.lastToken, 'only what was written is durable');
  assert(storage.hardStateToken <= storage.lastToken, 'the term is written');
  const batched = state.forwarded.batches.reduce((sum, batch) => sum + batch.ids.length, 0);
  assert(state.forwarded.waiting === state.forwarded.queued.length + batched, 'forwarded reads are counted');
  if (state.role.type === 'leader') checkLeader(self, state, state.role);
  if (state.role.type === 'candidate') assert(hardState.vote === self, 'a candidate votes for itself');
  if (state.installing !== undefined) {
    assert(state.role.type === 'follower', 'only followers install snapshots');
    assert(state.delivered < state.installing.base.position.index, 'a snapshot brings something new');
  }
}

function checkLeader(self: NodeId, state: State, leader: LeaderState): void {
  assert(state.hardState.vote === self, 'a leader voted for itself');
  assert(state.storage.hardStateToken <= state.storage.durableToken, 'a leader has its term on disk');
  assert(leader.uncommittedBytes >= 0, 'what is uncommitted is counted');
  for (const progress of leader.progress.values()) {
    assert(progress.match <= state.log.lastIndex, 'nobody holds more of the log than there is');
    assert(progress.next > progress.match, 'what was acknowledged is not sent again');
    assert(progress.next <= state.log.lastIndex + 1, 'what is sent next exists or comes next');
    assert(progress.inflightBytes >= 0, 'what is under way is counted');
  }
  let round = 0;
  for (const waiting of leader.reads.rounds) {
    assert(waiting.round > round, 'read rounds rise');
    round = waiting.round;
  }
  const inRounds = leader.reads.rounds.reduce((sum, { reads }) => sum + reads.length, 0);
  assert(leader.reads.waiting === leader.reads.queued.length + inRounds, 'waiting reads are counted');
}
