/**
 * Files as the journal and the snapshots see them: callbacks only, so that the simulator can own them. Paths are
 * relative to the data directory, with `/`. Nothing is durable before the right sync: a file's bytes before its `sync`,
 * a file's existence, name or removal before `syncDirectory` of its directory.
 */
export interface Disk {
  open(path: string, mode: OpenMode, callback: Callback<DiskFile>): void;
  rename(from: string, to: string, callback: Callback<void>): void;
  remove(path: string, callback: Callback<void>): void;
  makeDirectory(path: string, callback: Callback<void>): void;
  /** Names in a directory, sorted; an absent directory is an error of kind `missing`. */
  list(path: string, callback: Callback<string[]>): void;
  syncDirectory(path: string, callback: Callback<void>): void;
  /** Bytes that can still be written. */
  free(callback: Callback<number>): void;
}

/** `create` fails when the file exists; `write` and `read` fail when it does not. */
export type OpenMode = 'read' | 'write' | 'create';

export interface DiskFile {
  size(callback: Callback<number>): void;
  /** Fewer bytes than asked for at the end of the file only. */
  read(offset: number, length: number, callback: Callback<Uint8Array>): void;
  /** Writes the parts one after the other from `offset`; all of them, or an error. */
  write(offset: number, parts: readonly Uint8Array[], callback: Callback<void>): void;
  /** Reserves zeroed room, so that later writes below `length` find space; `full` when there is none. */
  allocate(length: number, callback: Callback<void>): void;
  truncate(length: number, callback: Callback<void>): void;
  /** fdatasync. After an error the state of the file is unknown: never try again, halt. */
  sync(callback: Callback<void>): void;
  close(callback: Callback<void>): void;
}

/** `damaged`: what is there can be read, but is not what was written. */
export type DiskErrorKind = 'full' | 'missing' | 'exists' | 'readOnly' | 'denied' | 'damaged' | 'io';

/** What the world did to us; never a programming error. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code = 'DISK_ERROR';
  readonly kind: DiskErrorKind;
  readonly path: string;
  /** Of kind `full`: how many bytes more there would have to be, where that is known. */
  readonly missing: number | undefined;

  constructor(kind: DiskErrorKind, path: string, message: string, missing?: number) {
    super(message);
    this.kind = kind;
    this.path = path;
    this.missing = missing;
  }
}

/** Called once, never before the call that took it has returned. Look at `error` first: that tells whether there is a value. */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback that brings nothing takes the error alone
export type Callback<T> = [T] extends [void]
  ? (error: DiskError | undefined) => void
  : (...outcome: [error: DiskError, value: undefined] | [error: undefined, value: T]) => void;
