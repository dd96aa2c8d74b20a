import { type CommandId, clusterTime, type Index, index, millis, type NodeId } from '../../core/ids.ts';
import { maxCommandBytes, maxUncommittedBytes, maxUncommittedEntries } from '../../core/limits.ts';
import type { EntryKind, Refusal } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import { advanceCommit } from './delivery.ts';
import { noteRoundSent } from './lease.ts';
import type { Log } from './log.ts';
import { type Entry, entryBytes, type MessageOf, type RaftMessage } from './messages.ts';
import { acknowledge, mayTakeEntries, type Progress, probeFrom, sentEntries } from './progress.ts';
import { stepDown } from './roles.ts';
import { startSnapshot } from './snapshot.ts';
import type { LeaderState } from './state.ts';

export function propose(ctx: Context, id: CommandId, payload: Uint8Array): void {
  const refusal = whyNot(ctx, payload);
  if (refusal !== undefined) ctx.refuse(id, refusal);
  else appendEntry(ctx, 'command', payload);
}

function whyNot(ctx: Context, payload: Uint8Array): Refusal | undefined {
  const { leadership, state } = ctx;
  if (leadership === undefined) return 'notLeader';
  if (leadership.transfer !== undefined) return 'transferring';
  if (payload.length > maxCommandBytes) return 'tooLarge';
  if (state.storage.full) return 'storageFull';
  const uncommitted = state.log.lastIndex - state.commit;
  const overloaded =
    uncommitted >= maxUncommittedEntries || leadership.uncommittedBytes >= maxUncommittedBytes;
  return overloaded || ctx.cannotStore ? 'overloaded' : undefined;
}

export function uncommittedBytes(log: Log, commit: Index): number {
  let bytes = 0;
  for (let at = commit + 1; at <= log.lastIndex; at++) bytes += entryBytes(log.get(at) as Entry);
  return bytes;
}

export function appendEntry(ctx: Context, kind: EntryKind, payload: Uint8Array): void {
  const leadership = ctx.leadership as LeaderState;
  const { log } = ctx.state;
  const time = clusterTime(leadership.timeAtElection + (ctx.now - leadership.electedAt));
  const entry: Entry = { index: index(log.lastIndex + 1), epoch: ctx.term, time, kind, payload };
  log.append(entry);
  ctx.persistEntry(entry);
  leadership.uncommittedBytes += entryBytes(entry);
}

/** Sends what each peer lacks, once in a step; the leader's own write is under way meanwhile (thesis, section 10.2.1). */
export function replicate(ctx: Context, leadership: LeaderState): void {
  let shared: MessageOf<'appendEntries'> | undefined;
  for (const [peer, progress] of leadership.progress) {
    let sent = false;
    while (mayTakeEntries(progress) && lacks(ctx, progress)) {
      if (progress.next <= ctx.state.log.floor.index) {
        startSnapshot(ctx, peer, progress);
        break;
      }
      if (shared?.previousIndex !== progress.next - 1)
        shared = appendFrom(ctx, progress.next, ctx.maxAppendBytes);
      sendAppend(ctx, peer, progress, shared);
      sent = true;
    }
    if (!sent && progress.mode !== 'snapshot' && progress.commitSent < ctx.state.commit) {
      progress.commitSent = ctx.state.commit;
      ctx.send(peer, { type: 'commitNotice', term: ctx.term, commit: ctx.state.commit });
    }
  }
}

/** A probe asks also when there is nothing to send: it has to find out what the peer holds. */
const lacks = (ctx: Context, progress: Progress): boolean =>
  progress.mode === 'probe' || progress.next <= ctx.state.log.lastIndex;

function appendFrom(ctx: Context, next: Index, maxBytes: number): MessageOf<'appendEntries'> {
  const { log, commit } = ctx.state;
  const previousIndex = index(next - 1);
  return {
    type: 'appendEntries',
    term: ctx.term,
    previousIndex,
    previousTerm: log.termAt(previousIndex) ?? log.floor.epoch,
    commit,
    entries: maxBytes === 0 ? [] : log.slice(previousIndex, log.lastIndex, maxBytes),
  };
}

function sendAppend(
  ctx: Context,
  peer: NodeId,
  progress: Progress,
  message: MessageOf<'appendEntries'>,
): void {
  let bytes = 0;
  for (const entry of message.entries) bytes += entryBytes(entry);
  progress.commitSent = message.commit;
  ctx.send(peer, message);
  sentEntries(progress, index(message.previousIndex + message.entries.length), bytes);
}

export function handleAppendAck(ctx: Context, progress: Progress, message: MessageOf<'appendAck'>): void {
  // Nobody can hold more of this log than there is; such an answer is nonsense.
  if (message.match <= ctx.state.log.lastIndex) acknowledge(progress, message.match);
}

export function handleAppendReject(
  ctx: Context,
  progress: Progress,
  message: MessageOf<'appendReject'>,
): void {
  const { previousIndex } = message;
  const stale =
    progress.mode === 'probe' ? previousIndex !== progress.next - 1 : previousIndex <= progress.match;
  if (stale || progress.mode === 'snapshot') return;
  probeFrom(progress, index(Math.min(previousIndex, nextAfter(ctx.state.log, message))));
}

/** Above the last place where the peer's hint can match; at or below the floor when only a snapshot helps. */
function nextAfter(log: Log, { hintIndex, hintTerm }: MessageOf<'appendReject'>): number {
  if (hintIndex < log.floor.index) return hintIndex + 1;
  const at = log.lastNotAfter(hintIndex, hintTerm);
  return (log.termAt(at) ?? 0) > hintTerm ? at : at + 1;
}

/** Committed: held by a quorum and of the own term (section 5.4.2). */
export function commitByQuorum(ctx: Context, leadership: LeaderState): void {
  const { state, rules } = ctx;
  const { log, commit } = state;
  if (log.lastIndex <= commit) return;
  const reached = ctx.quorumValue((id) =>
    id === ctx.self
      ? rules.ownMatch(state.storage.durable, log.lastIndex)
      : (leadership.progress.get(id)?.match ?? 0),
  );
  const term = log.termAt(reached);
  if (reached <= commit || term === undefined || !rules.mayCommit(term, ctx.term)) return;
  for (let at = commit + 1; at <= reached; at++) {
    leadership.uncommittedBytes -= entryBytes(log.get(at) as Entry);
  }
  advanceCommit(ctx, index(reached));
}

/** The heartbeat names the newest read round, so that a lost one is made up for. */
export function heartbeat(ctx: Context, leadership: LeaderState): void {
  leadership.heartbeatDeadline = millis(ctx.now + ctx.timing.heartbeatInterval);
  if (ctx.rules.hasLostQuorum(silence(ctx, leadership), ctx.timing.electionTimeout)) {
    stepDown(ctx, 'heard of no quorum for an election timeout');
    return;
  }
  for (const progress of leadership.progress.values()) progress.lossCheck = progress.match;
  if (leadership.transfer !== undefined) leadership.transfer.asked = false;
  // A round of its own tells when it was sent.
  if (ctx.leaseReads !== undefined)
    leadership.reads.lastRound = ctx.rules.nextRound(leadership.reads.lastRound);
  broadcastHeartbeat(ctx, leadership);
}

export function broadcastHeartbeat(ctx: Context, leadership: LeaderState): void {
  const { commit } = ctx.state;
  const round = leadership.reads.lastRound;
  noteRoundSent(ctx, leadership);
  const message: RaftMessage = { type: 'heartbeat', term: ctx.term, commit, round };
  for (const [peer, progress] of leadership.progress) {
    progress.commitSent = commit;
    ctx.send(peer, message);
  }
}

/** For how long no quorum was heard of. */
function silence(ctx: Context, leadership: LeaderState): number {
  const heard = ctx.quorumValue((id) =>
    id === ctx.self ? ctx.now : (leadership.progress.get(id)?.heard ?? 0),
  );
  return ctx.now - heard;
}

/**
 * A sign of life: probes may go on, and what made no progress since the last heartbeat is asked about. Who knows less than it
 * has acknowledged has been started again, and may commit what it holds only after it was compared once more.
 */
export function heardHeartbeatAck(ctx: Context, peer: NodeId, progress: Progress, verified: Index): void {
  if (progress.mode === 'probe') progress.paused = false;
  if (progress.mode === 'replicate' && verified < progress.match) {
    probeFrom(progress, index(progress.match + 1));
    return;
  }
  if (progress.lossCheck !== progress.match || progress.inflight.length === 0) return;
  progress.lossCheck = undefined;
  ctx.send(peer, appendFrom(ctx, progress.next, 0));
}

export function linkChanged(progress: Progress, up: boolean): void {
  progress.linked = up;
  // Whatever filled the former connection went with it.
  progress.congested = false;
  if (progress.mode === 'snapshot') return;
  probeFrom(progress, progress.match > 0 ? index(progress.match + 1) : progress.next);
}
