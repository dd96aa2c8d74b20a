import { type Epoch, index, type Millis, type NodeId, type Token, token } from '../../core/ids.ts';
import {
  checkpointLogBytes,
  logCompactionStride,
  maxAppendBytes,
  maxLogBytes,
  maxLogTailBytes,
  maxLogTailEntries,
} from '../../core/limits.ts';
import type { Random } from '../../core/random.ts';
import type {
  Configuration,
  Effect,
  JournalRecord,
  LeaseReads,
  ProtocolOptions,
  Refusal,
  Retention,
  Timing,
} from '../../protocol/index.ts';
import { isVoter } from '../../protocol/index.ts';
import { hasJointMajority, jointMajorityValue } from '../../quorum/index.ts';
import type { InForceFrom } from './configuration.ts';
import type { Entry, MessageOf, RaftMessage } from './messages.ts';
import { entryRecord, type HardState, hardStateRecord } from './records.ts';
import type { Rules } from './rules.ts';
import type { LeaderState, State } from './state.ts';

export type RaftEffect = Effect<RaftMessage>;

const serverRetention: Retention = {
  tailEntries: maxLogTailEntries,
  tailBytes: maxLogTailBytes,
  stride: logCompactionStride,
  checkpointBytes: checkpointLogBytes,
};

/**
 * The state of one replica and what the present step does with it. A step has at most one write: its records are
 * gathered here, in order, and everything that depends on them names the write's token.
 */
export class Context {
  readonly self: NodeId;
  readonly timing: Timing;
  readonly random: Random;
  readonly retention: Retention;
  readonly maxAppendBytes: number;
  readonly rules: Rules;
  /** Undefined unless leases are to be used. */
  readonly leaseReads: LeaseReads | undefined;
  /** For how long, in ms, leaders may rely on it that this replica votes for nobody; 0 without lease reads. */
  readonly promise: number;
  readonly state: State;
  now: Millis;
  #records: JournalRecord[] = [];
  #effects: RaftEffect[] = [];
  #hardStateLast = false;
  /** Acknowledgements of one step are merged: the last says it all. */
  #ack: { to: NodeId; message: MessageOf<'appendAck'> } | undefined;

  constructor(options: ProtocolOptions, rules: Rules, state: State, now: Millis) {
    this.self = options.self;
    this.timing = options.timing;
    this.random = options.random;
    this.retention = options.retention ?? serverRetention;
    this.maxAppendBytes = options.maxAppendBytes ?? maxAppendBytes;
    this.rules = rules;
    this.leaseReads = options.leaseReads;
    this.promise = options.leaseReads === undefined ? 0 : options.timing.electionTimeout;
    this.state = state;
    this.now = now;
  }

  get term(): Epoch {
    return this.state.hardState.term;
  }

  get inForce(): InForceFrom {
    return this.rules.inForce(this.state.configurations, this.state.commit);
  }

  get configuration(): Configuration {
    return this.inForce.configuration;
  }

  get votes(): boolean {
    return isVoter(this.configuration, this.self);
  }

  /** Whether this replica may stand for election. */
  get campaigns(): boolean {
    return this.rules.mayCampaign(this.state.configurations, this.state.commit, this.self);
  }

  isQuorum(supports: (id: NodeId) => boolean): boolean {
    return hasJointMajority(this.rules.electorate(this.configuration), supports);
  }

  /** The largest value that a quorum has reached. */
  quorumValue(reached: (id: NodeId) => number): number {
    return jointMajorityValue(this.rules.electorate(this.configuration), reached);
  }

  get leadership(): LeaderState | undefined {
    return this.state.role.type === 'leader' ? this.state.role : undefined;
  }

  get leader(): NodeId | undefined {
    const { role } = this.state;
    if (role.type === 'leader') return this.self;
    return role.type === 'follower' ? role.leader : undefined;
  }

  /** The disk is full, or the host is so late in making its state durable that the log would grow without bound. */
  get cannotStore(): boolean {
    return this.state.storage.full || this.state.log.bytes > maxLogBytes;
  }

  emit(effect: RaftEffect): void {
    this.#effects.push(effect);
  }

  refuse(id: Extract<RaftEffect, { type: 'refuse' }>['id'], reason: Refusal): void {
    this.emit({ type: 'refuse', id, reason });
  }

  trace(event: string, detail: string): void {
    this.emit({ type: 'trace', event, detail });
  }

  send(to: NodeId, message: RaftMessage): void {
    this.emit({ type: 'send', to, message });
  }

  /** Sends when `after` is durable, which may be now. */
  sendAfter(after: Token, to: NodeId, message: RaftMessage): void {
    if (after <= this.state.storage.durableToken) this.send(to, message);
    else this.emit({ type: 'send', to, message, after });
  }

  /** For messages that say or imply the present term or vote. */
  sendAfterHardState(to: NodeId, message: RaftMessage): void {
    this.sendAfter(this.state.storage.hardStateToken, to, message);
  }

  acknowledge(to: NodeId, message: MessageOf<'appendAck'>): void {
    const merges = this.#ack?.to === to && this.#ack.message.term === message.term;
    if (!merges || message.match > (this.#ack?.message.match ?? 0)) this.#ack = { to, message };
  }

  persist(record: JournalRecord): void {
    this.#records.push(record);
    this.#hardStateLast = false;
  }

  persistEntry(entry: Entry): void {
    this.persist(entryRecord(entry));
  }

  /** Written in its place between the entries: a term is durable before, or with, what is written in it. */
  changeHardState(change: Partial<HardState>): void {
    const { state } = this;
    state.hardState = { ...state.hardState, ...change };
    if (this.#hardStateLast) this.#records.pop();
    this.persist(hardStateRecord(state.hardState));
    this.#hardStateLast = true;
    state.storage.hardStateToken = this.writeToken;
  }

  /** Names the last write, which is this step's when there is something to write. */
  get writeToken(): Token {
    const { lastToken } = this.state.storage;
    return this.#records.length > 0 ? token(lastToken + 1) : lastToken;
  }

  /** Ends the step. */
  takeEffects(): RaftEffect[] {
    const { storage, log } = this.state;
    if (this.#ack !== undefined) {
      const { to, message } = this.#ack;
      if (message.term === this.term) this.sendAfter(this.writeToken, to, message);
      this.#ack = undefined;
    }
    const effects = this.#effects;
    if (this.#records.length > 0) {
      storage.lastToken = this.writeToken;
      storage.writes.push({ token: storage.lastToken, lastIndex: index(log.lastIndex) });
      effects.unshift({ type: 'persist', token: storage.lastToken, records: this.#records });
      this.#records = [];
      this.#hardStateLast = false;
    }
    this.#effects = [];
    return effects;
  }
}
