import {
  maxWatchRoundBytes,
  maxWatchRoundEvents,
  rangeSliceBytes,
  rangeSliceKeys,
} from '../../core/limits.ts';
import type { ReadStore } from '../../core/store.ts';
import { type EventCursor, type KeyEvent, readEvents } from '../../machine/index.ts';
import { keyText } from './key-text.ts';
import type { RangeGroup } from './range-group.ts';
import type { RangeIndex } from './range-index.ts';
import type { WatchEvent } from './watch.ts';

export type Gathered =
  /** All events through this revision are with their groups. */
  | { readonly type: 'through'; readonly revision: number; readonly groups: ReadonlySet<RangeGroup> }
  /** What was to be read is gone; the first revision that is not. */
  | { readonly type: 'compacted'; readonly revision: number }
  /** The replica does not run any more. */
  | { readonly type: 'stopped' };

/**
 * Reads whole revisions of the history, from `from` on and at most through `upTo`, and puts each event with the groups
 * whose keys it changes. Yields between slices; reads on until a revision is complete, and stops before the next one
 * once there is enough for a round. `first` tells below which revision nothing may be read.
 */
export function* gather(
  peek: () => ReadStore | undefined,
  index: RangeIndex,
  from: number,
  upTo: number,
  first: (store: ReadStore) => number,
): Generator<undefined, Gathered, undefined> {
  const round = new Round(index);
  let cursor: EventCursor = { revision: from, order: 0 };
  for (;;) {
    const store = peek();
    if (store === undefined) return { type: 'stopped' };
    const slice = { keys: rangeSliceKeys, bytes: rangeSliceBytes };
    const take = (event: KeyEvent): boolean => round.take(event);
    const read = readEvents(store, cursor, upTo, slice, take, first(store));
    if (read.type === 'compacted') return read;
    if (read.type === 'done') return { type: 'through', revision: upTo, groups: round.groups };
    cursor = read.next;
    if (cursor.order === 0 && round.full)
      return { type: 'through', revision: cursor.revision - 1, groups: round.groups };
    yield;
  }
}

/** What one round gathers. */
class Round {
  readonly groups = new Set<RangeGroup>();
  readonly #index: RangeIndex;
  readonly #matching: RangeGroup[] = [];
  #events = 0;
  #bytes = 0;

  constructor(index: RangeIndex) {
    this.#index = index;
  }

  get full(): boolean {
    return this.#events >= maxWatchRoundEvents || this.#bytes >= maxWatchRoundBytes;
  }

  /** False, and nothing taken, when a revision would begin that does not belong to this round any more. */
  take(event: KeyEvent): boolean {
    if (event.order === 0 && this.full) return false;
    this.#events++;
    const matching = this.#matching;
    matching.length = 0;
    this.#index.visit(keyText(event.key), (group) => matching.push(group));
    if (matching.length === 0) return true;
    const wantPrevious = matching.some((group) => group.wantPrevious > 0);
    const taken = watchEvent(event, wantPrevious);
    for (const group of matching) {
      if (!this.groups.has(group)) {
        this.groups.add(group);
        group.events = [];
      }
      group.events.push(taken);
    }
    // What is held is the pair, once; each group adds a reference.
    this.#events += matching.length - 1;
    this.#bytes += taken.pair.value.length + (taken.previous?.value.length ?? 0);
    return true;
  }
}

function watchEvent(event: KeyEvent, wantPrevious: boolean): WatchEvent {
  const { type, revision } = event;
  return { type, revision, pair: event.pair(), previous: wantPrevious ? event.previous() : undefined };
}
