import type { Clock, Timer } from '../core/clock.ts';
import type { Millis } from '../core/ids.ts';

/**
 * One timer for a deadline that moves all the time. A timer that is set earlier than needed is left alone: it only looks
 * and is set again, which is cheaper than a new timer for each move.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => void;
  #armed: { readonly at: Millis; readonly timer: Timer } | undefined;

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `at` or, harmlessly, earlier; undefined asks for nothing. */
  set(at: Millis | undefined): void {
    if (at === undefined) return;
    if (this.#armed !== undefined && this.#armed.at <= at) return;
    this.cancel();
    const timer = this.#clock.setTimer(at, () => {
      this.#armed = undefined;
      this.#ring();
    });
    this.#armed = { at, timer };
  }

  cancel(): void {
    this.#armed?.timer.cancel();
    this.#armed = undefined;
  }
}
