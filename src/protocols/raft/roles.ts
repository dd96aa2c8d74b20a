import { millis, type NodeId } from '../../core/ids.ts';
import type { Context } from './context.ts';
import type { RaftMessage } from './messages.ts';
import { failForwardedReads, failLeaderReads } from './reads.ts';
import type { RoleState } from './state.ts';

/** Section 5.1: whoever learns of a higher term follows in it. Also how candidates give way to the leader of their term. */
export function becomeFollower(ctx: Context, term: RaftMessage['term'], leader: NodeId | undefined): void {
  const { state } = ctx;
  if (term > ctx.term) {
    ctx.changeHardState({ term, vote: undefined });
    state.verified = state.commit;
    state.leaderHeard = undefined;
  }
  changeRole(ctx, { type: 'follower', leader });
  armElection(ctx);
}

export function changeRole(ctx: Context, role: RoleState): void {
  const leader = ctx.leader;
  const { leadership } = ctx;
  ctx.state.role = role;
  if (leadership !== undefined) failLeaderReads(ctx, leadership.reads);
  const asked = leadership?.asking?.id;
  if (asked !== undefined) ctx.refuse(asked, 'notLeader');
  if (leader !== ctx.leader) failForwardedReads(ctx);
}

/** Randomized between once and twice the election timeout (section 5.2); a campaign begins with the own vote. */
export function armElection(ctx: Context): void {
  const { electionTimeout } = ctx.timing;
  const wait = ctx.random.between(electionTimeout, 2 * electionTimeout - 1);
  const deadline = millis(Math.max(ctx.now + wait, ctx.state.promisedUntil));
  ctx.state.electionDeadline = ctx.campaigns ? deadline : undefined;
}

/** After a start, bound by what was promised before it; a lone voter has nobody to wait for unless it is bound. */
export function armFirstElection(ctx: Context, promised: number): void {
  if (promised > 0 && ctx.rules.remembersPromise()) ctx.state.promisedUntil = millis(ctx.now + promised);
  armElection(ctx);
  const alone = ctx.votes && ctx.isQuorum((id) => id === ctx.self);
  if (alone && promised === 0) ctx.state.electionDeadline = ctx.now;
}

/** CheckQuorum (thesis, section 6.2): who is cut off from a quorum must not keep anyone waiting. */
export function stepDown(ctx: Context, why: string): void {
  ctx.trace('stepDown', why);
  becomeFollower(ctx, ctx.term, undefined);
}
