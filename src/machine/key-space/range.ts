import { emptyBytes } from '../../core/bytes.ts';
import { rangeSliceKeys } from '../../core/limits.ts';
import type { ReadStore } from '../../core/store.ts';
import { PairSorter } from './pair-sorter.ts';
import { decodeRecord, isLive, type LiveRecord, pairOf } from './records.ts';
import type { KeyError, KeyValue, RangeRequest, RangeResult } from './requests.ts';
import { readCompactedRevision } from './revisions.ts';
import { KeyScan } from './scan.ts';
import type { Sliced, Turn } from './slices.ts';

/** Reads below the last compaction, and above the present revision, are refused; 0 or less is the present. */
export function checkRevision(store: ReadStore, revision: bigint, present: number): KeyError | undefined {
  if (revision <= 0n) return undefined;
  if (revision > present) return { type: 'error', code: 'futureRevision' };
  return checkCompacted(store, Number(revision));
}

export function checkCompacted(store: ReadStore, revision: number): KeyError | undefined {
  return revision < readCompactedRevision(store) ? { type: 'error', code: 'compacted' } : undefined;
}

/** The revision that a range is read at; `present` is the revision of what it is to see as the present. */
export const revisionRead = (request: RangeRequest, present: number): number =>
  request.revision <= 0n ? present : Number(request.revision);

/** The result of a range that was checked. */
export function* readRange(turn: Turn, request: RangeRequest, present: number): Sliced<RangeResult> {
  const query = new RangeQuery(request, present);
  while (!query.advance(turn)) yield;
  return query.result();
}

/** A range that is being read; `result` is there when `advance` has said so. */
export class RangeQuery {
  readonly #request: RangeRequest;
  readonly #scan: KeyScan;
  readonly #sorter: PairSorter | undefined;
  #done = false;
  #count = 0;
  #matches = 0;
  /** All that is to be answered, or what the sorter has not got yet. */
  #pairs: KeyValue[] = [];

  constructor(request: RangeRequest, present: number) {
    const { sort, limit } = request;
    this.#request = request;
    this.#scan = new KeyScan(request.range, revisionRead(request, present));
    this.#sorter = sort === undefined ? undefined : new PairSorter(sort, limit, rangeSliceKeys);
  }

  get done(): boolean {
    return this.#done;
  }

  /** Pairs that will be answered, as far as they are found; none while sorting, which may leave some out. */
  get gathered(): readonly KeyValue[] {
    return this.#pairs;
  }

  /** Goes on until the slice is over; true when the result is there. */
  advance({ store, slice }: Turn): boolean {
    if (!this.#scan.done) {
      this.#scan.advance(store, slice, this.#visit);
      this.#sorter?.add(this.#pairs);
      if (this.#sorter !== undefined) this.#pairs = [];
      if (!this.#scan.done) return false;
    }
    this.#done = this.#sorter?.advance(rangeSliceKeys) ?? true;
    return this.#done;
  }

  result(): RangeResult {
    const { limit, keysOnly } = this.#request;
    const pairs = this.#sorter?.sorted() ?? this.#pairs;
    return {
      type: 'range',
      pairs: keysOnly ? pairs.map(withoutValue) : pairs,
      more: limit > 0 && this.#matches > limit,
      count: this.#count,
    };
  }

  readonly #visit = (version: Uint8Array, bytes: Uint8Array): void => {
    if (!isLive(bytes)) return;
    this.#count++;
    if (this.#request.countOnly) return;
    const record = decodeRecord(version, bytes);
    if (record === undefined || !this.#passes(record)) return;
    this.#matches++;
    const { limit } = this.#request;
    const wanted = this.#sorter !== undefined || limit === 0 || this.#matches <= limit;
    if (wanted) this.#pairs.push(pairOf(version, record));
  };

  #passes(record: LiveRecord): boolean {
    const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = this.#request;
    if (minModRevision !== 0n && record.revision < minModRevision) return false;
    if (maxModRevision !== 0n && record.revision > maxModRevision) return false;
    if (minCreateRevision !== 0n && record.createRevision < minCreateRevision) return false;
    return maxCreateRevision === 0n || record.createRevision <= maxCreateRevision;
  }
}

function withoutValue(pair: KeyValue): KeyValue {
  return { ...pair, value: emptyBytes };
}
