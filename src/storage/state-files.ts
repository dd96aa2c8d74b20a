import { utf8, utf8Text } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import { lostFilesAdvice } from './advice.ts';
import { type Callback, type Disk, DiskError } from './disk.ts';
import { closeAfter, inTurn, removeIfThere } from './steps.ts';

const pointerName = 'current';
const newPointerName = 'current.new';
const stateNamePattern = /^(\d{8})\.[a-z-]+$/;
/** What the pointer of a new directory says, so that a missing pointer never means "nothing yet". */
const noState = 'none';

/**
 * The numbered state files in a directory, of which one is current: the one that the pointer file names. A new state is
 * written beside the current one and synced, then the pointer is replaced by a rename: a power cut leaves the old state
 * or the new one. The pointer is there before the first state file is, so a state file without one is damage.
 */
export class StateFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #extension: string;
  #lastNumber = 0;

  private constructor(disk: Disk, directory: string, extension: string) {
    this.#disk = disk;
    this.#directory = directory;
    this.#extension = extension;
  }

  /**
   * Calls back with the current state file's path, undefined when there was never one. What an interrupted write left
   * behind is removed, and what is found is durable: a process that died may have left a rename in the page cache only.
   */
  static open(
    disk: Disk,
    directory: string,
    extension: string,
    callback: Callback<{ files: StateFiles; current: string | undefined }>,
  ): void {
    const files = new StateFiles(disk, directory, extension);
    files.#makeAndList((listError, names) => {
      if (listError !== undefined) return callback(listError, undefined);
      disk.syncDirectory(directory, (syncError) => {
        if (syncError !== undefined) return callback(syncError, undefined);
        files.#readPointer(names, (error, current) => {
          if (error !== undefined) return callback(error, undefined);
          files.#removeLeftovers(names, current, (removeError) => {
            if (removeError !== undefined) callback(removeError, undefined);
            else callback(undefined, { files, current: current && files.#path(current) });
          });
        });
      });
    });
  }

  /** The path for a state that is to be written. */
  next(): string {
    this.#lastNumber++;
    return this.#path(`${String(this.#lastNumber).padStart(8, '0')}.${this.#extension}`);
  }

  /**
   * Makes a state file that was written and synced the current one. After an error of kind `full` the old one is current
   * still; after another it is unknown which.
   */
  switchTo(path: string, callback: Callback<void>): void {
    const name = path.slice(this.#directory.length + 1);
    // The state file's own name first: synced together with the rename, it might be the one that a power cut loses.
    this.#disk.syncDirectory(this.#directory, (error) => {
      if (error !== undefined) callback(error);
      else this.#pointTo(name, callback);
    });
  }

  /** Removes a state file that is not current any more, or never was, with what belongs to it. */
  remove(path: string, callback: () => void): void {
    // What cannot be removed now is removed at the next open.
    removeIfThere(this.#disk, path, () => removeIfThere(this.#disk, lockPath(path), () => callback()));
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }

  #makeAndList(callback: Callback<string[]>): void {
    const disk = this.#disk;
    disk.makeDirectory(this.#directory, (makeError) => {
      if (makeError !== undefined && makeError.kind !== 'exists') return callback(makeError, undefined);
      // Also when it was there: a process that died may have left it in the page cache only.
      disk.syncDirectory(parentOf(this.#directory), (syncError) => {
        if (syncError !== undefined) callback(syncError, undefined);
        else disk.list(this.#directory, callback);
      });
    });
  }

  #readPointer(names: readonly string[], callback: Callback<string | undefined>): void {
    for (const name of names) {
      const matched = stateNamePattern.exec(name);
      if (matched !== null) this.#lastNumber = Math.max(this.#lastNumber, Number(matched[1]));
    }
    const path = this.#path(pointerName);
    if (!names.includes(pointerName)) return this.#begin(path, names, callback);
    this.#disk.open(path, 'read', (openError, file) => {
      if (openError !== undefined) return callback(openError, undefined);
      const done = closeAfter(file, callback);
      file.read(0, 256, (readError, bytes) => {
        if (readError !== undefined) return done(readError, undefined);
        const current = decodePointer(bytes);
        if (current === undefined)
          return done(damaged(path, 'does not name a state file as it was written to do'), undefined);
        if (current === noState) return done(undefined, undefined);
        if (!current.endsWith(`.${this.#extension}`))
          return done(damaged(path, `names ${current}: the state is kept by another back end`), undefined);
        if (!names.includes(current))
          return done(damaged(path, `names ${current}, which is not there`), undefined);
        done(undefined, current);
      });
    });
  }

  #begin(path: string, names: readonly string[], callback: Callback<string | undefined>): void {
    const state = names.find((name) => stateNamePattern.test(name) && !name.endsWith(lockSuffix));
    if (state !== undefined)
      return callback(
        damaged(path, `is missing, although there is ${state}, which may be the state`),
        undefined,
      );
    this.#pointTo(noState, (error) => {
      if (error !== undefined) callback(error, undefined);
      else callback(undefined, undefined);
    });
  }

  #pointTo(name: string, callback: Callback<void>): void {
    const pointer = this.#path(newPointerName);
    removeIfThere(this.#disk, pointer, (removeError) => {
      if (removeError !== undefined) return callback(removeError);
      this.#writePointer(pointer, name, (writeError) => {
        if (writeError !== undefined) callback(writeError);
        else this.#renamePointer(pointer, callback);
      });
    });
  }

  #writePointer(path: string, name: string, callback: Callback<void>): void {
    this.#disk.open(path, 'create', (openError, file) => {
      if (openError !== undefined) return callback(openError);
      const done = closeAfter<void>(file, callback);
      file.write(0, [encodePointer(name)], (writeError) => {
        if (writeError !== undefined) done(writeError);
        else file.sync(done);
      });
    });
  }

  #renamePointer(pointer: string, callback: Callback<void>): void {
    this.#disk.rename(pointer, this.#path(pointerName), (renameError) => {
      if (renameError !== undefined) return callback(renameError);
      this.#disk.syncDirectory(this.#directory, (error) =>
        callback(error && new DiskError('io', error.path, error.message)),
      );
    });
  }

  #removeLeftovers(
    names: readonly string[],
    current: string | undefined,
    callback: (error?: DiskError) => void,
  ): void {
    const leftovers = names.filter(
      (name) =>
        name === newPointerName ||
        (stateNamePattern.test(name) && name !== current && name !== (current && lockPath(current))),
    );
    inTurn(leftovers, (name, done) => removeIfThere(this.#disk, this.#path(name), done), callback);
  }
}

/** LMDB keeps its table of readers beside the data; it means nothing after a restart. */
const lockSuffix = '-lock';
const lockPath = (path: string): string => path + lockSuffix;

/** The directory that a path lies in. */
export const parentOf = (path: string): string => {
  const slash = path.lastIndexOf('/');
  return slash === -1 ? '.' : path.slice(0, slash);
};

const checksum = (name: string): string => crc32c(utf8(name)).toString(16).padStart(8, '0');

const encodePointer = (name: string): Uint8Array => utf8(`${name} ${checksum(name)}\n`);

function decodePointer(bytes: Uint8Array): string | undefined {
  try {
    const [, name = '', sum] = /^(\S+) ([0-9a-f]{8})\n$/.exec(utf8Text(bytes)) ?? [];
    const known = name === noState || stateNamePattern.test(name);
    return known && sum === checksum(name) ? name : undefined;
  } catch {
    return undefined;
  }
}

const damaged = (path: string, what: string): DiskError =>
  new DiskError('damaged', path, `${path} ${what}. Nothing was changed. Check this disk. ${lostFilesAdvice}`);
