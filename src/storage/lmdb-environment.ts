import { join } from 'node:path';
import { type Database, open, type RootDatabase, type Transaction } from 'lmdb';
import { compareBytes } from '../core/bytes.ts';
import { maxStoreKeyBytes, storeSliceBytes } from '../core/limits.ts';
import type { ScanRange } from '../core/store.ts';
import type { StoreBytes } from './backend.ts';
import { type Callback, type Disk, DiskError, type DiskErrorKind } from './disk.ts';
import { keyAfter, storableBound } from './keys.ts';
import { appendGrowthOf, growthOf, type TreeShape } from './lmdb-growth.ts';
import { type Growth, LmdbRoom } from './lmdb-room.ts';
import type { Pair } from './snapshot.ts';

/** Pages of 8 KiB take keys of up to 4026 bytes, the most that lmdb-js handles; those of 4 KiB only 1978. */
export const lmdbPageSize = 8192;
const recordKey = Uint8Array.of(1);
const smallestKey = Uint8Array.of(0);
/** Pairs read at once: few at first, since most scans look for one. */
const firstPagePairs = 1;
const maxPagePairs = 256;

/** What is to be under a key; undefined removes. */
export interface PairChange {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

/**
 * One LMDB file: the pairs, and a record that says which state they are. Written only by `write`, one transaction at a
 * time. A synchronous transaction must never run beside it: lmdb-js would commit what there is of the other one first.
 */
export class LmdbEnvironment {
  readonly path: string;
  readonly #room: LmdbRoom;
  readonly #root: RootDatabase<Uint8Array, Uint8Array>;
  readonly #pairs: Database<Uint8Array, Uint8Array>;
  readonly #meta: Database<Uint8Array, Uint8Array>;
  /** No key of the pairs has more bytes. */
  #longestKey: number;
  #readers = 0;
  #retiring: (() => void) | undefined;

  private constructor(path: string, file: string, room: LmdbRoom) {
    this.path = path;
    this.#room = room;
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
    this.#root = open(file, {
      ...binary,
      pageSize: lmdbPageSize,
      noSubdir: true,
      maxDbs: 2,
      // A commit is LMDB's own: pages, fdatasync, then the synced meta page.
      overlappingSync: false,
      // A transaction is a batch and nothing else; and lmdb-js rejects a promise that nobody sees when a batch that was
      // gathered by turn fails.
      eventTurnBatching: false,
    });
    this.#pairs = this.#root.openDB({ ...binary, name: 'pairs' });
    this.#meta = this.#root.openDB({ ...binary, name: 'meta' });
    this.#longestKey = this.pairs() === 0 ? 0 : maxStoreKeyBytes;
  }

  /**
   * Opens the file, or makes an empty one, at `path` of the disk, whose paths begin at `root`: LMDB opens it by itself. The
   * directory is the caller's to sync.
   */
  static open(disk: Disk, root: string, path: string, callback: Callback<LmdbEnvironment>): void {
    LmdbRoom.open(disk, root, path, (roomError, room) => {
      if (roomError !== undefined) return callback(roomError, undefined);
      let environment: LmdbEnvironment;
      try {
        environment = new LmdbEnvironment(path, join(root, path), room);
      } catch (error) {
        return callback(diskErrorOf(error, path, 'could not be opened'), undefined);
      }
      callback(undefined, environment);
    });
  }

  /** The record that the last transaction with one wrote. */
  record(): Uint8Array | undefined {
    return plain(this.#meta.getBinary(recordKey));
  }

  get(key: Uint8Array): Uint8Array | undefined {
    if (key.length === 0 || key.length > maxStoreKeyBytes) return undefined;
    const found = this.#pairs.getBinaryFast(key);
    // It lies where the next one will be read to, and its length is not that of the array.
    return found && new Uint8Array(found.buffer, found.byteOffset, found.length).slice();
  }

  /**
   * Pairs in a range, read a page at a time so that no cursor is left behind by a scan that is given up. Good until the
   * next `write`, or with a transaction of `beginRead` until its end.
   */
  *scan(range: ScanRange, transaction?: Transaction): IterableIterator<Pair> {
    let from = range.from.length === 0 ? smallestKey : storableBound(range.from);
    let to = range.to && storableBound(range.to);
    for (let limit = firstPagePairs; to === undefined || compareBytes(from, to) < 0; ) {
      const page = this.#page({ ...range, from, to }, limit, transaction);
      yield* page.pairs;
      const last = page.pairs.at(-1);
      if (last === undefined || page.complete) return;
      if (range.reverse === true) to = last[0];
      else from = keyAfter(last[0]);
      limit = Math.min(maxPagePairs, 8 * limit);
    }
  }

  #page(
    range: ScanRange,
    limit: number,
    transaction: Transaction | undefined,
  ): { pairs: Pair[]; complete: boolean } {
    const { from, to } = range;
    const bounds =
      range.reverse === true
        ? { reverse: true, end: from, inclusiveEnd: true, ...(to && { start: to, exclusiveStart: true }) }
        : { start: from, ...(to && { end: to }) };
    const pairs: Pair[] = [];
    let bytes = 0;
    for (const { key, value } of this.#pairs.getRange({
      ...bounds,
      limit,
      ...(transaction && { transaction }),
    })) {
      pairs.push([asPlain(key), asPlain(value)]);
      bytes += value.length;
      if (bytes >= storeSliceBytes) return { pairs, complete: false };
    }
    return { pairs, complete: pairs.length < limit };
  }

  /**
   * Writes all changes, and the record if there is one, in one transaction; calls back when it is synced. After an error
   * nothing of it was written; it is of kind `full` when there is no room for what the transaction may take.
   */
  write(changes: readonly PairChange[], record: Uint8Array | undefined, callback: Callback<void>): void {
    for (const { key } of changes) this.#longestKey = Math.max(this.#longestKey, key.length);
    const shape = this.shape();
    const commit = (done: Callback<void>): void =>
      this.#commit(() => {
        for (const { key, value } of changes) {
          if (value === undefined) this.#pairs.remove(key);
          else this.#pairs.put(key, value);
        }
        if (record !== undefined) this.#meta.put(recordKey, record);
      }, done);
    this.#withRoom(shape, growthOf(shape, lmdbPageSize, changes, this.#longestKey), commit, callback);
  }

  /**
   * The same for pairs behind all that are here, in ascending order, in a file that nothing else was written to: its pages
   * become full, and it never takes more of them than the same pairs do elsewhere.
   */
  append(pairs: readonly Pair[], callback: Callback<void>): void {
    const changes = pairs.map(([key, value]) => ({ key, value }));
    for (const { key } of changes) this.#longestKey = Math.max(this.#longestKey, key.length);
    const shape = this.shape();
    const table: Appendable = this.#pairs;
    const commit = (done: Callback<void>): void =>
      this.#commit(() => {
        for (const { key, value } of changes) table.put(key, value, { append: true });
      }, done);
    this.#withRoom(shape, appendGrowthOf(shape, lmdbPageSize, changes), commit, callback);
  }

  #withRoom(
    { lastPageNumber }: TreeShape,
    growth: Growth,
    commit: (done: Callback<void>) => void,
    callback: Callback<void>,
  ): void {
    this.#room.make((lastPageNumber + 1) * lmdbPageSize, growth, (error, done) => {
      if (error !== undefined) return callback(error);
      commit((commitError) => {
        done();
        callback(commitError);
      });
    });
  }

  #commit(put: () => void, callback: Callback<void>): void {
    const committed = this.#root.batch(put);
    // By way of setImmediate, since what a callback throws must not end as a rejected promise.
    committed.then(
      () => {
        // What is read from now on sees the transaction.
        this.#root.resetReadTxn();
        setImmediate(callback, undefined);
      },
      async (error: unknown) => {
        const cause = await commitErrorOf(error);
        setImmediate(callback, diskErrorOf(cause, this.path, 'could not be written'));
      },
    );
  }

  /** Of the tree that holds the pairs, and of the file. */
  shape(): TreeShape {
    return statsOf(this.#pairs.getStats());
  }

  /** How many there are. */
  pairs(): number {
    return statsOf(this.#pairs.getStats()).entryCount;
  }

  /** Somebody has read all keys: what they come to bounds how far a transaction splits pages. */
  keysAreAtMost(bytes: number): void {
    this.#longestKey = bytes;
  }

  /** Holds on to the present state for `scan`; holds back the reuse of its pages, so end it soon. */
  beginRead(): Transaction {
    this.#readers++;
    return this.#root.useReadTransaction();
  }

  endRead(transaction: Transaction): void {
    transaction.done();
    this.#readers--;
    if (this.#readers === 0) this.#retiring?.();
  }

  bytes(): StoreBytes {
    const pairs = statsOf(this.#pairs.getStats());
    const pages = pairs.treeBranchPageCount + pairs.treeLeafPageCount + pairs.overflowPages;
    return { total: (pairs.lastPageNumber + 1) * lmdbPageSize, inUse: pages * lmdbPageSize };
  }

  /** Closes the file as soon as nobody reads from it. */
  retire(callback: Callback<void>): void {
    this.#retiring = () => {
      this.#root.close().then(
        () => setImmediate(callback, undefined),
        (error: unknown) => setImmediate(callback, diskErrorOf(error, this.path, 'could not be closed')),
      );
    };
    if (this.#readers === 0) this.#retiring();
  }
}

/**
 * As plain arrays: a Buffer is one too, but its `slice` and `toString` do something else, and a machine must see the same
 * above every back end.
 */
const asPlain = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const plain = (bytes: Uint8Array | undefined): Uint8Array | undefined => bytes && asPlain(bytes);

interface Stats extends TreeShape {
  readonly overflowPages: number;
  readonly entryCount: number;
}

/** lmdb-js declares options for `putSync` alone, and takes the same here. */
interface Appendable {
  put(key: Uint8Array, value: Uint8Array, options: { readonly append: true }): Promise<boolean>;
}

/** lmdb-js declares its statistics as an empty object. */
const statsOf = (stats: object): Stats => stats as Stats;

/** A failed transaction rejects with an error that promises the reason. */
async function commitErrorOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error;
  try {
    await error.commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

/** LMDB reports the operating system's error numbers as they are, its own below -30000. */
const kinds: Readonly<Record<string, DiskErrorKind>> = {
  2: 'missing',
  13: 'denied',
  28: 'full',
  30: 'readOnly',
  122: 'full',
  ENOENT: 'missing',
  EACCES: 'denied',
  ENOSPC: 'full',
  EROFS: 'readOnly',
  EDQUOT: 'full',
  '-30796': 'damaged', // MDB_CORRUPTED
  '-30793': 'damaged', // MDB_INVALID
};

function diskErrorOf(error: unknown, path: string, what: string): DiskError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = error instanceof Error ? error.message : String(error);
  return new DiskError(kinds[code] ?? 'io', path, `${path} ${what}: ${reason}`);
}
