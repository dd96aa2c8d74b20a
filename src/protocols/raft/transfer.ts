import { millis, type NodeId } from '../../core/ids.ts';
import { isVoter } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import { campaign } from './election.ts';
import type { LeaderState } from './state.ts';

/**
 * Leadership transfer (thesis, section 3.10): commands are refused while the chosen follower catches up, then it is told to
 * campaign at once. Without success within an election timeout the leader goes on as before.
 */
export function startTransfer(ctx: Context, wanted: NodeId | undefined): void {
  const { leadership } = ctx;
  if (leadership === undefined || leadership.transfer !== undefined) return;
  const to = wanted ?? bestSuccessor(ctx, leadership);
  if (
    to === undefined ||
    to === ctx.self ||
    !leadership.progress.has(to) ||
    !isVoter(ctx.configuration, to)
  ) {
    ctx.trace('transfer', 'there is no such follower');
    return;
  }
  leadership.transfer = { to, deadline: millis(ctx.now + ctx.timing.electionTimeout), asked: false };
}

/** The voter that was heard of lately and holds most of the log; the lowest id among equals. */
export function bestSuccessor(ctx: Context, leadership: LeaderState): NodeId | undefined {
  let best: NodeId | undefined;
  let bestMatch = -1;
  for (const [peer, progress] of leadership.progress) {
    const lively = progress.linked && ctx.now - progress.heard < ctx.timing.electionTimeout;
    if (!lively || !isVoter(ctx.configuration, peer) || progress.match <= bestMatch) continue;
    best = peer;
    bestMatch = progress.match;
  }
  return best;
}

export function proceedTransfer(ctx: Context, leadership: LeaderState): void {
  const { transfer } = leadership;
  if (transfer === undefined) return;
  if (transfer.deadline <= ctx.now) {
    leadership.transfer = undefined;
    ctx.trace('transfer', `given up: ${transfer.to} did not take over in time`);
  } else if (!transfer.asked && leadership.progress.get(transfer.to)?.match === ctx.state.log.lastIndex) {
    transfer.asked = true;
    leadership.lease.over = true;
    ctx.send(transfer.to, { type: 'timeoutNow', term: ctx.term });
  }
}

export function handleTimeoutNow(ctx: Context, from: NodeId): void {
  if (ctx.leader === from && ctx.votes && ctx.state.installing === undefined) campaign(ctx, true);
}
