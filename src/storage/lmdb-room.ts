import { statfs } from 'node:fs';
import { storeReserveBytes } from '../core/limits.ts';
import type { Callback, Disk, DiskError, DiskFile } from './disk.ts';
import { type Claim, claimRoom, tooLate } from './room.ts';
import { closeAfter } from './steps.ts';

/** Bytes that a transaction adds to the file: what is to be expected, and what it comes to at worst. */
export interface Growth {
  readonly expected: number;
  readonly atMost: number;
}

/** So much is added to the file at once at least. */
const stepBytes = 1024 * 1024;
/** LMDB asks for half of it, for its table of readers; more gives it more places. */
const readerTableBytes = 16 * 1024;
const nothing: Claim = () => {};

/**
 * File systems that write a block again where it lies: ext4, XFS and tmpfs. On any other, which may copy what it changes,
 * room in the file says nothing about room on the disk.
 */
const overwriting: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x01021994]);

/**
 * Makes sure of the room for what LMDB is going to write: a write of its own that finds a full disk ends the process,
 * because lmdb-js puts a message together in a buffer that is too short for it. So the file reaches beyond LMDB's last page,
 * and is full of zeros there. docs/decisions/0009-room-for-the-state.md has the reasons.
 */
export class LmdbRoom {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #overwrites: boolean;
  /** Bytes of the file; undefined until somebody looked. */
  #length: number | undefined;

  private constructor(disk: Disk, path: string, overwrites: boolean) {
    this.#disk = disk;
    this.#path = path;
    this.#overwrites = overwrites;
  }

  /** Before LMDB opens the file, or makes it. `root` is where the paths of the disk begin. */
  static open(disk: Disk, root: string, path: string, callback: Callback<LmdbRoom>): void {
    statfs(root, (statError, stats) => {
      const room = new LmdbRoom(disk, path, statError === null && overwriting.has(stats.type));
      room.#prepareReaderTable(`${path}-lock`, (error) => {
        if (error !== undefined) callback(error, undefined);
        else callback(undefined, room);
      });
    });
  }

  /**
   * To be called before each transaction; `end` is where LMDB's pages end. Calls back with what is to be called when the
   * transaction is over: until then nobody else takes the room. After an error of kind `full`, which says how much is
   * needed, nothing was taken.
   */
  make(end: number, growth: Growth, callback: Callback<Claim>): void {
    if (this.#length === undefined) return this.#look(() => this.make(end, growth, callback), callback);
    // LMDB makes it longer by itself when a transaction came to more than was expected.
    const length = Math.max(this.#length, end);
    const ahead = length - end;
    const missing = growth.expected - ahead;
    const longer = missing <= 0 ? length : length + Math.ceil(missing / stepBytes) * stepBytes;
    const taken = this.#overwrites ? Math.max(longer - length, growth.atMost - ahead) : growth.atMost;
    if (taken <= 0) {
      setImmediate(callback, undefined, nothing);
      return;
    }
    this.#claim(taken, (error, claim) => {
      if (error !== undefined) return callback(error, undefined);
      if (longer === length) return callback(undefined, claim);
      this.#lengthen(length, longer, (lengthenError) => {
        if (lengthenError === undefined) return callback(undefined, claim);
        claim();
        callback(lengthenError, undefined);
      });
    });
  }

  /** It is mapped into memory: a page of it that finds no room when it is first used would be a bus error. */
  #prepareReaderTable(path: string, callback: Callback<void>): void {
    const disk = this.#disk;
    const allocate = (error: DiskError | undefined, file: DiskFile | undefined): void => {
      if (file === undefined) callback(error);
      else file.allocate(readerTableBytes, closeAfter<void>(file, callback));
    };
    disk.open(path, 'write', (error, file) => {
      if (error?.kind !== 'missing') return allocate(error, file);
      // Neither is there: LMDB will make its file, with a first transaction.
      this.#claim(stepBytes, (fullError, claim) => {
        if (fullError !== undefined) return callback(fullError);
        claim();
        disk.open(path, 'create', allocate);
      });
    });
  }

  #claim(bytes: number, callback: Callback<Claim>): void {
    const room = { bytes, reserve: storeReserveBytes };
    claimRoom(this.#disk, this.#path, 'to write the state', room, callback);
  }

  #look(proceed: () => void, callback: Callback<Claim>): void {
    withFile<number>(
      this.#disk,
      this.#path,
      (file, done) => file.size(done),
      (error, length) => {
        if (error !== undefined) return callback(error, undefined);
        this.#length = length;
        proceed();
      },
    );
  }

  #lengthen(from: number, to: number, callback: Callback<void>): void {
    const extend = (file: DiskFile, done: Callback<void>): void =>
      file.allocate(to, (error) => {
        if (error === undefined) done(undefined);
        // Somebody else was faster; what was taken of the last room is given back.
        else
          file.truncate(from, () =>
            done(error.kind === 'full' ? tooLate(this.#path, 'to write the state', to - from) : error),
          );
      });
    withFile<void>(this.#disk, this.#path, extend, (error) => {
      if (error === undefined) this.#length = to;
      callback(error);
    });
  }
}

function withFile<T>(
  disk: Disk,
  path: string,
  use: (file: DiskFile, done: Callback<T>) => void,
  callback: Callback<T>,
): void {
  const failed = callback as (error: DiskError, value: undefined) => void;
  disk.open(path, 'write', (error, file) => {
    if (error !== undefined) failed(error, undefined);
    else use(file, closeAfter<T>(file, callback));
  });
}
