import { type CommandId, type Index, index, millis, type NodeId } from '../../core/ids.ts';
import {
  type Configuration,
  encodeConfiguration,
  isJoint,
  isVoter,
  left,
  type Reconfiguration,
  type Refusal,
  reconfigured,
} from '../../protocol/index.ts';
import { hasJointMajority } from '../../quorum/index.ts';
import { peersOf } from './configuration.ts';
import type { Context } from './context.ts';
import { newProgress, type Progress } from './progress.ts';
import { appendEntry, broadcastHeartbeat } from './replication.ts';
import { becomeFollower } from './roles.ts';
import type { LeaderState } from './state.ts';
import { bestSuccessor } from './transfer.ts';

/**
 * A change that was asked for (thesis, chapter 4). In force as soon as it is in the log, and then only those who vote in it
 * can take it back: so they are asked first whether they live.
 */
export function reconfigure(ctx: Context, id: CommandId, change: Reconfiguration): void {
  const { leadership } = ctx;
  if (leadership === undefined) return ctx.refuse(id, 'notLeader');
  const next = whatBecomes(ctx, leadership, change);
  if (typeof next === 'string') ctx.refuse(id, next);
  else begin(ctx, leadership, next, id);
}

function whatBecomes(
  ctx: Context,
  leadership: LeaderState,
  change: Reconfiguration,
): Configuration | Refusal {
  const refusal = whyNotNow(ctx, leadership) ?? (leadership.asking && 'reconfiguring');
  if (refusal !== undefined) return refusal;
  const next = reconfigured(ctx.configuration, change);
  if (typeof next === 'string') return next;
  if (change.type === 'promote' && !inSync(ctx, leadership, change.id)) return 'notInSync';
  if (change.type === 'exchange' && !change.promote.every((id) => inSync(ctx, leadership, id)))
    return 'notInSync';
  return keepsQuorum(ctx, leadership, next) ? next : 'unhealthy';
}

function whyNotNow(ctx: Context, { transfer }: LeaderState): Refusal | undefined {
  if (transfer !== undefined) return 'transferring';
  if (ctx.state.storage.full) return 'storageFull';
  if (ctx.cannotStore) return 'overloaded';
  return mayChangeNow(ctx) ? undefined : 'reconfiguring';
}

/** Never two at once, and none before the leader has committed in its term. */
function mayChangeNow(ctx: Context): boolean {
  const { rules, state } = ctx;
  const settled = state.configurations.current.index <= state.commit;
  return rules.followsChange(settled) && rules.mayReconfigure(state.log.termAt(state.commit), ctx.term);
}

function inSync(ctx: Context, leadership: LeaderState, id: NodeId): boolean {
  const match = leadership.progress.get(id)?.match ?? index(0);
  return ctx.rules.isInSync(match, ctx.state.log.lastIndex);
}

/** Whether those that were heard of lately could decide alone after the change: what is hopeless is refused at once. */
function keepsQuorum(ctx: Context, leadership: LeaderState, next: Configuration): boolean {
  if (keepsVoters(ctx, next)) return true;
  const lively = (id: NodeId): boolean => id === ctx.self || isLively(ctx, leadership.progress.get(id));
  return hasJointMajority([next.voters, next.outgoing], lively);
}

function keepsVoters(ctx: Context, next: Configuration): boolean {
  const { voters, outgoing } = ctx.configuration;
  return voters.join() === next.voters.join() && outgoing.join() === next.outgoing.join();
}

const isLively = (ctx: Context, progress: Progress | undefined): boolean =>
  progress?.linked === true && ctx.now - progress.heard < ctx.timing.electionTimeout;

/** Appends `next`, at once if nobody else has to be asked; else everybody is, and `proceedAsking` goes on. */
function begin(ctx: Context, leadership: LeaderState, next: Configuration, id?: CommandId): void {
  const { reads } = leadership;
  const round = ctx.rules.nextRound(reads.lastRound);
  if (keepsVoters(ctx, next) || couldDecide(ctx, leadership, next, round)) {
    appendConfiguration(ctx, next);
    return;
  }
  reads.lastRound = round;
  const deadline = millis(ctx.now + ctx.timing.electionTimeout);
  leadership.asking = { id, next, round, deadline };
  broadcastHeartbeat(ctx, leadership);
}

/** Whether those who have answered since `round` began could decide alone after the change. */
function couldDecide(ctx: Context, { progress }: LeaderState, next: Configuration, round: number): boolean {
  const lives = (id: NodeId): boolean =>
    id === ctx.self || ctx.rules.livesSince(round, progress.get(id)?.round ?? 0);
  return hasJointMajority([next.voters, next.outgoing], lives);
}

/**
 * The configuration has stayed what it was when the change was asked for, since a leader does nothing else about it meanwhile.
 * Answers that were found after the deadline, by a process that stood still, may be as old as that. The heartbeats wake us.
 */
function proceedAsking(ctx: Context, leadership: LeaderState): void {
  const { asking } = leadership;
  if (asking === undefined) return;
  const { id, next, round, deadline } = asking;
  const refusal = whyNotNow(ctx, leadership) ?? (ctx.now >= deadline ? 'unhealthy' : undefined);
  if (refusal === undefined && !couldDecide(ctx, leadership, next, round)) return;
  leadership.asking = undefined;
  if (refusal === undefined) appendConfiguration(ctx, next);
  else if (id !== undefined) ctx.refuse(id, refusal);
}

function appendConfiguration(ctx: Context, configuration: Configuration): void {
  appendEntry(ctx, 'configuration', encodeConfiguration(configuration));
  const { configurations, log } = ctx.state;
  configurations.append(log.lastIndex, configuration);
  if (ctx.leadership !== undefined) followPeers(ctx, ctx.leadership, configuration, log.lastIndex);
}

/** Whoever is removed is still told of it, as far as that is quick: so it knows why nobody speaks to it any more. */
function followPeers(ctx: Context, { progress }: LeaderState, configuration: Configuration, at: Index): void {
  const peers = peersOf(configuration, ctx.self);
  for (const peer of peers) {
    if (!progress.has(peer)) progress.set(peer, newProgress(ctx.state.log.lastIndex, ctx.now));
  }
  for (const [peer, known] of progress) if (!peers.includes(peer)) known.leaving ??= { at, until: undefined };
}

/** What a leader does about membership by itself: leaves a joint configuration, promotes, lets go of who has left. */
export function proceedMembership(ctx: Context, leadership: LeaderState): void {
  letGo(ctx, leadership);
  proceedAsking(ctx, leadership);
  const { configuration } = ctx;
  if (!isJoint(configuration) && configuration.promoting.length === 0) return;
  if (leadership.asking !== undefined || whyNotNow(ctx, leadership) !== undefined) return;
  if (isJoint(configuration)) {
    // Nobody is asked: whoever decides now could decide afterwards, for that takes one of the two majorities only.
    appendConfiguration(ctx, left(configuration));
    return;
  }
  for (const id of configuration.promoting) {
    if (!hasCaughtUp(ctx, leadership.progress.get(id))) continue;
    const next = reconfigured(configuration, { type: 'promote', id });
    if (typeof next === 'string' || !keepsQuorum(ctx, leadership, next)) continue;
    begin(ctx, leadership, next);
    return;
  }
}

/**
 * Whether a learner took less than an election timeout for what had come together at the beginning of its round (thesis,
 * section 4.2.1): then its first entries as a voter cannot hold up the others for longer than an election would.
 */
function hasCaughtUp(ctx: Context, progress: Progress | undefined): boolean {
  if (progress === undefined || !isLively(ctx, progress)) return false;
  const { catchUp } = progress;
  if (catchUp !== undefined && progress.match < catchUp.target) return false;
  const quick = catchUp !== undefined && ctx.now - catchUp.since < ctx.timing.electionTimeout;
  progress.catchUp = { target: ctx.state.log.lastIndex, since: ctx.now };
  return quick;
}

function letGo(ctx: Context, { progress }: LeaderState): void {
  const { commit } = ctx.state;
  for (const [peer, known] of progress) {
    const { leaving } = known;
    if (leaving === undefined || leaving.at > commit) continue;
    leaving.until ??= millis(ctx.now + 2 * ctx.timing.electionTimeout);
    const told = known.match >= leaving.at && known.commitSent >= leaving.at;
    if (told || ctx.now >= leaving.until) progress.delete(peer);
  }
}

/**
 * A leader that is not among the voters leads until that is committed, without counting itself (thesis, section 4.2.2);
 * then whoever holds the most takes over at once.
 */
export function resignWhenRemoved(ctx: Context, leadership: LeaderState): void {
  const { inForce, state } = ctx;
  if (inForce.index > state.commit || isJoint(inForce.configuration)) return;
  if (!ctx.rules.resigns(isVoter(inForce.configuration, ctx.self))) return;
  const successor = bestSuccessor(ctx, leadership);
  if (successor !== undefined && leadership.progress.get(successor)?.match === state.log.lastIndex) {
    ctx.send(successor, { type: 'timeoutNow', term: ctx.term });
  }
  ctx.trace('stepDown', 'is not a voter any more');
  becomeFollower(ctx, ctx.term, undefined);
}
