import { type Millis, millis } from '../../core/ids.ts';
import type { Context } from './context.ts';
import type { Progress } from './progress.ts';
import type { LeaderState } from './state.ts';

/** Rounds whose sending is remembered; an answer to an older one does not extend the lease. */
const rememberedRounds = 64;

/**
 * Lease reads (thesis, section 6.4.1), an option: a quorum that answered a heartbeat votes for nobody within an election
 * timeout after it got it, so nobody else can lead until an election timeout after it was SENT, as far as clocks run alike
 * . Every member has to have the option, since it is followers that keep the promise.
 */
export function noteRoundSent(ctx: Context, { lease, reads }: LeaderState): void {
  if (ctx.leaseReads === undefined) return;
  lease.sent.push({ round: reads.lastRound, at: ctx.now });
  if (lease.sent.length > rememberedRounds) lease.sent.shift();
}

/** The peer has answered `round`. */
export function noteRoundAnswered(
  ctx: Context,
  { lease }: LeaderState,
  progress: Progress,
  round: number,
): void {
  const sent = lease.sent.find((each) => each.round === round);
  if (sent === undefined) return;
  const start = ctx.rules.leaseStart(sent.at, ctx.now);
  progress.leaseStart = millis(Math.max(progress.leaseStart ?? 0, start));
}

/** A process that stood still does not know for how long its clock did, so what came before it counts no more. */
export function afterPause(ctx: Context, before: Millis): void {
  const { leadership, leaseReads, timing } = ctx;
  if (leadership === undefined || leaseReads === undefined) return;
  if (ctx.now - before > 2 * timing.heartbeatInterval) leadership.lease.notBefore = ctx.now;
}

/** Whether nobody else can lead yet. */
export function holdsLease(ctx: Context, leadership: LeaderState): boolean {
  const { leaseReads, timing, rules } = ctx;
  const { lease, progress } = leadership;
  if (leaseReads === undefined || !rules.mayLease(lease.over)) return false;
  const start = ctx.quorumValue((id) =>
    id === ctx.self ? ctx.now : (progress.get(id)?.leaseStart ?? Number.NEGATIVE_INFINITY),
  );
  if (start < lease.notBefore) return false;
  return ctx.now - start < rules.leaseLength(timing.electionTimeout, leaseReads.maxDriftPpm);
}
