import { assertNever } from '../../core/assert.ts';
import { compareBytes, emptyBytes } from '../../core/bytes.ts';
import { rangeSliceKeys } from '../../core/limits.ts';
import type { ReadStore } from '../../core/store.ts';
import { decodeRecord, isLive, type LiveRecord, pairOf } from './records.ts';
import type { KeyAnswer, KeyError, KeyValue, RangeRequest, RangeResult, SortTarget } from './requests.ts';
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
  #query: RangeQuery | undefined;

  constructor(request: RangeRequest) {
    this.#request = request;
  }

  /**
   * Goes on for one slice; undefined means: call again, at leisure, with the state as it is then. A compaction between
   * slices may answer `compacted`.
   */
  next(store: ReadStore): KeyAnswer | undefined {
    const present = readCurrentRevision(store);
    const error = this.#query === undefined ? validate(this.#request) : undefined;
    const refusal = error ?? checkRevision(store, this.#query?.pinned ?? this.#request.revision);
    if (refusal !== undefined) return { revision: BigInt(present), result: refusal };
    this.#query ??= new RangeQuery(this.#request, present);
    if (!this.#query.advance(store, rangeSliceKeys)) return undefined;
    return { revision: BigInt(present), result: this.#query.result() };
  }
}

/** Reads below the last compaction, and above the present revision, are refused; 0 or less is the present. */
export function checkRevision(store: ReadStore, revision: bigint): KeyError | undefined {
  if (revision <= 0n) return undefined;
  if (revision > readCurrentRevision(store)) return { type: 'error', code: 'futureRevision' };
  if (revision < readCompactedRevision(store)) return { type: 'error', code: 'compacted' };
  return undefined;
}

/** The result of a range that was validated; `present` is the revision of what it is to see as the present. */
export function readRange(store: ReadStore, request: RangeRequest, present: number): RangeResult {
  const query = new RangeQuery(request, present);
  query.advance(store, Number.POSITIVE_INFINITY);
  return query.result();
}

class RangeQuery {
  readonly #request: RangeRequest;
  readonly #scan: KeyScan;
  readonly #compare: ((a: KeyValue, b: KeyValue) => number) | undefined;
  /** The revision that is read. */
  readonly pinned: bigint;
  #count = 0;
  #matches = 0;
  #pairs: KeyValue[] = [];

  constructor(request: RangeRequest, present: number) {
    const revision = request.revision <= 0n ? present : Number(request.revision);
    this.#request = request;
    this.pinned = BigInt(revision);
    this.#scan = new KeyScan(request.range, revision);
    this.#compare = request.sort === undefined ? undefined : order(request.sort);
  }

  advance(store: ReadStore, maxKeys: number): boolean {
    return this.#scan.advance(store, maxKeys, this.#visit);
  }

  result(): RangeResult {
    const { limit } = this.#request;
    if (this.#compare !== undefined) this.#keepFirst(limit);
    const pairs = this.#request.keysOnly ? this.#pairs.map(withoutValue) : this.#pairs;
    return { type: 'range', pairs, more: limit > 0 && this.#matches > limit, count: this.#count };
  }

  readonly #visit = (version: Uint8Array, bytes: Uint8Array): void => {
    if (!isLive(bytes)) return;
    this.#count++;
    if (this.#request.countOnly) return;
    const record = decodeRecord(version, bytes);
    if (record === undefined || !this.#passes(record)) return;
    this.#matches++;
    const { limit } = this.#request;
    if (this.#compare === undefined) {
      if (limit === 0 || this.#matches <= limit) this.#pairs.push(pairOf(version, record));
      return;
    }
    this.#pairs.push(pairOf(version, record));
    if (limit > 0 && this.#pairs.length >= 2 * limit + 64) this.#keepFirst(limit);
  };

  #passes(record: LiveRecord): boolean {
    const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = this.#request;
    if (minModRevision !== 0n && record.revision < minModRevision) return false;
    if (maxModRevision !== 0n && record.revision > maxModRevision) return false;
    if (minCreateRevision !== 0n && record.createRevision < minCreateRevision) return false;
    return maxCreateRevision === 0n || record.createRevision <= maxCreateRevision;
  }

  /** Sorts what was collected and drops what the limit will drop anyway, so that it never grows with the range. */
  #keepFirst(limit: number): void {
    this.#pairs.sort(this.#compare);
    if (limit > 0 && this.#pairs.length > limit) this.#pairs.length = limit;
  }
}

function withoutValue(pair: KeyValue): KeyValue {
  return { ...pair, value: emptyBytes };
}

function order(sort: { target: SortTarget; descending: boolean }): (a: KeyValue, b: KeyValue) => number {
  const sign = sort.descending ? -1 : 1;
  return (a, b) => sign * compareBy(sort.target, a, b);
}

function compareBy(target: SortTarget, a: KeyValue, b: KeyValue): number {
  switch (target) {
    case 'key':
      return compareBytes(a.key, b.key);
    case 'value':
      return compareBytes(a.value, b.value);
    case 'version':
      return Number(a.version - b.version);
    case 'create':
      return Number(a.createRevision - b.createRevision);
    case 'mod':
      return Number(a.modRevision - b.modRevision);
    default:
      return assertNever(target);
  }
}
