import { assert, assertNever } from '../../core/assert.ts';
import { index, type Millis, millis, type NodeId } from '../../core/ids.ts';
import type { Input, Protocol, ProtocolOptions, Role } from '../../protocol/index.ts';
import { becomeAlone } from './alone.ts';
import { Context, type RaftEffect } from './context.ts';
import { deliver, durable } from './delivery.ts';
import {
  electionTimeout,
  handlePreVote,
  handlePreVoteReply,
  handleRequestVote,
  handleVote,
  ownVoteDurable,
} from './election.ts';
import { encodeState } from './encoding.ts';
import { handleAppendEntries, handleCommitNotice, handleHeartbeat } from './following.ts';
import { checkState } from './invariants.ts';
import { afterPause } from './lease.ts';
import { proceedMembership, reconfigure, resignWhenRemoved } from './membership.ts';
import type { RaftMessage } from './messages.ts';
import type { Progress } from './progress.ts';
import {
  answeredRound,
  expireForwardedReads,
  failForwardedReads,
  forwardReads,
  handleReadRefusal,
  handleReadReply,
  handleReadRequest,
  read,
  startRound,
} from './reads.ts';
import { baseRecord } from './records.ts';
import { recoverState, unrecoveredState } from './recovery.ts';
import {
  broadcastHeartbeat,
  commitByQuorum,
  handleAppendAck,
  handleAppendReject,
  heardHeartbeatAck,
  heartbeat,
  linkChanged,
  propose,
  replicate,
} from './replication.ts';
import { armFirstElection, becomeFollower } from './roles.ts';
import { type Rules, raftRules } from './rules.ts';
import { flushed, installed, snapshotReceived, snapshotSent } from './snapshot.ts';
import { forkState, type State } from './state.ts';
import { handleTimeoutNow, proceedTransfer, startTransfer } from './transfer.ts';

/** One replica of Raft. `step` throws `CorruptRecord` when the recovered records are none of ours. */
export class Raft implements Protocol<RaftMessage> {
  readonly #options: ProtocolOptions;
  readonly #rules: Rules;
  #context: Context;
  #recovered = false;

  constructor(options: ProtocolOptions, rules: Rules) {
    this.#options = options;
    this.#rules = rules;
    this.#context = new Context(options, rules, unrecoveredState(), millis(0));
  }

  /** For invariants and pictures; not to be changed. */
  get state(): Readonly<State> {
    return this.#context.state;
  }

  step(now: Millis, inputs: readonly Input<RaftMessage>[]): RaftEffect[] {
    const ctx = this.#context;
    assert(now >= ctx.now, 'time never goes back');
    const before = ctx.now;
    ctx.now = now;
    afterPause(ctx, before);
    for (const input of inputs) this.#take(input);
    this.#act();
    return this.#context.takeEffects();
  }

  #take(input: Input<RaftMessage>): void {
    assert(this.#recovered || input.type === 'recovered', 'recovery comes first');
    const ctx = this.#context;
    switch (input.type) {
      case 'recovered':
        return this.#recover(input);
      case 'message':
        return receive(ctx, input.from, input.message);
      case 'link':
        return linkOf(ctx, input.peer, input.up);
      case 'credit': {
        const progress = ctx.leadership?.progress.get(input.peer);
        if (progress !== undefined) progress.congested = input.bytes === 0;
        return;
      }
      case 'command':
        return propose(ctx, input.id, input.payload);
      case 'read':
        return read(ctx, input.id);
      case 'durable':
        durable(ctx, input.upTo);
        return ownVoteDurable(ctx);
      case 'applied':
        ctx.state.applied = index(Math.max(ctx.state.applied, input.upTo));
        return;
      case 'flushed':
        return flushed(ctx, input.position);
      case 'snapshotReceived':
        return snapshotReceived(ctx, input);
      case 'installed':
        return installed(ctx, input.snapshot);
      case 'snapshotSent':
        return snapshotSent(ctx, input.to, input.upTo, input.ok);
      case 'storage':
        ctx.state.storage.full = input.full;
        return;
      case 'reconfigure':
        return reconfigure(ctx, input.id, input.change);
      case 'transfer':
        return startTransfer(ctx, input.to);
      case 'digest':
      case 'work':
        return;
      default:
        assertNever(input);
    }
  }

  #recover({ base, records }: Extract<Input, { type: 'recovered' }>): void {
    assert(!this.#recovered, 'recovery comes once');
    this.#recovered = true;
    const { state, restarted } = recoverState(base, records);
    this.#context = new Context(this.#options, this.#rules, state, this.#context.now);
    const { start, promise } = state.hardState;
    this.#context.changeHardState({ start: start + 1, promise: Math.max(promise, this.#context.promise) });
    if (restarted) this.#context.persist(baseRecord(base));
    if (this.#options.alone === true) becomeAlone(this.#context);
    armFirstElection(this.#context, promise);
  }

  /** What follows from all inputs of the step together. */
  #act(): void {
    const ctx = this.#context;
    const { state } = ctx;
    expireForwardedReads(ctx);
    if (state.electionDeadline !== undefined && state.electionDeadline <= ctx.now) electionTimeout(ctx);
    if (ctx.leadership !== undefined && ctx.leadership.heartbeatDeadline <= ctx.now) {
      heartbeat(ctx, ctx.leadership);
    }
    const { leadership } = ctx;
    if (leadership !== undefined) {
      commitByQuorum(ctx, leadership);
      proceedMembership(ctx, leadership);
      if (startRound(ctx, leadership)) broadcastHeartbeat(ctx, leadership);
      replicate(ctx, leadership);
      proceedTransfer(ctx, leadership);
      resignWhenRemoved(ctx, leadership);
    } else forwardReads(ctx);
    announce(ctx);
    deliver(ctx);
  }

  nextDeadline(): Millis | undefined {
    const { state, leadership } = this.#context;
    const heartbeat = earlier(leadership?.heartbeatDeadline, leadership?.transfer?.deadline);
    return earlier(earlier(state.electionDeadline, heartbeat), state.forwarded.batches[0]?.deadline);
  }

  fork(): Raft {
    const options = { ...this.#options, random: this.#context.random.fork() };
    const copy = new Raft(options, this.#rules);
    copy.#context = new Context(options, this.#rules, forkState(this.#context.state), this.#context.now);
    copy.#recovered = this.#recovered;
    return copy;
  }

  encodeState(): Uint8Array {
    return encodeState(this.#context.state, this.#context.random.words());
  }

  checkInvariants(): void {
    checkState(this.#context.self, this.#context.state);
  }
}

/** Raft with the rules of the paper, or with some of them replaced. */
export const createRaft = (options: ProtocolOptions, rules: Rules = raftRules): Raft =>
  new Raft(options, rules);

const earlier = (one: Millis | undefined, other: Millis | undefined): Millis | undefined =>
  one === undefined || (other !== undefined && other < one) ? other : one;

function receive(ctx: Context, from: NodeId, message: RaftMessage): void {
  if (from === ctx.self) return;
  const beforeElection = message.type === 'preVote' || message.type === 'preVoteReply';
  if (!beforeElection && message.type !== 'requestVote' && message.term > ctx.term) {
    becomeFollower(ctx, message.term, undefined);
  }
  const progress = message.term === ctx.term ? ctx.leadership?.progress.get(from) : undefined;
  if (progress !== undefined) {
    progress.heard = ctx.now;
    progress.linked = true;
  }
  if (message.term < ctx.term) receiveOld(ctx, from, message);
  else dispatch(ctx, from, message, progress);
}

/** An old leader or candidate learns that its time is over; other old messages are late and mean nothing any more. */
function receiveOld(ctx: Context, from: NodeId, message: RaftMessage): void {
  switch (message.type) {
    case 'appendEntries':
    case 'heartbeat':
    case 'commitNotice':
      return ctx.sendAfterHardState(from, {
        type: 'heartbeatAck',
        term: ctx.term,
        round: 0,
        verified: ctx.state.verified,
        promise: 0,
      });
    case 'preVote':
      return handlePreVote(ctx, from, message);
    case 'requestVote':
      return handleRequestVote(ctx, from, message);
    case 'readRequest':
      return handleReadRequest(ctx, from, message);
    default:
      return;
  }
}

function dispatch(ctx: Context, from: NodeId, message: RaftMessage, progress: Progress | undefined): void {
  switch (message.type) {
    case 'preVote':
      return handlePreVote(ctx, from, message);
    case 'preVoteReply':
      return handlePreVoteReply(ctx, from, message);
    case 'requestVote':
      return handleRequestVote(ctx, from, message);
    case 'vote':
      return handleVote(ctx, from, message);
    case 'appendEntries':
      return handleAppendEntries(ctx, from, message);
    case 'heartbeat':
      return handleHeartbeat(ctx, from, message);
    case 'commitNotice':
      return handleCommitNotice(ctx, from, message);
    case 'appendAck':
      if (progress !== undefined) handleAppendAck(ctx, progress, message);
      return;
    case 'appendReject':
      if (progress !== undefined) handleAppendReject(ctx, progress, message);
      return;
    case 'heartbeatAck':
      if (progress === undefined || ctx.leadership === undefined) return;
      heardHeartbeatAck(ctx, from, progress, message.verified);
      return answeredRound(ctx, ctx.leadership, progress, message);
    case 'timeoutNow':
      return handleTimeoutNow(ctx, from);
    case 'readRequest':
      return handleReadRequest(ctx, from, message);
    case 'readReply':
      return handleReadReply(ctx, message);
    case 'readRefusal':
      return handleReadRefusal(ctx, message);
    default:
      assertNever(message);
  }
}

function linkOf(ctx: Context, peer: NodeId, up: boolean): void {
  const progress = ctx.leadership?.progress.get(peer);
  if (progress !== undefined) linkChanged(progress, up);
  if (!up && ctx.leader === peer) failForwardedReads(ctx);
}

/** Tells the host what has changed since it was last told. */
function announce(ctx: Context): void {
  const { state, leader, term } = ctx;
  const { configuration, index: at } = ctx.inForce;
  const { announced } = state;
  if (announced.configuration !== configuration) {
    ctx.emit({ type: 'configuration', configuration, index: at });
    announced.configuration = configuration;
  }
  const role = roleOf(ctx);
  if (announced.role === role && announced.leader === leader && announced.term === term) return;
  ctx.emit({ type: 'status', role, leader, epoch: term });
  Object.assign(announced, { role, leader, term });
}

function roleOf(ctx: Context): Role {
  switch (ctx.state.role.type) {
    case 'leader':
      return 'leader';
    case 'preCandidate':
    case 'candidate':
      return 'candidate';
    case 'follower':
      return ctx.votes ? 'follower' : 'learner';
  }
}
