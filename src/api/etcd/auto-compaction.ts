import type { Clock, Timer } from '../../core/clock.ts';
import { type Millis, millis } from '../../core/ids.ts';
import {
  compactedRevision,
  currentRevision,
  encodeCommand,
  encodeOfReplica,
  machineView,
} from '../../machine/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import { maxCompactionIntervalMs } from '../limits.ts';

/** How much history is kept: that of so many milliseconds, or so many revisions. */
export type Retention =
  | { readonly type: 'periodic'; readonly ms: number }
  | { readonly type: 'revision'; readonly revisions: bigint };

export interface AutoCompactionOptions {
  readonly replica: ReplicaHandle;
  readonly clock: Clock;
  readonly retention: Retention;
  /** Told of the revision that history was compacted to. */
  readonly onCompacted: (revision: bigint) => void;
}

interface Sample {
  readonly at: Millis;
  readonly revision: bigint;
}

/** Compacts history from time to time. Every replica keeps count, so that a new leader can go on; the leader compacts. */
export class AutoCompaction {
  readonly #options: AutoCompactionOptions;
  readonly #intervalMs: number;
  /** Present revisions in the past, oldest first; those of one retention at most. */
  readonly #samples: Sample[] = [];
  #timer: Timer;

  constructor(options: AutoCompactionOptions) {
    const { retention } = options;
    this.#options = options;
    const step = retention.type === 'periodic' ? Math.ceil(retention.ms / 10) : maxCompactionIntervalMs;
    this.#intervalMs = Math.min(step, maxCompactionIntervalMs);
    this.#timer = this.#again();
  }

  close(): void {
    this.#timer.cancel();
  }

  #again(): Timer {
    const { clock } = this.#options;
    return clock.setTimer(millis(clock.now() + this.#intervalMs), () => {
      this.#timer = this.#again();
      this.#look();
    });
  }

  #look(): void {
    const { replica, retention } = this.#options;
    const state = replica.peek();
    if (state === undefined) return;
    const store = machineView(state);
    const present = currentRevision(store);
    const revision =
      retention.type === 'revision' ? present - retention.revisions : this.#before(retention.ms, present);
    if (revision <= compactedRevision(store) || replica.status().role !== 'leader') return;
    void this.#compact(revision);
  }

  /** The present revision of so long ago, or 0 when that is not known. */
  #before(ms: number, present: bigint): bigint {
    const now = this.#options.clock.now();
    this.#samples.push({ at: now, revision: present });
    let revision = 0n;
    for (let oldest = this.#samples[0]; oldest !== undefined && oldest.at <= now - ms; ) {
      revision = oldest.revision;
      const second = this.#samples[1];
      // The latest one that is old enough stays: it is the one to go by until the next one is.
      if (second === undefined || second.at > now - ms) break;
      this.#samples.shift();
      oldest = second;
    }
    return revision;
  }

  /** Whatever becomes of it, the next look will see. */
  async #compact(revision: bigint): Promise<void> {
    const command = encodeOfReplica(encodeCommand({ type: 'compact', revision }));
    const outcome = await this.#options.replica.propose(command);
    if (outcome.type === 'done') this.#options.onCompacted(revision);
  }
}
