import type { NodeId } from '../core/ids.ts';

/** A machine of the world as faults see it. */
export interface Victim {
  readonly name: string;
  readonly id: NodeId;
  readonly state: 'up' | 'paused' | 'down';
  readonly leads: boolean;
  /** Was admitted to the cluster, now or earlier. */
  readonly tookPart: boolean;
  /** Will never take part again: has lost its disk, or is no member any more. */
  readonly retired: boolean;
  /** The process dies; with `powerCut` also everything that was not yet on the disk. */
  crash(powerCut: boolean): void;
  start(): void;
  pause(): void;
  resume(): void;
  slowDisk(factor: number): void;
  fillDisk(full: boolean): void;
  /** `failed` is called when there was a sync to fail. */
  failNextSync(failed: () => void): void;
  /** Its disk is replaced by an empty one, and it starts again under its old name. */
  loseDisk(): void;
  /** A bit of what is on its disk decays; false when there is nothing yet in which that must be noticed. */
  rot(): boolean;
  jumpClock(ms: number): void;
  /** Its clock runs fast or slow by so many parts in a million from now on. */
  setClockRate(ppm: number): void;
  /** An operator asks it to hand its lead over: to `to`, or to whom it likes. */
  handOver(to: Victim | undefined): void;
}
