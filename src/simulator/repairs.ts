import type { Random } from '../core/random.ts';
import type { Scheduler } from './scheduler.ts';

interface RepairsOptions {
  readonly random: Random;
  readonly scheduler: Scheduler;
  /** The longest that a fault lasts. */
  readonly maxFaultMs: number;
}

/** What becomes of faults: each is undone some time later, and none undoes what another has broken since. */
export class Repairs {
  readonly #options: RepairsOptions;
  readonly #latest = new Map<string, number>();
  #faults = 0;
  #stopped = false;

  constructor(options: RepairsOptions) {
    this.#options = options;
  }

  /** Everything is repaired at once by whoever calls this. */
  stop(): void {
    this.#stopped = true;
  }

  /** For what counts its faults itself. */
  later(repair: () => void, atLeastMs = 0): void {
    const { random, maxFaultMs } = this.#options;
    this.after(atLeastMs + random.between(1, maxFaultMs), repair);
  }

  /** `part` stays broken until the fault that broke it last is over. */
  laterUnlessStruckAgain(part: string, repair: () => void, atLeastMs = 0): void {
    const fault = ++this.#faults;
    this.#latest.set(part, fault);
    this.later(() => {
      if (this.#latest.get(part) === fault) repair();
    }, atLeastMs);
  }

  /** Not when everything was repaired in between. */
  after(ms: number, action: () => void): void {
    this.#options.scheduler.schedule(ms, () => {
      if (!this.#stopped) action();
    });
  }
}
