import { assert } from '../core/assert.ts';
import { emptyBytes } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import type { ScanRange, Store } from '../core/store.ts';
import type { Base } from '../protocol/index.ts';
import type { PinnedView, ReceivedSnapshot, StoreBackend, StoreBytes } from './backend.ts';
import { DigestedStore, type PairTable } from './digested-store.ts';
import type { Callback, DiskError } from './disk.ts';
import type { LmdbEnvironment } from './lmdb-environment.ts';
import {
  beginState,
  encodeRecord,
  type LmdbBackendOptions,
  loadSnapshot,
  type OpenedState,
  recoverState,
} from './lmdb-state.ts';
import { type Generation, type LaidOver, Overlay } from './overlay.ts';
import type { Pair } from './snapshot.ts';
import { StateFiles } from './state-files.ts';

export type { LmdbBackendOptions };

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
    // A copy: whether anything was applied since the last flush is told by identity.
    this.#base = { ...base };
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
    const view = new LmdbView(this.#base, this.digest(), this.#overlay.snapshot(), environment, () =>
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
    this.#table.environment.write(generation.changes, record, (error) => {
      if (error === undefined) {
        this.#flushed = generation.base;
        this.#flushedGeneration = generation.number;
        this.#overlay.land(generation);
        this.#answer();
        // The next transaction is prepared in a turn of its own.
        setImmediate(() => this.#idle());
      } else {
        this.#afterFailure(error);
      }
    });
  }

  /** On a full disk nothing was tried, and the same transaction is tried again later. */
  #afterFailure(error: DiskError): void {
    if (error.kind === 'full') this.#stalled = true;
    else this.#dead = error;
    this.#answer(error);
    this.#idle();
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
    const change = this.#overlay.get(key);
    return change === undefined ? this.environment.get(key) : change.value;
  }

  scan(range: ScanRange): IterableIterator<Pair> {
    return this.#overlay.scan(this.environment.scan(range), range);
  }

  write(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#overlay.write(key, value);
  }

  exchange(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    const change = this.#overlay.write(key, value);
    return change === undefined ? this.environment.get(key) : change.value;
  }
}

class LmdbView implements PinnedView {
  readonly base: Base;
  readonly digest: Uint8Array;
  readonly #changes: LaidOver;
  readonly #environment: LmdbEnvironment;
  readonly #transaction: ReturnType<LmdbEnvironment['beginRead']>;
  readonly #onRelease: () => void;
  #released = false;

  constructor(
    base: Base,
    digest: Uint8Array,
    changes: LaidOver,
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

  *entries(): IterableIterator<Pair> {
    const range = { from: emptyBytes, to: undefined };
    assert(!this.#released, 'a released view was read');
    for (const pair of this.#changes.scan(this.#environment.scan(range, this.#transaction), range)) {
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
