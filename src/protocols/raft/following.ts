import { assert } from '../../core/assert.ts';
import { Malformed } from '../../core/codec.ts';
import { type Index, index, millis, type NodeId } from '../../core/ids.ts';
import { decodeConfiguration } from '../../protocol/index.ts';
import type { Context } from './context.ts';
import { advanceCommit } from './delivery.ts';
import type { Entry, MessageOf } from './messages.ts';
import { armElection, becomeFollower } from './roles.ts';

/**
 * A message that only the leader of its term sends: whoever receives it follows, also a candidate of an EQUAL term
 * (section 5.2). False when the message is not to be acted on.
 */
export function follow(ctx: Context, leader: NodeId): boolean {
  const { role } = ctx.state;
  if (role.type === 'leader' || (role.type === 'follower' && (role.leader ?? leader) !== leader)) {
    ctx.trace('secondLeader', `${leader} in term ${ctx.term}`);
    return false;
  }
  becomeFollower(ctx, ctx.term, leader);
  ctx.state.leaderHeard = ctx.now;
  ctx.state.promisedUntil = millis(Math.max(ctx.state.promisedUntil, ctx.now + ctx.promise));
  return true;
}

/** AppendEntries (section 5.3). */
export function handleAppendEntries(ctx: Context, from: NodeId, message: MessageOf<'appendEntries'>): void {
  const { state } = ctx;
  if (!follow(ctx, from) || state.installing !== undefined) return;
  // What is committed here is in every later leader's log: only what comes after it needs to be compared.
  const skipped = Math.max(0, state.commit - message.previousIndex);
  const known = Math.min(skipped, message.entries.length);
  const entries = known === 0 ? message.entries : message.entries.slice(known);
  const previousIndex = index(Math.max(message.previousIndex, state.commit));
  const atCommit = known === skipped ? message.entries[known - 1] : undefined;
  if (atCommit !== undefined && atCommit.epoch !== state.log.termAt(atCommit.index)) {
    ctx.trace('conflictsWithCommitted', `entry ${atCommit.index} of term ${atCommit.epoch}`);
    return;
  }
  if (skipped === 0 && state.log.termAt(previousIndex) !== message.previousTerm) {
    reject(ctx, from, message);
    return;
  }
  if (!store(ctx, entries)) return;
  const { lastIndex } = state.log;
  const match = ctx.rules.acknowledged(previousIndex, entries.length, lastIndex);
  state.verified = index(Math.max(state.verified, match));
  advanceCommit(ctx, ctx.rules.commitFromAppend(message.commit, match, lastIndex));
  ctx.acknowledge(from, { type: 'appendAck', term: ctx.term, match });
}

/** False when nothing was stored, and nothing may be acknowledged. */
function store(ctx: Context, entries: readonly Entry[]): boolean {
  const { state } = ctx;
  const there = ctx.rules.alreadyThere(state.log, entries);
  const first = entries[there];
  if (first === undefined) return true;
  if (ctx.cannotStore) return false;
  if (first.index <= state.log.lastIndex) {
    if (first.index <= state.commit) {
      ctx.trace('conflictsWithCommitted', `entry ${first.index} of term ${first.epoch}`);
      return false;
    }
    truncateFrom(ctx, first.index);
  }
  for (let at = there; at < entries.length; at++) {
    const entry = entries[at] as Entry;
    state.log.append(entry);
    ctx.persistEntry(entry);
    if (entry.kind === 'configuration') trackConfiguration(ctx, entry);
  }
  return true;
}

/** The entry written next replaces what is cut off here on disk too. */
export function truncateFrom(ctx: Context, from: Index): void {
  const { state, rules } = ctx;
  state.log.truncateFrom(from);
  state.configurations.truncateFrom(from);
  state.verified = index(Math.min(state.verified, from - 1));
  state.storage.durable = index(Math.min(state.storage.durable, from - 1));
  for (const write of state.storage.writes) write.lastIndex = rules.survivingWrite(write.lastIndex, from);
}

function trackConfiguration(ctx: Context, entry: Entry): void {
  const configuration = decodeConfiguration(entry.payload);
  assert(!(configuration instanceof Malformed), 'entries were validated when they were decoded');
  ctx.state.configurations.append(entry.index, configuration);
  // It may make this replica a voter, and be the last that the leader sent.
  armElection(ctx);
}

/** Tells the leader where the logs may still agree, so that it skips whole terms at once (section 5.3). */
function reject(ctx: Context, from: NodeId, message: MessageOf<'appendEntries'>): void {
  const { log } = ctx.state;
  const hintIndex = log.lastNotAfter(message.previousIndex, message.previousTerm);
  ctx.sendAfterHardState(from, {
    type: 'appendReject',
    term: ctx.term,
    previousIndex: message.previousIndex,
    hintIndex,
    hintTerm: log.termAt(hintIndex) ?? log.floor.epoch,
  });
}

export function handleHeartbeat(ctx: Context, from: NodeId, message: MessageOf<'heartbeat'>): void {
  if (!follow(ctx, from)) return;
  commitFromHeartbeat(ctx, message.commit);
  const { verified } = ctx.state;
  const { term, promise } = ctx;
  ctx.sendAfterHardState(from, { type: 'heartbeatAck', term, round: message.round, verified, promise });
}

export function handleCommitNotice(ctx: Context, from: NodeId, message: MessageOf<'commitNotice'>): void {
  if (follow(ctx, from)) commitFromHeartbeat(ctx, message.commit);
}

function commitFromHeartbeat(ctx: Context, leaderCommit: Index): void {
  const { verified, log } = ctx.state;
  advanceCommit(ctx, ctx.rules.commitFromHeartbeat(leaderCommit, verified, log.lastIndex));
}
