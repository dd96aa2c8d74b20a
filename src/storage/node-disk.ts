import * as fs from 'node:fs';
import { join } from 'node:path';
import {
  type Callback,
  type Disk,
  DiskError,
  type DiskErrorKind,
  type DiskFile,
  type OpenMode,
} from './disk.ts';

const flags: Record<OpenMode, string> = { read: 'r', write: 'r+', create: 'wx+' };
const allocationStep = 1024 * 1024;

/** The files below one directory of the host. Nothing blocks the event loop; fdatasync runs on libuv's threads. */
export class NodeDisk implements Disk {
  readonly #root: string;

  /** `root` must exist. */
  constructor(root: string) {
    this.#root = root;
  }

  open(path: string, mode: OpenMode, callback: Callback<DiskFile>): void {
    fs.open(this.#at(path), flags[mode], 0o600, (error, descriptor) => {
      if (error !== null) callback(diskError(error, path), undefined);
      else callback(undefined, new NodeFile(descriptor, path));
    });
  }

  rename(from: string, to: string, callback: Callback<void>): void {
    fs.rename(this.#at(from), this.#at(to), outcome(from, callback));
  }

  remove(path: string, callback: Callback<void>): void {
    fs.unlink(this.#at(path), outcome(path, callback));
  }

  makeDirectory(path: string, callback: Callback<void>): void {
    fs.mkdir(this.#at(path), { mode: 0o700 }, outcome(path, callback));
  }

  list(path: string, callback: Callback<string[]>): void {
    fs.readdir(this.#at(path), (error, names) => {
      if (error !== null) callback(diskError(error, path), undefined);
      else callback(undefined, names.sort());
    });
  }

  syncDirectory(path: string, callback: Callback<void>): void {
    fs.open(this.#at(path), 'r', (openError, descriptor) => {
      if (openError !== null) return callback(diskError(openError, path));
      fs.fsync(descriptor, (syncError) => {
        fs.close(descriptor, (closeError) => outcome(path, callback)(syncError ?? closeError ?? null));
      });
    });
  }

  free(callback: Callback<number>): void {
    fs.statfs(this.#root, (error, stats) => {
      if (error !== null) callback(diskError(error, '.'), undefined);
      else callback(undefined, stats.bavail * stats.bsize);
    });
  }

  #at(path: string): string {
    return join(this.#root, path);
  }
}

class NodeFile implements DiskFile {
  readonly #descriptor: number;
  readonly #path: string;

  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor;
    this.#path = path;
  }

  size(callback: Callback<number>): void {
    fs.fstat(this.#descriptor, (error, stats) => {
      if (error !== null) callback(diskError(error, this.#path), undefined);
      else callback(undefined, stats.size);
    });
  }

  read(offset: number, length: number, callback: Callback<Uint8Array>): void {
    // Not a Buffer: its `slice` does not copy, which readers of plain byte arrays rely on.
    const buffer = new Uint8Array(length);
    const proceed = (done: number): void => {
      fs.read(this.#descriptor, buffer, done, length - done, offset + done, (error, count) => {
        if (error !== null) callback(diskError(error, this.#path), undefined);
        else if (count === 0 || done + count === length)
          callback(undefined, buffer.subarray(0, done + count));
        else proceed(done + count);
      });
    };
    proceed(0);
  }

  write(offset: number, parts: readonly Uint8Array[], callback: Callback<void>): void {
    const rest = parts.filter((part) => part.length > 0);
    if (rest.length === 0) {
      setImmediate(() => callback(undefined));
      return;
    }
    fs.writev(this.#descriptor, rest, offset, (error, written) => {
      if (error !== null) return callback(diskError(error, this.#path));
      const remaining = after(rest, written);
      if (remaining.length === 0) callback(undefined);
      else this.write(offset + written, remaining, callback);
    });
  }

  /** Writes the zeros: a hole would take its room only when it is filled, which is when it may be gone. */
  allocate(length: number, callback: Callback<void>): void {
    this.size((sizeError, size) => {
      if (sizeError !== undefined) return callback(sizeError);
      const zeros = new Uint8Array(Math.min(allocationStep, Math.max(0, length - size)));
      const proceed = (from: number): void => {
        if (from >= length) return callback(undefined);
        const step = zeros.subarray(0, Math.min(zeros.length, length - from));
        this.write(from, [step], (writeError) => {
          if (writeError !== undefined) callback(writeError);
          else proceed(from + step.length);
        });
      };
      proceed(size);
    });
  }

  truncate(length: number, callback: Callback<void>): void {
    fs.ftruncate(this.#descriptor, length, outcome(this.#path, callback));
  }

  sync(callback: Callback<void>): void {
    fs.fdatasync(this.#descriptor, outcome(this.#path, callback));
  }

  close(callback: Callback<void>): void {
    fs.close(this.#descriptor, (error) => outcome(this.#path, callback)(error ?? null));
  }
}

/** What is left of the parts when `written` bytes of them are done. */
function after(parts: readonly Uint8Array[], written: number): Uint8Array[] {
  const remaining: Uint8Array[] = [];
  let skip = written;
  for (const part of parts) {
    if (skip < part.length) remaining.push(part.subarray(skip));
    skip = Math.max(0, skip - part.length);
  }
  return remaining;
}

function outcome(path: string, callback: Callback<void>): (error: NodeJS.ErrnoException | null) => void {
  return (error) => {
    callback(error === null ? undefined : diskError(error, path));
  };
}

const kinds: Readonly<Record<string, DiskErrorKind>> = {
  ENOSPC: 'full',
  EDQUOT: 'full',
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EEXIST: 'exists',
  EROFS: 'readOnly',
  EACCES: 'denied',
  EPERM: 'denied',
};

/** What the file system reported, by kind. */
export function diskError(error: NodeJS.ErrnoException, path: string): DiskError {
  return new DiskError(kinds[error.code ?? ''] ?? 'io', path, error.message);
}
