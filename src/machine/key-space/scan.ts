import { assert } from '../../core/assert.ts';
import type { ReadStore } from '../../core/store.ts';
import { readHead } from './heads.ts';
import type { KeyRange } from './key-range.ts';
import { decodeRecord, type LiveRecord } from './records.ts';
import { isOver, type Slice } from './slices.ts';
import {
  atRevision,
  boundsOf,
  isEmptyRange,
  isSingleKey,
  pastVersions,
  revisionOf,
  sameKey,
  versionKey,
  versionsOf,
} from './versions.ts';

/** Versions of one key that are passed one by one before the scan jumps: about what a jump costs. */
const versionsBeforeJump = 8;

/** The record of `key` as it was at `revision`; undefined when the key was not there. */
export function recordAt(store: ReadStore, key: Uint8Array, revision: number): LiveRecord | undefined {
  const newest = newestVersion(store, key);
  if (newest === undefined) return undefined;
  if (newest.revision <= revision) return decodeRecord(newest.version, newest.record);
  for (const [version, record] of store.scan(versionsOf(key, revision))) return decodeRecord(version, record);
  return undefined;
}

interface NewestVersion {
  readonly revision: number;
  readonly version: Uint8Array;
  readonly record: Uint8Array;
}

/** Undefined when there is none. Two gets, which cost less than a seek. */
function newestVersion(store: ReadStore, key: Uint8Array): NewestVersion | undefined {
  const head = readHead(store, key);
  if (head === undefined) return undefined;
  const version = versionKey(key, head.revision);
  const record = store.get(version);
  assert(record !== undefined, `the head of a key is of revision ${head.revision}, where it has no version`);
  return { revision: head.revision, version, record };
}

/** Gets a version and its record, which may be a tombstone. Both stay as they are. */
export type Visitor = (version: Uint8Array, record: Uint8Array) => void;

/** Goes over the keys of a range in order, as they were at one revision, in as many steps as the caller likes. */
export class KeyScan {
  readonly #to: Uint8Array;
  readonly #revision: number;
  #from: Uint8Array;
  #done: boolean;
  /** The only key of the range, while its newest version was not looked at. */
  #single: Uint8Array | undefined;

  constructor(range: KeyRange, revision: number) {
    const { from, to } = boundsOf(range);
    this.#from = from;
    this.#to = to;
    this.#revision = revision;
    this.#done = isEmptyRange(range);
    this.#single = isSingleKey(range) ? range.from : undefined;
  }

  /** All keys were visited. */
  get done(): boolean {
    return this.#done;
  }

  /** Visits keys until the slice is over: what it passes counts, deleted keys and older versions included. */
  advance(store: ReadStore, slice: Slice, visit: Visitor): void {
    if (this.#single !== undefined && !isOver(slice)) this.#look(store, this.#single, slice, visit);
    while (!this.#done && !isOver(slice)) this.#run(store, slice, visit);
  }

  /** Only when the key has changed since the revision its versions have to be searched. */
  #look(store: ReadStore, key: Uint8Array, slice: Slice, visit: Visitor): void {
    this.#single = undefined;
    slice.keys--;
    const newest = newestVersion(store, key);
    this.#done = newest === undefined || newest.revision <= this.#revision;
    if (newest === undefined || !this.#done) return;
    slice.bytes -= newest.version.length + newest.record.length;
    visit(newest.version, newest.record);
  }

  /** One pass of the store, until it is better to jump. Passes one key at least. */
  #run(store: ReadStore, slice: Slice, visit: Visitor): void {
    let current: Uint8Array | undefined;
    let resolved = false;
    let skipped = 0;
    // For the seek, which costs as much as a key also when it finds none.
    slice.keys--;
    for (const [version, record] of store.scan({ from: this.#from, to: this.#to })) {
      if (current === undefined || !sameKey(version, current)) {
        if (current !== undefined && isOver(slice)) {
          this.#from = version;
          return;
        }
        slice.keys--;
        current = version;
        resolved = false;
        skipped = 0;
      } else if (++skipped === versionsBeforeJump) {
        this.#from = resolved ? pastVersions(current) : atRevision(current, this.#revision);
        return;
      }
      slice.bytes -= version.length + record.length;
      if (!resolved && revisionOf(version) <= this.#revision) {
        resolved = true;
        visit(version, record);
      }
    }
    this.#done = true;
  }
}
