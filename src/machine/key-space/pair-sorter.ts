import { assertNever } from '../../core/assert.ts';
import { compareBytes } from '../../core/bytes.ts';
import { compareInt64 } from './int64.ts';
import type { KeyValue, RangeRequest, SortTarget } from './requests.ts';

type Sort = NonNullable<RangeRequest['sort']>;

/** Two runs on their way into one. */
interface Merge {
  readonly a: readonly KeyValue[];
  readonly b: readonly KeyValue[];
  readonly merged: KeyValue[];
  fromA: number;
  fromB: number;
}

/**
 * Sorts pairs that come in batches, in steps of bounded length: each batch is sorted by itself, and the sorted runs are
 * merged in pairs. With a limit, whatever it will drop is dropped at once.
 */
export class PairSorter {
  readonly #compare: (a: KeyValue, b: KeyValue) => number;
  readonly #limit: number;
  readonly #batch: number;
  readonly #runs: KeyValue[][] = [];
  #merge: Merge | undefined;

  /** `limit` 0 keeps all; batches have up to `batch` pairs. */
  constructor(sort: Sort, limit: number, batch: number) {
    this.#compare = (a, b) => {
      const difference = compareBy(sort.target, a, b);
      if (difference !== 0) return sort.descending ? -difference : difference;
      return compareBytes(a.key, b.key);
    };
    this.#limit = limit === 0 ? Number.POSITIVE_INFINITY : limit;
    this.#batch = batch;
  }

  add(pairs: readonly KeyValue[]): void {
    if (pairs.length === 0) return;
    // A run that stays short is sorted again with what comes, so that few are kept however many come.
    const short = this.#limit <= this.#batch ? (this.#runs.pop() ?? []) : [];
    this.#runs.push(this.#cut([...short, ...pairs].sort(this.#compare)));
  }

  /** Merges up to `maxPairs` pairs, after the last batch was added; true when all are in order. */
  advance(maxPairs: number): boolean {
    for (let left = maxPairs; left > 0; ) {
      this.#merge ??= this.#next();
      if (this.#merge === undefined) return true;
      left -= this.#advanceMerge(this.#merge, left);
    }
    return false;
  }

  /** The pairs in order, once `advance` has said so. */
  sorted(): readonly KeyValue[] {
    return this.#runs[0] ?? [];
  }

  #next(): Merge | undefined {
    if (this.#runs.length < 2) return undefined;
    const [a, b] = this.#runs.splice(0, 2) as [KeyValue[], KeyValue[]];
    return { a, b, merged: [], fromA: 0, fromB: 0 };
  }

  #advanceMerge(merge: Merge, maxPairs: number): number {
    const { a, b, merged } = merge;
    const before = merged.length;
    const size = Math.min(a.length + b.length, this.#limit);
    const end = Math.min(size, before + maxPairs);
    while (merged.length < end) {
      const nextA = a[merge.fromA];
      const nextB = b[merge.fromB];
      const takeA = nextB === undefined || (nextA !== undefined && this.#compare(nextA, nextB) < 0);
      if (takeA) merge.fromA++;
      else merge.fromB++;
      merged.push((takeA ? nextA : nextB) as KeyValue);
    }
    if (end === size) {
      this.#runs.push(merged);
      this.#merge = undefined;
    }
    return end - before;
  }

  #cut(run: KeyValue[]): KeyValue[] {
    if (run.length > this.#limit) run.length = this.#limit;
    return run;
  }
}

function compareBy(target: SortTarget, a: KeyValue, b: KeyValue): number {
  switch (target) {
    case 'key':
      return compareBytes(a.key, b.key);
    case 'value':
      return compareBytes(a.value, b.value);
    case 'version':
      return compareInt64(a.version, b.version);
    case 'create':
      return compareInt64(a.createRevision, b.createRevision);
    case 'mod':
      return compareInt64(a.modRevision, b.modRevision);
    default:
      return assertNever(target);
  }
}
