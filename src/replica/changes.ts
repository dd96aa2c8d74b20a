import { type CommandId, commandId, type Millis, type NodeId } from '../core/ids.ts';
import { maxPendingChanges, resubmitMs } from '../core/limits.ts';
import {
  type Configuration,
  type Input,
  isReached,
  type Reconfiguration,
  type Refusal,
  reconfigured,
} from '../protocol/index.ts';
import { type ChangeRequest, encodeChange, encodeChangeRefused, frameKind } from './frames.ts';
import type { Leader, Links } from './submissions.ts';
import type { ChangeOutcome, RefusedReason } from './types.ts';

interface Change {
  readonly number: number;
  readonly change: Reconfiguration;
  readonly deadline: Millis;
  readonly settle: (outcome: ChangeOutcome) => void;
  /** Requests that were not refused: while there is one, the change may be in somebody's log. */
  copies: number;
  /** Why it was not taken when it was last asked for. */
  refusal: RefusedReason;
  askedAt: Millis | undefined;
}

/**
 * Whose requests may be refused yet. The protocol holds one change at a time back, and answers for all others that it does not take
 * in the step that it got them in: so an older one than these was taken.
 */
const maxAskers = 2 * maxPendingChanges + 1;

/** Asked for by a request that the protocol has got. */
interface Asker {
  readonly origin: NodeId;
  readonly incarnation: number;
  readonly number: number;
}

/**
 * Changes of membership on their way to the leader. Each is a goal about the configuration: asked for, again and again,
 * until the configuration that is applied here has reached it. So a change of the leader in between does not matter, and
 * asking twice does not harm. Their command ids are negative, which tells them from commands.
 */
export class Changes {
  readonly #self: NodeId;
  readonly #incarnation: number;
  readonly #links: Links;
  #waiting: Change[] = [];
  #forwarded: { readonly asker: Asker; readonly change: Reconfiguration }[] = [];
  readonly #askers = new Map<CommandId, Asker>();
  #lastNumber = 0;
  #lastId = 0;
  #applied: Configuration;

  constructor(self: NodeId, incarnation: number, links: Links, applied: Configuration) {
    this.#self = self;
    this.#incarnation = incarnation;
    this.#links = links;
    this.#applied = applied;
  }

  get outstanding(): number {
    return this.#waiting.length;
  }

  request(change: Reconfiguration, deadline: Millis, settle: (outcome: ChangeOutcome) => void): void {
    if (isReached(this.#applied, change)) {
      const refusal = reconfigured(this.#applied, change);
      if (typeof refusal === 'string') settle({ type: 'refused', reason: refusal });
      else settle({ type: 'done', configuration: this.#applied });
      return;
    }
    if (this.#waiting.length >= maxPendingChanges) return settle({ type: 'refused', reason: 'overloaded' });
    const number = ++this.#lastNumber;
    this.#waiting.push({
      number,
      change,
      deadline,
      settle,
      copies: 0,
      refusal: 'noLeader',
      askedAt: undefined,
    });
  }

  /** A peer takes us for the leader. */
  forwarded(origin: NodeId, { incarnation, number, change }: ChangeRequest): void {
    if (this.#forwarded.length >= maxPendingChanges) return; // it will ask again
    this.#forwarded.push({ asker: { origin, incarnation, number }, change });
  }

  /** What the coming step is to take; asks the leader for the rest. */
  collect(now: Millis, { role, leader }: Leader): Input[] {
    const inputs: Input[] = [];
    if (this.#forwarded.length === 0 && this.#waiting.length === 0) return inputs;
    for (const { asker, change } of this.#forwarded) {
      if (role === 'leader') inputs.push(this.#input(asker, change));
      else this.#refuseTo(asker, 'notLeader');
    }
    this.#forwarded = [];
    if (leader === undefined) return inputs;
    for (const each of this.#waiting) {
      if (each.askedAt !== undefined && now - each.askedAt < resubmitMs) continue;
      const { number, change } = each;
      const incarnation = this.#incarnation;
      if (role === 'leader') inputs.push(this.#input({ origin: this.#self, incarnation, number }, change));
      else if (!this.#links.send(leader, frameKind.change, encodeChange({ incarnation, number, change })))
        continue;
      each.copies++;
      each.askedAt = now;
    }
    return inputs;
  }

  /** The protocol does not take a change that `collect` gave it: at once, or when it has asked the others in vain. */
  refuse(id: CommandId, reason: Refusal): void {
    const asker = this.#askers.get(id);
    if (asker === undefined) return;
    this.#askers.delete(id);
    if (asker.origin === this.#self) this.refused(asker, reason);
    else this.#refuseTo(asker, reason);
  }

  /**
   * The leader did not take it, now. The client is told when no other request can have been taken, unless a better time
   * may come before the deadline.
   */
  refused({ incarnation, number }: Pick<Asker, 'incarnation' | 'number'>, reason: Refusal): void {
    const change = this.#waiting.find((each) => each.number === number);
    if (change === undefined || incarnation !== this.#incarnation) return;
    change.copies--;
    change.refusal = reason;
    const passing = reason === 'notLeader' || reason === 'transferring' || reason === 'reconfiguring';
    if (change.copies === 0 && !passing) this.#settle(change, { type: 'refused', reason });
  }

  /** This is the configuration now of all that is applied here. */
  applied(configuration: Configuration): void {
    this.#applied = configuration;
    for (const each of [...this.#waiting]) {
      if (isReached(configuration, each.change)) this.#settle(each, { type: 'done', configuration });
    }
  }

  /** Whoever was asked may have lost it. */
  again(): void {
    for (const each of this.#waiting) each.askedAt = undefined;
  }

  expire(now: Millis): void {
    for (const each of [...this.#waiting]) {
      if (each.deadline > now) continue;
      const possible = each.copies > 0;
      this.#settle(
        each,
        possible ? { type: 'unknown', reason: 'timeout' } : { type: 'refused', reason: each.refusal },
      );
    }
  }

  settleAll(): void {
    for (const each of [...this.#waiting]) {
      const possible = each.copies > 0;
      this.#settle(
        each,
        possible ? { type: 'unknown', reason: 'stopped' } : { type: 'refused', reason: 'stopping' },
      );
    }
  }

  #input(asker: Asker, change: Reconfiguration): Input {
    const id = commandId(--this.#lastId);
    this.#askers.set(id, asker);
    const [oldest] = this.#askers.keys();
    if (this.#askers.size > maxAskers && oldest !== undefined) this.#askers.delete(oldest);
    return { type: 'reconfigure', id, change };
  }

  #refuseTo({ origin, incarnation, number }: Asker, reason: Refusal): void {
    this.#links.send(origin, frameKind.changeRefused, encodeChangeRefused({ incarnation, number, reason }));
  }

  #settle(change: Change, outcome: ChangeOutcome): void {
    this.#waiting = this.#waiting.filter((each) => each !== change);
    change.settle(outcome);
  }
}
