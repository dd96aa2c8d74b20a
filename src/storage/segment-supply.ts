import type { Clock, Timer } from '../core/clock.ts';
import { millis } from '../core/ids.ts';
import { fullDiskCheckInterval } from '../core/limits.ts';
import type { DiskError } from './disk.ts';
import { type PrepareOptions, prepareSegment } from './prepare-segment.ts';
import type { Segment } from './segment.ts';

export interface SegmentSupplyOptions extends PrepareOptions {
  readonly clock: Clock;
  /** The first sequence number that no segment has. */
  readonly nextSequence: number;
  onReady(segment: Segment): void;
  /** What is missing for the next segment; undefined when there is room again. */
  onRoom(shortage: DiskError | undefined): void;
  onFailure(error: DiskError): void;
  /** After one of the above: nothing is being prepared now. */
  onIdle(): void;
}

/**
 * Prepares segments ahead of need, one at a time. When the disk is full it says so, long before anything has to be
 * written, and looks again until there is room.
 */
export class SegmentSupply {
  readonly #options: SegmentSupplyOptions;
  #nextSequence: number;
  #full = false;
  #preparing = false;
  #stopped = false;
  #timer: Timer | undefined;
  #wanted = 0;

  constructor(options: SegmentSupplyOptions) {
    this.#options = options;
    this.#nextSequence = options.nextSequence;
  }

  get full(): boolean {
    return this.#full;
  }

  get idle(): boolean {
    return !this.#preparing;
  }

  /** Asks for one segment of at least `capacity` bytes. Asked again before it is ready, the larger one is meant. */
  request(capacity: number): void {
    this.#wanted = Math.max(this.#wanted, capacity);
    this.#proceed();
  }

  /** Something was removed: looks at a full disk now instead of at the next interval. */
  roomMade(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#proceed();
  }

  /** Begins nothing any more; what is under way ends with `onIdle`. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #proceed(): void {
    if (this.#wanted === 0 || this.#preparing || this.#timer !== undefined || this.#stopped) return;
    this.#preparing = true;
    prepareSegment(this.#options, this.#nextSequence, this.#wanted, (error, segment) => {
      this.#preparing = false;
      if (error === undefined) this.#deliver(segment);
      else if (error.kind === 'full') this.#waitForRoom(error);
      else this.#options.onFailure(error);
      if (!this.#preparing) this.#options.onIdle();
    });
  }

  #deliver(segment: Segment): void {
    this.#nextSequence = segment.sequence + 1;
    if (segment.capacity >= this.#wanted) this.#wanted = 0;
    if (this.#full) {
      this.#full = false;
      this.#options.onRoom(undefined);
    }
    this.#options.onReady(segment);
    this.#proceed();
  }

  #waitForRoom(shortage: DiskError): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    this.#timer = clock.setTimer(millis(clock.now() + fullDiskCheckInterval), () => {
      this.#timer = undefined;
      this.#proceed();
    });
    if (this.#full) return;
    this.#full = true;
    this.#options.onRoom(shortage);
  }
}
