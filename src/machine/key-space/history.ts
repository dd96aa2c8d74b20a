import { assert } from '../../core/assert.ts';
import { emptyBytes, part } from '../../core/bytes.ts';
import type { ReadStore, Store } from '../../core/store.ts';
import { readUint32, readUint64, writeUint32, writeUint64 } from '../uint64.ts';
import { decodeRecord, keyValue } from './records.ts';
import type { KeyValue } from './requests.ts';
import { readCompactedRevision } from './revisions.ts';
import { isOver, type Slice } from './slices.ts';
import { versionKey } from './versions.ts';

/**
 * The table of history: what was written, in the order of writing. Watches catch up from it, and compaction goes along
 * it. Its keys are
 *
 *     0x11 | revision (8 bytes) | place in the revision (4 bytes)
 *
 * and its values 1 for a put and 0 for a delete, the revision of the version before (8 bytes; 0 for none), then the
 * user's key. What was put is in the table of versions.
 */
const historyTable = 0x11;

/** A place in the history: the first event at or after it comes next. */
export interface EventCursor {
  readonly revision: number;
  /** Of an event within its revision. */
  readonly order: number;
}

export function historyKey(revision: number, order: number): Uint8Array {
  const key = new Uint8Array(13);
  key[0] = historyTable;
  writeUint64(key, 1, revision);
  writeUint32(key, 9, order);
  return key;
}

export const cursorOf = (historyKey: Uint8Array): EventCursor => ({
  revision: readUint64(historyKey, 1),
  order: readUint32(historyKey, 9),
});

export function recordEvent(
  store: Store,
  revision: number,
  order: number,
  type: KeyEvent['type'],
  key: Uint8Array,
  before: number,
): void {
  const value = new Uint8Array(key.length + 9);
  value[0] = type === 'put' ? 1 : 0;
  writeUint64(value, 1, before);
  value.set(key, 9);
  store.put(historyKey(revision, order), value);
}

/** The user's key of an event. */
export const eventKey = (value: Uint8Array): Uint8Array => part(value, 9, value.length);

/** The revision of the version that an event came after; 0 for none. It may have been given back since. */
export const revisionBefore = (value: Uint8Array): number => readUint64(value, 1);

export const isPut = (value: Uint8Array): boolean => value[0] === 1;

/** One change of one key. */
export interface KeyEvent {
  readonly type: 'put' | 'delete';
  readonly key: Uint8Array;
  readonly revision: number;
  readonly order: number;
  /**
   * What was put; for a delete the key and the revision alone, all else empty or 0. Looked up when asked for, so ask
   * within the visit.
   */
  pair(): KeyValue;
  /** The pair that it replaced or deleted; undefined when there was none, or it is compacted. Looked up likewise. */
  previous(): KeyValue | undefined;
}

export type EventsRead =
  /** There may be more: go on from `next`. */
  | { readonly type: 'more'; readonly next: EventCursor }
  | { readonly type: 'done' }
  /** Events from `from` on are gone; the first ones that are all there are those of `revision`. */
  | { readonly type: 'compacted'; readonly revision: number };

/**
 * Visits the events from `from` on, through those of revision `upTo`, in order, until the slice is over. A visit that
 * returns false ends it as well: that event was not taken, and comes again when going on from `next`. `first`: the
 * revision below which nothing may be read.
 */
export function readEvents(
  store: ReadStore,
  from: EventCursor,
  upTo: number,
  slice: Slice,
  visit: (event: KeyEvent) => boolean,
  first = readCompactedRevision(store),
): EventsRead {
  if (from.revision < first) return { type: 'compacted', revision: readCompactedRevision(store) };
  const bounds = { from: historyKey(from.revision, from.order), to: historyKey(upTo + 1, 0) };
  for (const [at, value] of store.scan(bounds)) {
    if (isOver(slice)) return { type: 'more', next: cursorOf(at) };
    slice.keys--;
    slice.bytes -= at.length + value.length;
    const event = new StoredEvent(store, slice, at, value);
    if (!visit(event)) return { type: 'more', next: event };
  }
  return { type: 'done' };
}

class StoredEvent implements KeyEvent {
  readonly type: KeyEvent['type'];
  readonly key: Uint8Array;
  readonly revision: number;
  readonly order: number;
  readonly #store: ReadStore;
  readonly #slice: Slice;
  readonly #before: number;

  constructor(store: ReadStore, slice: Slice, at: Uint8Array, value: Uint8Array) {
    this.type = isPut(value) ? 'put' : 'delete';
    this.key = eventKey(value);
    this.revision = readUint64(at, 1);
    this.order = readUint32(at, 9);
    this.#store = store;
    this.#slice = slice;
    this.#before = revisionBefore(value);
  }

  pair(): KeyValue {
    const { key, revision } = this;
    if (this.type === 'delete') return deleted(key, revision);
    const version = versionKey(key, revision);
    const bytes = this.#store.get(version);
    assert(bytes !== undefined, `the history knows a put at revision ${revision} that has no version`);
    this.#slice.bytes -= bytes.length;
    const record = decodeRecord(version, bytes);
    assert(record !== undefined, `the history knows a put at revision ${revision} that is a tombstone`);
    return keyValue(key, record);
  }

  previous(): KeyValue | undefined {
    const { key, revision } = this;
    if (this.#before === 0 || revision - 1 < readCompactedRevision(this.#store)) return undefined;
    const version = versionKey(key, this.#before);
    const bytes = this.#store.get(version);
    // A tombstone may have been given back.
    if (bytes === undefined) return undefined;
    this.#slice.bytes -= bytes.length;
    const record = decodeRecord(version, bytes);
    return record && keyValue(key, record);
  }
}

const deleted = (key: Uint8Array, revision: number): KeyValue => ({
  key,
  value: emptyBytes,
  createRevision: 0n,
  modRevision: BigInt(revision),
  version: 0n,
  lease: 0n,
});
