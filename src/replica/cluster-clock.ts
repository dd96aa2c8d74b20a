import { type ClusterTime, clusterTime, type Millis } from '../core/ids.ts';

/** What time it is for the cluster, as far as a replica can tell from what it has applied. */
export class ClusterClock {
  #time: ClusterTime;
  #at: Millis;

  /** `time`: of the last entry applied, `now` on the clock of this host. */
  constructor(time: ClusterTime, now: Millis) {
    this.#time = time;
    this.#at = now;
  }

  applied(time: ClusterTime, now: Millis): void {
    this.#time = time;
    this.#at = now;
  }

  /** At most what the leader would stamp now, by as long as entries take to get here; stands still when nobody leads. */
  estimate(now: Millis, led: boolean): ClusterTime {
    return led ? clusterTime(this.#time + (now - this.#at)) : this.#time;
  }
}
