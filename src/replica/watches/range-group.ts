import type { Watch, WatchEvent } from './watch.ts';

/** The watches of one and the same range, and what they are to be told next. */
export class RangeGroup {
  readonly from: string;
  readonly to: string | undefined;
  readonly watches = new Set<Watch>();
  /** How many of them want the pairs before. */
  wantPrevious = 0;
  /** Gathered by the round under way. */
  events: WatchEvent[] = [];

  constructor(from: string, to: string | undefined) {
    this.from = from;
    this.to = to;
  }
}
