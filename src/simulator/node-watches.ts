import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { ReplicaCore } from '../replica/replica-core.ts';
import { WatchHub } from '../replica/watches/hub.ts';
import type { WatchSink } from '../replica/watches/watch.ts';
import type { WatchStream } from '../replica/watches/watch-stream.ts';

/** Milliseconds between two messages of periodic progress. */
const progressIntervalMs = 2_000;

/** The watches at one machine: gone with each life of its replica. */
export class NodeWatches {
  readonly #onFault: (error: unknown) => void;
  readonly #lost = new Set<() => void>();
  #core: ReplicaCore | undefined;
  #hub: WatchHub | undefined;

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  opened(core: ReplicaCore, clock: Clock, random: Random): void {
    this.#core = core;
    this.#hub = new WatchHub({ replica: core, clock, random, progressIntervalMs, onFault: this.#onFault });
  }

  /** Undefined while nothing can be watched here. */
  stream(sink: WatchSink, lost: () => void): WatchStream | undefined {
    if (this.#hub === undefined || this.#core?.peek() === undefined) return undefined;
    this.#lost.add(lost);
    return this.#hub.stream(sink);
  }

  gone(): void {
    this.#core = undefined;
    this.#hub = undefined;
    const lost = [...this.#lost];
    this.#lost.clear();
    for (const each of lost) each();
  }
}
