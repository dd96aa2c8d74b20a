import { IntervalTree } from './interval-tree.ts';
import { RangeGroup } from './range-group.ts';
import type { Watch } from './watch.ts';

/** Finds the watches of a key: single keys in a hash table, ranges in an interval tree. */
export class RangeIndex {
  readonly #keys = new Map<string, RangeGroup>();
  readonly #ranges = new IntervalTree();
  #size = 0;

  /** Watches. */
  get size(): number {
    return this.#size;
  }

  add(watch: Watch): void {
    const group = isSingleKey(watch) ? this.#ofKey(watch) : this.#ranges.group(watch.from, watch.to);
    group.watches.add(watch);
    if (watch.previous) group.wantPrevious++;
    this.#size++;
  }

  /** The watch is there. */
  delete(watch: Watch): void {
    const single = isSingleKey(watch);
    const group = single ? this.#keys.get(watch.from) : this.#ranges.find(watch.from, watch.to);
    if (group?.watches.delete(watch) !== true) return;
    this.#size--;
    if (watch.previous) group.wantPrevious--;
    if (group.watches.size > 0) return;
    if (single) this.#keys.delete(watch.from);
    else this.#ranges.delete(watch.from, watch.to);
  }

  /** Calls `visit` with every group whose range holds the key. */
  visit(key: string, visit: (group: RangeGroup) => void): void {
    const single = this.#keys.get(key);
    if (single !== undefined) visit(single);
    this.#ranges.visit(key, visit);
  }

  *watches(): Generator<Watch> {
    for (const group of this.#keys.values()) yield* group.watches;
    for (const group of this.#ranges.groups()) yield* group.watches;
  }

  #ofKey(watch: Watch): RangeGroup {
    let group = this.#keys.get(watch.from);
    if (group === undefined) {
      group = new RangeGroup(watch.from, watch.to);
      this.#keys.set(watch.from, group);
    }
    return group;
  }
}

/** [k, k + "\0"). */
const isSingleKey = ({ from, to }: Watch): boolean =>
  to !== undefined &&
  to.length === from.length + 1 &&
  to.charCodeAt(from.length) === 0 &&
  to.startsWith(from);
