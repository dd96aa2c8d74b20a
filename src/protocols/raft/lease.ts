import { type Millis, millis } from '../../core/ids.ts';
import type { Context } from './context.ts';
import type { Progress } from './progress.ts';
import type { LeaderState } from './state.ts';

/** Rounds whose sending is remembered; an answer to an older one does not extend the lease. */
const rememberedRounds = 64;

/**
 * Lease reads (thesis, section 6.4.1), an option: whoever answers a heartbeat says for how long after it got it it votes for
 * nobody. While that is so for a quorum, counted from when the heartbeats were SENT, nobody else can lead, as far as clocks
 * run alike. It is followers that keep the promise, so only what each of them has said counts: settings of other
 * members are not known here, and change one by one.
 */
export function noteRoundSent(ctx: Context, { lease, reads }: LeaderState): void {
  if (ctx.leaseReads === undefined) return;
  lease.sent.push({ round: reads.lastRound, at: ctx.now });
  if (lease.sent.length > rememberedRounds) lease.sent.shift();
}

/** The peer has answered `round`, the newest that it has, and promises to vote for nobody for `promise` ms. */
export function noteRoundAnswered(
  ctx: Context,
  { lease }: LeaderState,
  progress: Progress,
  round: number,
  promise: number,
): void {
  const { leaseReads, rules, timing } = ctx;
  const sent = lease.sent.find((each) => each.round === round);
  const promised = rules.promised(promise, timing.electionTimeout);
  if (leaseReads === undefined || sent === undefined) return;
  if (promised === 0) progress.leaseEnd = undefined;
  else {
    const start = rules.leaseStart(sent.at, ctx.now);
    progress.leaseEnd = millis(start + Math.max(0, rules.leaseLength(promised, leaseReads.maxDriftPpm)));
  }
}

/** A process that stood still does not know for how long its clock did, so what came before it counts no more. */
export function afterPause(ctx: Context, before: Millis): void {
  const { leadership, leaseReads, timing } = ctx;
  if (leadership === undefined || leaseReads === undefined) return;
  if (ctx.now - before <= 2 * timing.heartbeatInterval) return;
  leadership.lease.sent.length = 0;
  for (const progress of leadership.progress.values()) progress.leaseEnd = undefined;
}

/** Whether nobody else can lead yet. */
export function holdsLease(ctx: Context, { lease, progress }: LeaderState): boolean {
  if (ctx.leaseReads === undefined || !ctx.rules.mayLease(lease.over)) return false;
  const end = ctx.quorumValue((id) =>
    id === ctx.self ? Number.POSITIVE_INFINITY : (progress.get(id)?.leaseEnd ?? Number.NEGATIVE_INFINITY),
  );
  return ctx.now < end;
}
