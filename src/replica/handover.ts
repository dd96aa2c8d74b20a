import type { Clock } from '../core/clock.ts';
import { millis, type NodeId } from '../core/ids.ts';
import { awaitCondition } from './await-condition.ts';
import type { Driver } from './driver.ts';

/** Moves the lead to another replica. */
export class Handover {
  readonly #clock: Clock;
  readonly #driver: Driver;
  readonly #self: NodeId;
  /** Whether the replica ends, so that waiting is of no use. */
  readonly #ending: () => boolean;
  /** A successor that does not take over for so long is not going to. */
  readonly #patienceMs: number;
  #askAt = millis(0);

  constructor(clock: Clock, driver: Driver, self: NodeId, ending: () => boolean, patienceMs: number) {
    this.#clock = clock;
    this.#driver = driver;
    this.#self = self;
    this.#ending = ending;
    this.#patienceMs = patienceMs;
  }

  /** Calls back with whether somebody else (`to`, if given) leads before `timeoutMs` have passed. */
  transfer(to: NodeId | undefined, timeoutMs: number, callback: (moved: boolean) => void): void {
    if (this.#driver.leadership.role !== 'leader') return callback(false);
    this.#driver.input({ type: 'transfer', to });
    const moved = (): boolean => {
      const { leader } = this.#driver.leadership;
      return leader !== undefined && leader !== this.#self && (to === undefined || leader === to);
    };
    awaitCondition(this.#clock, moved, this.#ending, timeoutMs, callback);
  }

  /** Calls back with whether we lead no more, or nobody else could, before `timeoutMs` have passed. */
  giveUp(timeoutMs: number, callback: (done: boolean) => void): void {
    awaitCondition(this.#clock, () => this.given(), this.#ending, timeoutMs, callback);
  }

  /** Whether we lead no more, or nobody else could; asks for a successor again while it has not come about. */
  given(): boolean {
    if (this.#driver.leadership.role !== 'leader' || this.#driver.configuration.voters.length === 1)
      return true;
    const now = this.#clock.now();
    if (now >= this.#askAt) {
      this.#askAt = millis(now + this.#patienceMs);
      this.#driver.input({ type: 'transfer', to: undefined });
    }
    return false;
  }
}
