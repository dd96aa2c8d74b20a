import { assert } from '../core/assert.ts';
import type { Epoch, Index, Millis } from '../core/ids.ts';
import { maxOutstandingBytes, resubmitMs } from '../core/limits.ts';
import type { Refusal } from '../protocol/index.ts';
import type { Outcome } from './types.ts';

/** A command on its way into the order, under the session of this start. */
interface Proposal extends Submission {
  readonly deadline: Millis;
  readonly settle: (outcome: Outcome) => void;
  /** Submissions that were not refused: while there is one, a copy may be in somebody's log. */
  copies: number;
  submittedAt: Millis;
  queued: boolean;
  settled: boolean;
}

export interface Submission {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

const none: readonly Submission[] = [];

/**
 * The commands that clients of this replica wait for. Whenever a submission may have been lost it is made again: the
 * session executes each sequence at most once, so that a client sees a pause instead of an error. A command of which no
 * copy can exist is refused at its deadline; any other is unknown.
 */
export class Proposals {
  /** By sequence, ascending. */
  readonly #pending = new Map<number, Proposal>();
  readonly #window: number;
  #queue: Proposal[] = [];
  #next = 1;
  #bytes = 0;

  /** `window`: how far sequences may run ahead of the oldest that is outstanding, as the session allows. */
  constructor(window: number) {
    this.#window = window;
  }

  get outstanding(): number {
    return this.#pending.size;
  }

  /** False when as many commands are outstanding as the session remembers, or too many bytes of them. */
  hasRoom(bytes: number): boolean {
    return this.#next - this.#oldest() < this.#window && this.#bytes + bytes <= maxOutstandingBytes;
  }

  /** `encode` gets the sequence, and the mark below which nothing is outstanding any more. */
  add(
    encode: (sequence: number, acknowledgedBelow: number) => Uint8Array,
    deadline: Millis,
    settle: (outcome: Outcome) => void,
  ): void {
    assert(this.hasRoom(0), 'a command was added beyond the session window');
    const acknowledgedBelow = this.#oldest();
    const sequence = this.#next++;
    const proposal: Proposal = {
      sequence,
      payload: encode(sequence, acknowledgedBelow),
      deadline,
      settle,
      copies: 0,
      submittedAt: 0 as Millis,
      queued: true,
      settled: false,
    };
    this.#pending.set(sequence, proposal);
    this.#queue.push(proposal);
    this.#bytes += proposal.payload.length;
  }

  /** The queued commands, oldest first, up to `maxBytes` of payload, but one at least. They count as submitted. */
  take(now: Millis, maxBytes: number): readonly Submission[] {
    if (this.#queue.length === 0) return none;
    const taken: Submission[] = [];
    let bytes = 0;
    let at = 0;
    for (; at < this.#queue.length; at++) {
      const proposal = this.#queue[at] as Proposal;
      if (proposal.settled) continue;
      bytes += proposal.payload.length;
      if (bytes > maxBytes && taken.length > 0) break;
      proposal.queued = false;
      proposal.copies++;
      proposal.submittedAt = now;
      taken.push(proposal);
    }
    this.#queue = this.#queue.slice(at);
    return taken;
  }

  /** These submissions certainly did not leave this replica: they wait for the next chance. */
  putBack(submissions: readonly Submission[]): void {
    const returned: Proposal[] = [];
    for (const { sequence } of submissions) {
      const proposal = this.#pending.get(sequence);
      if (proposal === undefined) continue;
      proposal.copies--;
      proposal.queued = true;
      returned.push(proposal);
    }
    this.#queue = [...returned, ...this.#queue];
  }

  /** Queues everything again, in order: whoever had it may have lost it. */
  resubmit(): void {
    this.#requeue(() => true);
  }

  /**
   * Queues again what was submitted long ago without an effect, each time after a longer wait. A command that `leading`
   * this replica took into its own log is not lost, however long it takes.
   */
  resubmitStale(now: Millis, leading: boolean): void {
    const isStale = ({ copies, submittedAt }: Proposal): boolean =>
      leading ? copies === 0 : now - submittedAt >= resubmitMs * Math.max(1, Math.min(copies, 8));
    for (const proposal of this.#pending.values()) {
      if (!proposal.queued && isStale(proposal)) return this.#requeue(isStale);
    }
  }

  /** The command was executed, now or before. */
  executed(sequence: number, result: Uint8Array, index: Index, epoch: Epoch): void {
    this.#settle(this.#pending.get(sequence), { type: 'done', result, index, epoch });
  }

  /** The command was executed, but its result is not remembered any more. */
  resultLost(sequence: number): void {
    this.#settle(this.#pending.get(sequence), { type: 'unknown', reason: 'resultLost' });
  }

  /**
   * A submission was not taken. The client is told when no other copy can exist, unless leadership is only on the move:
   * then, and when a copy may exist, the command waits for the next chance or its deadline.
   */
  refused(sequence: number, reason: Refusal): void {
    const proposal = this.#pending.get(sequence);
    if (proposal === undefined) return;
    proposal.copies--;
    const passing = reason === 'notLeader' || reason === 'transferring';
    if (proposal.copies === 0 && !passing) this.#settle(proposal, { type: 'refused', reason });
  }

  expire(now: Millis): void {
    for (const proposal of this.#pending.values()) {
      if (proposal.deadline > now) continue;
      const possible = proposal.copies > 0;
      this.#settle(
        proposal,
        possible ? { type: 'unknown', reason: 'timeout' } : { type: 'refused', reason: 'noLeader' },
      );
    }
  }

  /** The replica ends: what was submitted may still happen. */
  settleAll(): void {
    for (const proposal of this.#pending.values()) {
      const possible = proposal.copies > 0;
      this.#settle(
        proposal,
        possible ? { type: 'unknown', reason: 'stopped' } : { type: 'refused', reason: 'stopping' },
      );
    }
  }

  #requeue(wanted: (proposal: Proposal) => boolean): void {
    this.#queue = [];
    for (const proposal of this.#pending.values()) {
      proposal.queued ||= wanted(proposal);
      if (proposal.queued) this.#queue.push(proposal);
    }
  }

  #oldest(): number {
    const first = this.#pending.keys().next();
    return first.done ? this.#next : first.value;
  }

  #settle(proposal: Proposal | undefined, outcome: Outcome): void {
    if (proposal === undefined) return;
    this.#pending.delete(proposal.sequence);
    this.#bytes -= proposal.payload.length;
    proposal.settled = true;
    proposal.settle(outcome);
  }
}
