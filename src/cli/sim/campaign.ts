import { Worker } from 'node:worker_threads';
import type { WorldOrder } from './options.ts';
import { runOrder, type SeedResult } from './seed-result.ts';

/** Threads that run built files only: one of Node 20 does not inherit a loader of TypeScript. */
export const canThread = import.meta.url.endsWith('.js');

/** A world makes garbage faster than anything else; most of it dies young if there is room. */
const maxYoungGenerationSizeMb = 64;

/** The seeds of a campaign, in order, until there are no more, the time is over, or one has failed. */
export class Campaign {
  readonly #order: WorldOrder;
  readonly #last: number;
  readonly #mayGoOn: () => boolean;
  readonly #report: (result: SeedResult) => void;
  #next: number;
  #reported: number;
  #ended = false;
  /** Results of seeds before which another one is not done yet. */
  readonly #early = new Map<number, SeedResult>();

  /** `report` gets the results in the order of their seeds, up to and including the first failure. */
  constructor(
    order: WorldOrder,
    seeds: { readonly first: number; readonly last: number | undefined },
    mayGoOn: () => boolean,
    report: (result: SeedResult) => void,
  ) {
    this.#order = order;
    this.#next = seeds.first;
    this.#reported = seeds.first;
    this.#last = seeds.last ?? Number.MAX_SAFE_INTEGER;
    this.#mayGoOn = mayGoOn;
    this.#report = report;
  }

  /** In this thread. Between two worlds the event loop gets its turn, so that a signal is heard. */
  async run(): Promise<void> {
    for (let seed = this.#take(); seed !== undefined; seed = this.#take()) {
      this.#done(runOrder(seed, this.#order));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async runInThreads(threads: number): Promise<void> {
    const workers = Array.from(
      { length: threads },
      () =>
        new Worker(new URL('./worker.js', import.meta.url), {
          workerData: this.#order,
          resourceLimits: { maxYoungGenerationSizeMb },
        }),
    );
    try {
      await Promise.all(workers.map((worker) => this.#serve(worker)));
    } finally {
      await Promise.all(workers.map((worker) => worker.terminate()));
    }
  }

  #serve(worker: Worker): Promise<void> {
    return new Promise((resolve, reject) => {
      const next = (): void => {
        const seed = this.#take();
        if (seed === undefined) resolve();
        else worker.postMessage(seed);
      };
      worker.on('message', (result: SeedResult) => {
        this.#done(result);
        next();
      });
      worker.on('error', reject);
      next();
    });
  }

  #take(): number | undefined {
    if (this.#ended || this.#next > this.#last || !this.#mayGoOn()) return undefined;
    return this.#next++;
  }

  #done(result: SeedResult): void {
    this.#early.set(result.seed, result);
    if (result.verdict !== 'good') this.#ended = true;
    let next = this.#early.get(this.#reported);
    while (next !== undefined) {
      this.#early.delete(this.#reported++);
      this.#report(next);
      // What ran beside a failure says nothing more.
      if (next.verdict !== 'good') this.#reported = Number.POSITIVE_INFINITY;
      next = this.#early.get(this.#reported);
    }
  }
}
