import { join } from 'node:path';
import { assert } from '../core/assert.ts';
import { emptyBytes } from '../core/bytes.ts';
import { decode, Malformed, type Reader, Writer } from '../core/codec.ts';
import { crc32c } from '../core/crc32c.ts';
import { PairDigest } from '../core/digest.ts';
import type { ScanRange, Store } from '../core/store.ts';
import type { Base } from '../protocol/index.ts';
import type { PinnedView, ReceivedSnapshot, StoreBackend, StoreBytes } from './backend.ts';
import { readBase, writeBase } from './base-codec.ts';
import { DigestedStore, type PairTable } from './digested-store.ts';
import { type Callback, type Disk, DiskError } from './disk.ts';
import { keyAfter } from './keys.ts';
import { LmdbEnvironment } from './lmdb-environment.ts';
import { mergedScan } from './merged-scan.ts';
import { type Changes, changesOf, type Generation, Overlay } from './overlay.ts';
import type { Pair } from './snapshot.ts';
import { readSnapshotFile } from './snapshot-file.ts';
import { StateFiles } from './state-files.ts';

export interface LmdbBackendOptions {
  readonly disk: Disk;
  /** Where on the file system the disk's paths begin: LMDB opens its file itself. */
  readonly root: string;
  /** Of its own; made when absent. */
  readonly directory: string;
  /** The position of the empty state that a new directory begins with. */
  readonly initial: Base;
}

/**
 * The state in LMDB, under an overlay of what is not on disk yet. Generations of the overlay follow each other to disk in
 * the background, each in one synced transaction together with its position.
 */
export class LmdbBackend implements StoreBackend {
  readonly store: Store;
  readonly #options: LmdbBackendOptions;
  readonly #files: StateFiles;
  readonly #overlay = new Overlay();
  readonly #table: OverlaidTable;
  readonly #digested: DigestedStore;
  readonly #views = new Set<LmdbView>();
  #base: Base;
  /** The position at the end of the last generation that was ended. */
  #sealed: Base;
  #flushed: Base;
  #flushedGeneration = 0;
  #waiting: { readonly generation: number; readonly callback: Callback<Base> }[] = [];
  /** What runs alone: a transaction, an install, or closing. */
  #busy = false;
  #installing: (() => void) | undefined;
  #closing: (() => void) | undefined;
  /** The disk was full; the next call of `flush` tries again. */
  #stalled = false;
  #dead: DiskError | undefined;

  private constructor(options: LmdbBackendOptions, files: StateFiles, opened: OpenedState) {
    this.#options = options;
    this.#files = files;
    this.#table = new OverlaidTable(this.#overlay, opened.environment);
    this.#digested = new DigestedStore(this.#table, PairDigest.fromBytes(opened.digest));
    this.store = this.#digested;
    this.#base = opened.base;
    this.#sealed = opened.base;
    this.#flushed = opened.base;
  }

  /** Recovers the last state that was made durable, or begins with the initial one. */
  static open(options: LmdbBackendOptions, callback: Callback<LmdbBackend>): void {
    StateFiles.open(options.disk, options.directory, 'mdb', (filesError, found) => {
      if (filesError !== undefined) return callback(filesError, undefined);
      const { files, current } = found;
      const opened: Callback<OpenedState> = (error, state) => {
        if (error !== undefined) callback(error, undefined);
        else callback(undefined, new LmdbBackend(options, files, state));
      };
      if (current === undefined) beginState(options, files, opened);
      else recoverState(options, current, opened);
    });
  }

  base(): Base {
    return this.#base;
  }

  applied(base: Base): void {
    assert(base.position.index >= this.#base.position.index, 'the applied position went back');
    assert(this.#installing === undefined, 'entries were applied while a snapshot was installed');
    this.#base = base;
    this.#digested.settle();
    if (!this.#overlay.isFull) return;
    this.#seal();
    this.#next();
  }

  flushed(): Base {
    return this.#flushed;
  }

  flush(callback: Callback<Base>): void {
    this.#digested.assertSettled();
    if (this.#sealed !== this.#base) this.#seal();
    this.#waiting.push({ generation: this.#overlay.gathering - 1, callback });
    this.#stalled = false;
    setImmediate(() => {
      this.#answer();
      this.#next();
    });
  }

  pendingBytes(): number {
    return this.#overlay.bytes;
  }

  bytes(): StoreBytes {
    return this.#table.environment.bytes();
  }

  digest(): Uint8Array {
    return this.#digested.digest();
  }

  pin(): PinnedView {
    this.#digested.assertSettled();
    const { environment } = this.#table;
    const view = new LmdbView(this.#base, this.digest(), this.#overlay.changes.snapshot(), environment, () =>
      this.#views.delete(view),
    );
    this.#views.add(view);
    return view;
  }

  install(snapshot: ReceivedSnapshot, callback: Callback<void>): void {
    assert(this.#installing === undefined, 'a snapshot is being installed already');
    this.#digested.assertSettled();
    this.#installing = () => {
      loadSnapshot(this.#options, this.#files, snapshot, (error, loaded) => {
        this.#installing = undefined;
        if (error === undefined) this.#replace(loaded);
        callback(error);
        this.#answer();
        this.#idle();
      });
    };
    this.#next();
  }

  close(callback: Callback<void>): void {
    assert(this.#closing === undefined, 'the store is being closed already');
    this.#closing = () => {
      for (const view of this.#views) view.release();
      this.#table.environment.retire(callback);
    };
    this.#next();
  }

  #seal(): void {
    this.#overlay.seal(this.#base, this.digest());
    this.#sealed = this.#base;
  }

  #next(): void {
    if (this.#busy) return;
    const work = this.#installing ?? this.#generationWork() ?? this.#closing;
    if (work === undefined) return;
    this.#busy = true;
    work();
  }

  #idle(): void {
    this.#busy = false;
    this.#next();
  }

  #generationWork(): (() => void) | undefined {
    const generation = this.#overlay.oldest();
    if (generation === undefined || this.#stalled || this.#dead !== undefined) return undefined;
    // Who closes has flushed what he wants to keep.
    if (this.#closing !== undefined && this.#waiting.length === 0) return undefined;
    return () => this.#writeGeneration(generation);
  }

  #writeGeneration(generation: Generation): void {
    const record = encodeRecord(generation);
    this.#table.environment.write(changesOf(generation), record, (error) => {
      if (error === undefined) {
        this.#overlay.landed(generation);
        this.#flushed = generation.base;
        this.#flushedGeneration = generation.number;
      } else if (error.kind === 'full') {
        this.#stalled = true;
      } else {
        this.#dead = error;
      }
      this.#answer(error);
      // The next transaction is prepared in a turn of its own.
      setImmediate(() => this.#idle());
    });
  }

  /** Calls back those whose generation is on disk; with an error, everybody. */
  #answer(error: DiskError | undefined = this.#dead): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const each of waiting) {
      if (each.generation <= this.#flushedGeneration) each.callback(undefined, this.#flushed);
      else if (error !== undefined) each.callback(error, undefined);
      else this.#waiting.push(each);
    }
  }

  #replace(loaded: OpenedState): void {
    const old = this.#table.environment;
    this.#overlay.clear();
    this.#flushedGeneration = this.#overlay.gathering - 1;
    this.#table.environment = loaded.environment;
    this.#digested.replaced(PairDigest.fromBytes(loaded.digest));
    this.#base = loaded.base;
    this.#sealed = loaded.base;
    this.#flushed = loaded.base;
    // Views of the old state keep it until they are released; a file that stays is removed at the next open.
    old.retire(() => this.#files.remove(old.path, () => undefined));
  }
}

/** The overlay over what is in LMDB. */
class OverlaidTable implements PairTable {
  environment: LmdbEnvironment;
  readonly #overlay: Overlay;

  constructor(overlay: Overlay, environment: LmdbEnvironment) {
    this.#overlay = overlay;
    this.environment = environment;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const change = this.#overlay.changes.get(key);
    return change === undefined ? this.environment.get(key) : change.value;
  }

  scan(range: ScanRange): IterableIterator<Pair> {
    return mergedScan(this.#overlay.changes.snapshot(), this.environment.scan(range), range);
  }

  write(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#overlay.write(key, value);
  }
}

class LmdbView implements PinnedView {
  readonly base: Base;
  readonly digest: Uint8Array;
  readonly #changes: Changes;
  readonly #environment: LmdbEnvironment;
  readonly #transaction: ReturnType<LmdbEnvironment['beginRead']>;
  readonly #onRelease: () => void;
  #released = false;

  constructor(
    base: Base,
    digest: Uint8Array,
    changes: Changes,
    environment: LmdbEnvironment,
    onRelease: () => void,
  ) {
    this.base = base;
    this.digest = digest;
    this.#changes = changes;
    this.#environment = environment;
    this.#transaction = environment.beginRead();
    this.#onRelease = onRelease;
  }

  *entries(after: Uint8Array | undefined): IterableIterator<Pair> {
    const range = { from: after === undefined ? emptyBytes : keyAfter(after), to: undefined };
    assert(!this.#released, 'a released view was read');
    for (const pair of mergedScan(this.#changes, this.#environment.scan(range, this.#transaction), range)) {
      yield pair;
      assert(!this.#released, 'a released view was read');
    }
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#onRelease();
    this.#environment.endRead(this.#transaction);
  }
}

interface OpenedState {
  readonly environment: LmdbEnvironment;
  readonly base: Base;
  readonly digest: Uint8Array;
}

const fileOf = (options: LmdbBackendOptions, path: string): string => join(options.root, path);

/** Makes the empty state durable before anything is built on it. */
function beginState(options: LmdbBackendOptions, files: StateFiles, callback: Callback<OpenedState>): void {
  const path = files.next();
  LmdbEnvironment.open(path, fileOf(options, path), (openError, environment) => {
    if (openError !== undefined) return callback(openError, undefined);
    const state = { environment, base: options.initial, digest: new PairDigest().bytes() };
    completeState(files, state, callback);
  });
}

/** Writes the record that makes a state whole, then makes it the current one. */
function completeState(files: StateFiles, state: OpenedState, callback: Callback<OpenedState>): void {
  const { environment } = state;
  const fail = (error: DiskError): void => environment.retire(() => callback(error, undefined));
  environment.write([], encodeRecord(state), (writeError) => {
    if (writeError !== undefined) return fail(writeError);
    files.switchTo(environment.path, (switchError) => {
      if (switchError !== undefined) fail(switchError);
      else callback(undefined, state);
    });
  });
}

function recoverState(options: LmdbBackendOptions, path: string, callback: Callback<OpenedState>): void {
  LmdbEnvironment.open(path, fileOf(options, path), (openError, environment) => {
    if (openError !== undefined) return callback(openError, undefined);
    const fail = (error: DiskError): void => environment.retire(() => callback(error, undefined));
    const bytes = environment.record();
    const record = bytes === undefined ? new Malformed('absent') : decodeRecord(bytes);
    if (record instanceof Malformed) return fail(damagedRecord(path, record));
    // A process that died may have left its last commit in the page cache only: this one syncs it too.
    environment.write([], bytes, (writeError) => {
      if (writeError !== undefined) fail(writeError);
      else callback(undefined, { environment, ...record });
    });
  });
}

/** Writes a received snapshot to a new file in slices, and makes it the current one. */
function loadSnapshot(
  options: LmdbBackendOptions,
  files: StateFiles,
  snapshot: ReceivedSnapshot,
  callback: Callback<OpenedState>,
): void {
  const path = files.next();
  LmdbEnvironment.open(path, fileOf(options, path), (openError, environment) => {
    if (openError !== undefined) return callback(openError, undefined);
    const giveUp = (error: DiskError): void =>
      environment.retire(() => files.remove(path, () => callback(error, undefined)));
    readSnapshotFile(
      options.disk,
      snapshot.path,
      (pairs, proceed) => environment.write(pairs, undefined, proceed),
      (readError, summary) => {
        if (readError !== undefined) return giveUp(readError);
        const state = { environment, base: snapshot.base, digest: summary.header.digest };
        completeState(files, state, callback);
      },
    );
  });
}

const recordVersion = 1;

/** The record beside the pairs, docs/formats/store.md. */
function encodeRecord(state: { readonly base: Base; readonly digest: Uint8Array }): Uint8Array {
  const writer = new Writer(256).u32(recordVersion).raw(state.digest);
  writeBase(writer, state.base);
  return writer.u32(crc32c(writer.finish())).finish();
}

function decodeRecord(bytes: Uint8Array): { base: Base; digest: Uint8Array } | Malformed {
  return decode(bytes, (reader: Reader) => {
    const version = reader.u32();
    if (version !== recordVersion) throw new Malformed(`has format ${version}, not ${recordVersion}`);
    const digest = reader.raw(8);
    const base = readBase(reader);
    if (reader.u32() !== crc32c(bytes.subarray(0, bytes.length - 4))) throw new Malformed('is damaged');
    return { base, digest };
  });
}

const damagedRecord = (path: string, reason: Malformed): DiskError =>
  new DiskError(
    'damaged',
    path,
    `${path}: the record of the applied position ${reason.message}. Nothing was changed. If other replicas are well, ` +
      'remove this member and add it anew with an empty data directory, else restore a backup.',
  );
