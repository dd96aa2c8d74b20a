import { assert, present } from '../core/assert.ts';
import { emptyBytes } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import { storePairOverheadBytes } from '../core/limits.ts';
import { OrderedMap } from '../core/ordered-map.ts';
import type { ScanRange, Store } from '../core/store.ts';
import type { Base } from '../protocol/index.ts';
import type { PinnedView, ReceivedSnapshot, StoreBackend, StoreBytes } from './backend.ts';
import { DigestedStore, type PairTable } from './digested-store.ts';
import type { Callback, Disk, DiskError } from './disk.ts';
import { type Pair, type SnapshotOrigin, snapshotFrames, snapshotIdBytes } from './snapshot.ts';
import { readSnapshotFile, writeSnapshotFile } from './snapshot-file.ts';
import { StateFiles } from './state-files.ts';

export interface MemoryBackendOptions {
  readonly disk: Disk;
  /** Of its own; made when absent. */
  readonly directory: string;
  /** The position of the empty state that a new directory begins with. */
  readonly initial: Base;
}

type Pairs = OrderedMap<Uint8Array>;

/** A state file is read by this back end only, so it needs no origin. */
const noOrigin: SnapshotOrigin = {
  clusterId: 0n,
  protocol: '',
  machine: '',
  featureLevel: 0,
  snapshotId: new Uint8Array(snapshotIdBytes),
};

/**
 * The state in memory, made durable by writing all of it in the snapshot format to a new file. For small states, and for
 * the simulator.
 */
export class MemoryBackend implements StoreBackend {
  readonly store: Store;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #files: StateFiles;
  readonly #table: MemoryTable;
  readonly #digested: DigestedStore;
  #base: Base;
  #flushed: Base;
  #file: string | undefined;
  #fileBytes: number;
  #dead: DiskError | undefined;
  #waiting: Callback<Base>[] = [];
  /** What runs alone: a flush, or an install. */
  #busy = false;
  #installing: (() => void) | undefined;
  #closing: (() => void) | undefined;

  private constructor(options: MemoryBackendOptions, files: StateFiles, state: RecoveredState) {
    this.#disk = options.disk;
    this.#directory = options.directory;
    this.#files = files;
    this.#table = new MemoryTable(state);
    this.#digested = new DigestedStore(this.#table, state.digest);
    this.store = this.#digested;
    this.#base = state.base;
    this.#flushed = state.base;
    this.#file = state.file;
    this.#fileBytes = state.fileBytes;
  }

  /** Recovers the last state that was made durable whole, or begins with the initial one. */
  static open(options: MemoryBackendOptions, callback: Callback<MemoryBackend>): void {
    const { disk, directory, initial } = options;
    StateFiles.open(disk, directory, 'snapshot', (filesError, found) => {
      if (filesError !== undefined) return callback(filesError, undefined);
      if (found.current === undefined) {
        const state = {
          base: initial,
          pairs: new OrderedMap<Uint8Array>(),
          pairBytes: 0,
          digest: new PairDigest(),
          fileBytes: 0,
        };
        return callback(undefined, new MemoryBackend(options, found.files, state));
      }
      loadState(disk, found.current, (error, state) => {
        if (error !== undefined) return callback(error, undefined);
        callback(undefined, new MemoryBackend(options, found.files, state));
      });
    });
  }

  base(): Base {
    return this.#base;
  }

  applied(base: Base): void {
    assert(base.position.index >= this.#base.position.index, 'the applied position went back');
    assert(this.#installing === undefined, 'entries were applied while a snapshot was installed');
    // A copy: whether anything was applied since the last flush is told by identity.
    this.#base = { ...base };
    this.#digested.settle();
  }

  flushed(): Base {
    return this.#flushed;
  }

  flush(callback: Callback<Base>): void {
    this.#digested.assertSettled();
    this.#waiting.push(callback);
    this.#next();
  }

  pendingBytes(): number {
    return this.#table.pendingBytes;
  }

  bytes(): StoreBytes {
    const inUse = this.#table.bytes;
    return { total: Math.max(this.#fileBytes, inUse), inUse };
  }

  digest(): Uint8Array {
    return this.#digested.digest();
  }

  pin(): PinnedView {
    this.#digested.assertSettled();
    return new MemoryView(this.#base, this.digest(), this.#table.pairs.snapshot());
  }

  install(snapshot: ReceivedSnapshot, callback: Callback<void>): void {
    assert(this.#installing === undefined, 'a snapshot is being installed already');
    this.#digested.assertSettled();
    this.#installing = () => {
      loadState(this.#disk, snapshot.path, (loadError, loaded) => {
        if (loadError !== undefined) return this.#installed(loadError, callback);
        const view = new MemoryView(snapshot.base, loaded.digest.bytes(), loaded.pairs.snapshot());
        const switched = (): void => {
          this.#table.replace(loaded);
          this.#digested.replaced(loaded.digest);
          this.#base = snapshot.base;
        };
        this.#writeState(view, switched, (error) => this.#installed(error, callback));
      });
    };
    this.#next();
  }

  close(callback: Callback<void>): void {
    assert(this.#closing === undefined, 'the store is being closed already');
    // Any operation will do, since a callback never comes before the call has returned.
    this.#closing = () => this.#disk.syncDirectory(this.#directory, callback);
    this.#next();
  }

  #next(): void {
    if (this.#busy) return;
    const work =
      this.#waiting.length > 0 ? () => this.#flushForAll() : (this.#installing ?? this.#closing ?? undefined);
    if (work === undefined) return;
    this.#busy = true;
    work();
  }

  #idle(): void {
    this.#busy = false;
    this.#next();
  }

  #installed(error: DiskError | undefined, callback: Callback<void>): void {
    this.#installing = undefined;
    callback(error);
    this.#idle();
  }

  /** One file serves all who asked for a flush before it was begun. */
  #flushForAll(): void {
    const asked = this.#waiting;
    this.#waiting = [];
    const finish = (error: DiskError | undefined): void => {
      for (const callback of asked) {
        if (error === undefined) callback(undefined, this.#flushed);
        else callback(error, undefined);
      }
      this.#idle();
    };
    if (this.#dead !== undefined || this.#flushed === this.#base) {
      this.#disk.syncDirectory(this.#directory, (error) => finish(this.#dead ?? error));
      return;
    }
    const view = this.pin();
    const pending = this.#table.pendingBytes;
    const switched = (): void => {
      this.#table.pendingBytes -= pending;
    };
    this.#writeState(view, switched, finish);
  }

  #writeState(
    view: PinnedView,
    switched: () => void,
    callback: (error: DiskError | undefined) => void,
  ): void {
    const path = this.#files.next();
    const fail = (error: DiskError): void => {
      if (error.kind === 'full') return this.#files.remove(path, () => callback(error));
      // Perhaps the pointer names the new file already: both stay, and the next start takes the one that it names.
      this.#dead = error;
      callback(error);
    };
    writeSnapshotFile(this.#disk, path, snapshotFrames(view, noOrigin), (writeError, bytes) => {
      if (writeError !== undefined) return fail(writeError);
      this.#files.switchTo(path, (switchError) => {
        if (switchError !== undefined) return fail(switchError);
        const old = this.#file;
        this.#file = path;
        this.#fileBytes = bytes;
        this.#flushed = view.base;
        switched();
        if (old === undefined) callback(undefined);
        else this.#files.remove(old, () => callback(undefined));
      });
    });
  }
}

class MemoryTable implements PairTable {
  #pairs: Pairs = new OrderedMap();
  #bytes = 0;
  /** Bytes written since the state was last made durable. */
  pendingBytes = 0;

  constructor(state: RecoveredState) {
    this.replace(state);
  }

  get pairs(): Pairs {
    return this.#pairs;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#pairs.get(key);
  }

  scan(range: ScanRange): IterableIterator<Pair> {
    return this.#pairs.scan(range);
  }

  write(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value !== undefined) {
      this.exchange(key, value);
      return;
    }
    const previous = this.#pairs.delete(key);
    if (previous !== undefined) this.#bytes -= pairBytes(key, previous);
    this.pendingBytes += pairBytes(key, emptyBytes);
  }

  exchange(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    const previous = this.#pairs.set(key, value);
    const bytes = pairBytes(key, value);
    this.#bytes += previous === undefined ? bytes : value.length - previous.length;
    this.pendingBytes += bytes;
    return previous;
  }

  replace(state: RecoveredState): void {
    this.#pairs = state.pairs;
    this.#bytes = state.pairBytes;
    this.pendingBytes = 0;
  }
}

const pairBytes = (key: Uint8Array, value: Uint8Array): number =>
  key.length + value.length + storePairOverheadBytes;

class MemoryView implements PinnedView {
  readonly base: Base;
  readonly digest: Uint8Array;
  #pairs: Pairs | undefined;

  constructor(base: Base, digest: Uint8Array, pairs: Pairs) {
    this.base = base;
    this.digest = digest;
    this.#pairs = pairs;
  }

  *entries(): IterableIterator<Pair> {
    const pairs = present(this.#pairs, 'a released view was read');
    for (const pair of pairs.scan({ from: emptyBytes, to: undefined })) {
      assert(this.#pairs !== undefined, 'a released view was read');
      yield pair;
    }
  }

  release(): void {
    this.#pairs = undefined;
  }
}

interface RecoveredState {
  readonly base: Base;
  readonly pairs: Pairs;
  /** What they take in memory. */
  readonly pairBytes: number;
  readonly digest: PairDigest;
  readonly fileBytes: number;
  readonly file?: string;
}

function loadState(disk: Disk, path: string, callback: Callback<RecoveredState>): void {
  const pairs: Pairs = new OrderedMap();
  let bytes = 0;
  readSnapshotFile(
    disk,
    path,
    (read, proceed) => {
      // Copied, so that one pair that stays does not keep the slice that it came in.
      for (const [key, value] of read) {
        pairs.set(key.slice(), value.slice());
        bytes += pairBytes(key, value);
      }
      proceed();
    },
    (error, summary) => {
      if (error !== undefined) return callback(error, undefined);
      const { base, digest } = summary.header;
      callback(undefined, {
        base,
        pairs,
        pairBytes: bytes,
        digest: PairDigest.fromBytes(digest),
        fileBytes: summary.bytes,
        file: path,
      });
    },
  );
}
