import { type ClusterTime, clusterTime, type Epoch, type Millis, millis } from '../core/ids.ts';
import { defaultTimeoutMs, dutyIntervalMs, dutyStallMs } from '../core/limits.ts';
import type { ReadStore } from '../core/store.ts';
import type { MachineDuties } from '../machine/index.ts';
import type { CommittedEntry } from '../protocol/index.ts';
import type { Outcome } from './types.ts';

export interface DutiesOptions {
  /** Undefined when the machine has none. */
  readonly duties: MachineDuties | undefined;
  /** The machine's part of what is applied. */
  readonly state: () => ReadStore;
  readonly propose: (command: Uint8Array, timeoutMs: number, settle: (outcome: Outcome) => void) => void;
}

/** What is known of one leadership of this replica. */
interface Term {
  readonly epoch: Epoch;
  /** `lead()` has to be ordered before anything else. */
  unprepared: boolean;
  underWay: boolean;
  /** A command of ours was executed, so there may be more to do at once. */
  busy: boolean;
  lookedAt: Millis;
  /** From this host's clock to cluster time: the most that was seen, which is of the entry that took the least. */
  offset: number | undefined;
}

/**
 * Orders what the machine does by itself, where this replica leads: one command at a time, through the same proposals as
 * all others. It looks at short and regular intervals; an interval that was long, or an entry that took long to come
 * back, means that others could not make themselves heard meanwhile, so everything begins anew.
 */
export class Duties {
  readonly #options: DutiesOptions;
  #term: Term | undefined;
  /** The machine has nothing to do by itself, or no more. */
  #ended: boolean;

  constructor(options: DutiesOptions) {
    this.#options = options;
    this.#ended = options.duties === undefined;
  }

  /** When to look again; undefined where this replica does not lead. */
  get deadline(): Millis | undefined {
    const term = this.#term;
    return term === undefined ? undefined : millis(term.lookedAt + dutyIntervalMs);
  }

  /** This replica leads in `epoch` from `now` on, or does not when it is undefined. */
  led(epoch: Epoch | undefined, now: Millis): void {
    if (this.#ended || this.#term?.epoch === epoch) return;
    this.#term =
      epoch === undefined
        ? undefined
        : { epoch, unprepared: true, underWay: false, busy: true, lookedAt: now, offset: undefined };
  }

  /** Orders nothing from now on. */
  end(): void {
    this.#ended = true;
    this.#term = undefined;
  }

  /** An entry was applied just now. */
  applied({ epoch, time }: CommittedEntry, now: Millis): void {
    const term = this.#term;
    if (term?.epoch !== epoch) return;
    term.offset = Math.max(term.offset ?? time - now, time - now);
    if (now + term.offset - time > dutyStallMs) term.unprepared = true;
  }

  /** To be called in every turn, after what there was to apply. `time`: of the last entry applied. */
  turn(now: Millis, time: ClusterTime): void {
    const term = this.#term;
    const { duties } = this.#options;
    if (term === undefined || duties === undefined) return;
    const since = now - term.lookedAt;
    if (since > dutyStallMs) term.unprepared = true;
    if (since < dutyIntervalMs && !term.busy) return;
    term.lookedAt = now;
    if (term.underWay) return;
    term.busy = false;
    if (term.unprepared) return this.#propose(term, duties.lead(), 'lead');
    const { epoch, offset } = term;
    const present = offset === undefined ? time : clusterTime(Math.max(time, now + offset));
    const command = duties.next(this.#options.state(), { applied: time, now: present }, epoch);
    if (command !== undefined) this.#propose(term, command, 'duty');
  }

  #propose(term: Term, command: Uint8Array, kind: 'lead' | 'duty'): void {
    term.underWay = true;
    // What is found out while it is under way counts for the next time.
    if (kind === 'lead') term.unprepared = false;
    this.#options.propose(command, defaultTimeoutMs, (outcome) => {
      term.underWay = false;
      term.busy = outcome.type === 'done';
      if (kind === 'lead' && outcome.type !== 'done') term.unprepared = true;
    });
  }
}
