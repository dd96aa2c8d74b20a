import { millis, type NodeId, type ReadId } from '../../core/ids.ts';
import { maxPendingReads, maxReadRounds } from '../../core/limits.ts';
import type { Context } from './context.ts';
import { holdsLease, noteRoundAnswered } from './lease.ts';
import type { MessageOf, ReadRefusal } from './messages.ts';
import type { Progress } from './progress.ts';
import type { LeaderReads, LeaderState, ReadRound, WaitingRead } from './state.ts';

/**
 * Linearizable reads without writing (thesis, section 6.4): the leader notes its commit index, learns from a quorum that it
 * still led afterwards, and the read may be served from any state that includes the index. One round confirms all
 * reads of a step, and those that gathered while rounds were under way.
 */
export function read(ctx: Context, id: ReadId): void {
  const { leadership } = ctx;
  if (leadership !== undefined) enqueue(ctx, leadership.reads, { type: 'own', id });
  else if (ctx.leader === undefined) ctx.emit({ type: 'readFailed', id, reason: 'notLeader' });
  else forwardLater(ctx, id);
}

function forwardLater(ctx: Context, id: ReadId): void {
  const { forwarded } = ctx.state;
  if (forwarded.waiting >= maxPendingReads) {
    ctx.emit({ type: 'readFailed', id, reason: 'overloaded' });
    return;
  }
  forwarded.queued.push(id);
  forwarded.waiting++;
}

function enqueue(ctx: Context, reads: LeaderReads, waiting: WaitingRead): void {
  if (reads.waiting >= maxPendingReads) {
    fail(ctx, waiting, 'overloaded');
    return;
  }
  reads.queued.push(waiting);
  reads.waiting++;
}

/** Begins a round for what has gathered; true when peers have to be asked. A lone voter confirms itself. */
export function startRound(ctx: Context, leadership: LeaderState): boolean {
  const { reads } = leadership;
  const { commit, log } = ctx.state;
  if (reads.queued.length === 0 || reads.rounds.length >= maxReadRounds) return false;
  if (!ctx.rules.mayServeReads(log.termAt(commit), ctx.term)) return false;
  if (holdsLease(ctx, leadership)) {
    const served = { round: reads.lastRound, index: commit, reads: reads.queued };
    reads.waiting -= served.reads.length;
    reads.queued = [];
    serve(ctx, served);
    return false;
  }
  reads.lastRound = ctx.rules.nextRound(reads.lastRound);
  reads.rounds.push({ round: reads.lastRound, index: commit, reads: reads.queued });
  reads.queued = [];
  confirmRounds(ctx, leadership);
  return reads.rounds.length > 0;
}

export function answeredRound(
  ctx: Context,
  leadership: LeaderState,
  progress: Progress,
  { round, promise }: MessageOf<'heartbeatAck'>,
): void {
  // A round that has not begun cannot have been answered; such an answer is nonsense.
  if (round <= progress.round || round > leadership.reads.lastRound) return;
  progress.round = round;
  noteRoundAnswered(ctx, leadership, progress, round, promise);
  confirmRounds(ctx, leadership);
}

/** An answer to a round confirms the ones before it too: it was given after all of them began. */
function confirmRounds(ctx: Context, leadership: LeaderState): void {
  const { rounds } = leadership.reads;
  if (rounds.length === 0) return;
  const confirmed = ctx.quorumValue((id) =>
    id === ctx.self ? Number.POSITIVE_INFINITY : (leadership.progress.get(id)?.round ?? 0),
  );
  while (rounds[0] !== undefined && rounds[0].round <= confirmed) {
    const round = rounds.shift() as ReadRound;
    leadership.reads.waiting -= round.reads.length;
    serve(ctx, round);
  }
}

function serve(ctx: Context, { index, reads }: ReadRound): void {
  for (const waiting of reads) {
    if (waiting.type === 'own') ctx.emit({ type: 'readable', id: waiting.id, index });
    else {
      const { from, start, batch } = waiting;
      ctx.send(from, { type: 'readReply', term: ctx.term, start, batch, index });
    }
  }
}

function fail(ctx: Context, waiting: WaitingRead, reason: ReadRefusal): void {
  if (waiting.type === 'own') ctx.emit({ type: 'readFailed', id: waiting.id, reason });
  else {
    const { from, start, batch } = waiting;
    ctx.sendAfterHardState(from, { type: 'readRefusal', term: ctx.term, start, batch, reason });
  }
}

/** Whoever leads no more can confirm nothing. */
export function failLeaderReads(ctx: Context, reads: LeaderReads): void {
  for (const round of reads.rounds) for (const waiting of round.reads) fail(ctx, waiting, 'notLeader');
  for (const waiting of reads.queued) fail(ctx, waiting, 'notLeader');
}

export function handleReadRequest(ctx: Context, from: NodeId, message: MessageOf<'readRequest'>): void {
  const { start, batch } = message;
  const waiting: WaitingRead = { type: 'forwarded', from, start, batch };
  if (ctx.leadership === undefined || message.term !== ctx.term) fail(ctx, waiting, 'notLeader');
  else enqueue(ctx, ctx.leadership.reads, waiting);
}

/**
 * One message for all reads of a step. It waits for the start number to be durable, so that no later start uses the
 * same name and takes an old answer for its own.
 */
export function forwardReads(ctx: Context): void {
  const { forwarded, hardState } = ctx.state;
  const { leader } = ctx;
  if (forwarded.queued.length === 0 || leader === undefined) return;
  const batch = ++forwarded.lastBatch;
  const deadline = millis(ctx.now + ctx.timing.electionTimeout);
  forwarded.batches.push({ batch, ids: forwarded.queued, deadline });
  forwarded.queued = [];
  ctx.sendAfterHardState(leader, { type: 'readRequest', term: ctx.term, start: hardState.start, batch });
}

export function handleReadReply(ctx: Context, message: MessageOf<'readReply'>): void {
  for (const id of takeBatch(ctx, message)) ctx.emit({ type: 'readable', id, index: message.index });
}

export function handleReadRefusal(ctx: Context, message: MessageOf<'readRefusal'>): void {
  for (const id of takeBatch(ctx, message)) ctx.emit({ type: 'readFailed', id, reason: message.reason });
}

function takeBatch(
  ctx: Context,
  message: MessageOf<'readReply'> | MessageOf<'readRefusal'>,
): readonly ReadId[] {
  const { forwarded, hardState } = ctx.state;
  if (message.start !== hardState.start) return [];
  const at = forwarded.batches.findIndex((batch) => batch.batch === message.batch);
  const ids = at < 0 ? [] : (forwarded.batches.splice(at, 1)[0]?.ids ?? []);
  forwarded.waiting -= ids.length;
  return ids;
}

/** The leader changed, or is out of reach: its answer may never come. */
export function failForwardedReads(ctx: Context): void {
  const { forwarded } = ctx.state;
  for (const { ids } of forwarded.batches.splice(0)) failAll(ctx, ids);
  failAll(ctx, forwarded.queued);
  forwarded.queued = [];
}

export function expireForwardedReads(ctx: Context): void {
  const { batches } = ctx.state.forwarded;
  while (batches[0] !== undefined && batches[0].deadline <= ctx.now) failAll(ctx, batches.shift()?.ids ?? []);
}

function failAll(ctx: Context, ids: readonly ReadId[]): void {
  ctx.state.forwarded.waiting -= ids.length;
  for (const id of ids) ctx.emit({ type: 'readFailed', id, reason: 'notLeader' });
}
