import { emptyBytes } from '../../core/bytes.ts';
import { rangeSliceKeys } from '../../core/limits.ts';
import type { ReadStore } from '../../core/store.ts';
import { PairSorter } from './pair-sorter.ts';
import { decodeRecord, isLive, type LiveRecord, pairOf } from './records.ts';
import type { KeyAnswer, KeyError, KeyValue, RangeRequest, RangeResult } from './requests.ts';
import { KeyScan } from './scan.ts';
import { validate } from './validate.ts';
import { readCompactedRevision, readCurrentRevision } from './versions.ts';

/** Answers a range from `store`, the key space's part of a replica's state, in one go. */
export function range(store: ReadStore, request: RangeRequest): KeyAnswer {
  const slices = new RangeSlices(request);
  for (;;) {
    const answer = slices.next(store);
    if (answer !== undefined) return answer;
  }
}

/**
 * A range that is answered in slices, each of which holds the event loop for a few milliseconds. The first one pins the
 * revision; whatever is written between slices does not show.
 */
export class RangeSlices {
  readonly #request: RangeRequest;
  #present = 0;
  #query: RangeQuery | undefined;

  constructor(request: RangeRequest) {
    this.#request = request;
  }

  /**
   * Goes on for one slice; undefined means: call again, at leisure, with the state as it is then. The answer's revision
   * is that of the state that the first slice saw, so that nothing is missed by going on from there. A compaction
   * between slices may answer `compacted`.
   */
  next(store: ReadStore): KeyAnswer | undefined {
    const refusal =
      this.#query === undefined ? this.#begin(store) : checkCompacted(store, this.#query.pinned);
    if (refusal !== undefined) return { revision: BigInt(this.#present), result: refusal };
    if (this.#query?.advance(store) !== true) return undefined;
    return { revision: BigInt(this.#present), result: this.#query.result() };
  }

  #begin(store: ReadStore): KeyError | undefined {
    this.#present = readCurrentRevision(store);
    const error = validate(this.#request) ?? checkRevision(store, this.#request.revision);
    if (error === undefined) this.#query = new RangeQuery(this.#request, this.#present);
    return error;
  }
}

/** Reads below the last compaction, and above the present revision, are refused; 0 or less is the present. */
export function checkRevision(store: ReadStore, revision: bigint): KeyError | undefined {
  if (revision <= 0n) return undefined;
  if (revision > readCurrentRevision(store)) return { type: 'error', code: 'futureRevision' };
  return checkCompacted(store, Number(revision));
}

function checkCompacted(store: ReadStore, revision: number): KeyError | undefined {
  return revision < readCompactedRevision(store) ? { type: 'error', code: 'compacted' } : undefined;
}

/** The result of a range that was checked; `present` is the revision of what it is to see as the present. */
export function readRange(store: ReadStore, request: RangeRequest, present: number): RangeResult {
  const query = new RangeQuery(request, present);
  while (!query.advance(store));
  return query.result();
}

class RangeQuery {
  readonly #request: RangeRequest;
  readonly #scan: KeyScan;
  readonly #sorter: PairSorter | undefined;
  /** The revision that is read. */
  readonly pinned: number;
  #count = 0;
  #matches = 0;
  /** All that is to be answered, or what the sorter has not got yet. */
  #pairs: KeyValue[] = [];

  constructor(request: RangeRequest, present: number) {
    const { sort, limit } = request;
    this.#request = request;
    this.pinned = request.revision <= 0n ? present : Number(request.revision);
    this.#scan = new KeyScan(request.range, this.pinned);
    this.#sorter = sort === undefined ? undefined : new PairSorter(sort, limit, rangeSliceKeys);
  }

  /** One slice; true when the result is there. */
  advance(store: ReadStore): boolean {
    if (this.#scan.done) return this.#sorter?.advance(rangeSliceKeys) ?? true;
    this.#scan.advance(store, rangeSliceKeys, this.#visit);
    if (this.#sorter === undefined) return this.#scan.done;
    this.#sorter.add(this.#pairs);
    this.#pairs = [];
    return this.#scan.done && this.#sorter.advance(rangeSliceKeys);
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
