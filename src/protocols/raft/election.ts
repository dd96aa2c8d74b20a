import { emptyBytes } from '../../core/bytes.ts';
import { index, millis, type NodeId } from '../../core/ids.ts';
import { peersOf } from './configuration.ts';
import type { Context } from './context.ts';
import type { MessageOf, RaftMessage } from './messages.ts';
import { newProgress } from './progress.ts';
import { appendEntry, uncommittedBytes } from './replication.ts';
import { armElection, becomeFollower, changeRole } from './roles.ts';
import type { LastEntry } from './rules.ts';

type Term = RaftMessage['term'];

export function electionTimeout(ctx: Context): void {
  // A snapshot being installed is about to replace the log that the election would be about.
  if (ctx.state.installing !== undefined || !ctx.campaigns) armElection(ctx);
  else if (ctx.rules.asksFirst()) askForElection(ctx);
  else campaign(ctx, false);
}

/** PreVote (thesis, section 9.6): nobody's term changes before a quorum says that an election could succeed. */
function askForElection(ctx: Context): void {
  changeRole(ctx, { type: 'preCandidate', votes: new Set([ctx.self]) });
  armElection(ctx);
  const term = (ctx.term + 1) as Term;
  for (const voter of otherVoters(ctx)) {
    ctx.sendAfterHardState(voter, { type: 'preVote', term, ...lastEntry(ctx) });
  }
  countVotes(ctx);
}

/** Section 5.2. The request waits for the candidate's own vote to be durable, and so does its being counted. */
export function campaign(ctx: Context, transfer: boolean): void {
  const term = (ctx.term + 1) as Term;
  ctx.changeHardState({ term, vote: ctx.self });
  ctx.state.verified = ctx.state.commit;
  changeRole(ctx, { type: 'candidate', votes: new Set(), ownVote: ctx.state.storage.hardStateToken });
  armElection(ctx);
  for (const voter of otherVoters(ctx)) {
    ctx.sendAfterHardState(voter, { type: 'requestVote', term, ...lastEntry(ctx), transfer });
  }
}

export function handlePreVote(ctx: Context, from: NodeId, message: MessageOf<'preVote'>): void {
  if (!ctx.rules.answersCandidates(ctx.votes)) return;
  const granted =
    message.term > ctx.term && !hearsLeader(ctx) && ctx.rules.isUpToDate(message, lastEntry(ctx));
  const term = granted ? message.term : ctx.rules.denialTerm(ctx.term);
  if (term > 0) ctx.sendAfterHardState(from, { type: 'preVoteReply', term, granted });
}

export function handlePreVoteReply(ctx: Context, from: NodeId, message: MessageOf<'preVoteReply'>): void {
  if (!message.granted) {
    if (message.term > ctx.term) becomeFollower(ctx, message.term, undefined);
    return;
  }
  const { role } = ctx.state;
  if (role.type !== 'preCandidate' || message.term !== ctx.term + 1) return;
  role.votes.add(from);
  countVotes(ctx);
}

export function handleRequestVote(ctx: Context, from: NodeId, message: MessageOf<'requestVote'>): void {
  if (!ctx.rules.answersCandidates(ctx.votes)) return;
  if (!message.transfer && isShielded(ctx, message.term)) return;
  if (message.term > ctx.term) becomeFollower(ctx, message.term, undefined);
  const granted =
    message.term === ctx.term &&
    ctx.state.role.type === 'follower' &&
    ctx.state.role.leader === undefined &&
    ctx.rules.mayVote(ctx.state.hardState.vote, from) &&
    ctx.rules.isUpToDate(message, lastEntry(ctx));
  if (granted) {
    if (ctx.state.hardState.vote !== from) ctx.changeHardState({ vote: from });
    armElection(ctx);
  }
  ctx.sendAfterHardState(from, { type: 'vote', term: ctx.term, granted });
}

export function handleVote(ctx: Context, from: NodeId, message: MessageOf<'vote'>): void {
  const { role } = ctx.state;
  if (!message.granted || message.term !== ctx.term || role.type !== 'candidate') return;
  role.votes.add(from);
  countVotes(ctx);
}

export function ownVoteDurable(ctx: Context): void {
  const { role, storage } = ctx.state;
  if (role.type !== 'candidate' || role.ownVote === undefined) return;
  if (role.ownVote > storage.durableToken) return;
  role.ownVote = undefined;
  role.votes.add(ctx.self);
  countVotes(ctx);
}

function countVotes(ctx: Context): void {
  const { role } = ctx.state;
  if (role.type === 'preCandidate') {
    if (ctx.isQuorum((id) => role.votes.has(id))) campaign(ctx, false);
  } else if (role.type === 'candidate') {
    if (ctx.isQuorum((id) => role.votes.has(id))) becomeLeader(ctx);
  }
}

/** Section 8: the entry without a command commits what earlier terms left, and opens the leader for reads. */
function becomeLeader(ctx: Context): void {
  const { state, now } = ctx;
  const last = state.log.last;
  const progress = new Map(
    peersOf(ctx.configuration, ctx.self).map((peer) => [peer, newProgress(last.index, now)]),
  );
  changeRole(ctx, {
    type: 'leader',
    progress,
    timeAtElection: last.time,
    electedAt: now,
    heartbeatDeadline: millis(now + ctx.timing.heartbeatInterval),
    uncommittedBytes: uncommittedBytes(state.log, state.commit),
    transfer: undefined,
    asking: undefined,
    reads: { waiting: 0, queued: [], rounds: [], lastRound: 0 },
    lease: { sent: [], over: false },
  });
  state.electionDeadline = undefined;
  state.verified = last.index;
  appendEntry(ctx, 'noop', emptyBytes);
}

/** Whether a candidate of that term is not even answered. A leader that asks for an election itself has ended its lease. */
function isShielded(ctx: Context, term: Term): boolean {
  if (hasPromised(ctx) && ctx.rules.holdsPromise(term, ctx.term)) return true;
  return term > ctx.term && hearsLeader(ctx);
}

const hasPromised = (ctx: Context): boolean => ctx.now < ctx.state.promisedUntil;

function hearsLeader(ctx: Context): boolean {
  if (hasPromised(ctx)) return true;
  if (ctx.leader === undefined) return false;
  const heard = ctx.leader === ctx.self ? ctx.now : ctx.state.leaderHeard;
  return heard !== undefined && ctx.rules.shieldsLeader(ctx.now - heard, ctx.timing.electionTimeout);
}

function lastEntry(ctx: Context): LastEntry {
  const { last } = ctx.state.log;
  return { lastIndex: index(last.index), lastTerm: last.epoch };
}

function otherVoters(ctx: Context): NodeId[] {
  const { voters, outgoing } = ctx.configuration;
  return [...new Set([...voters, ...outgoing])].filter((id) => id !== ctx.self).sort((a, b) => a - b);
}
