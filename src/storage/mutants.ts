import type { Callback, Disk, DiskFile, OpenMode } from './disk.ts';

/**
 * Known mistakes with a disk, each as a disk that makes it: what a journal over it calls durable is not. The simulator
 * must catch every one of them; a check that cannot fail proves nothing.
 */
export const diskMutants: Readonly<Record<DiskMutant, (disk: Disk) => Disk>> = {
  /** Files are never synced. */
  noFdatasync: (disk) => new Through(disk, (file) => new Unsynced(file)),
  /** Names are never synced. */
  noDirectorySync: (disk) => new UnsyncedNames(disk, (file) => file),
  /** A sync is reported when it begins. */
  acknowledgeBeforeDurable: (disk) => new Through(disk, (file) => new EarlySynced(file)),
  /** What recovery reads is taken for durable: nothing is written again or synced before it is relied on. */
  noSyncAtOpen: (disk) =>
    new Through(disk, (file, path, mode) =>
      mode === 'write' && path.endsWith('.segment') ? new UnsettledAtOpen(file) : file,
    ),
  /** A failed sync is tried again until it does not fail. */
  retryFailedSync: (disk) => new Through(disk, (file) => new RetriedSync(file)),
};

export type DiskMutant =
  | 'noFdatasync'
  | 'noDirectorySync'
  | 'acknowledgeBeforeDurable'
  | 'noSyncAtOpen'
  | 'retryFailedSync';

type Wrap = (file: DiskFile, path: string, mode: OpenMode) => DiskFile;

class Through implements Disk {
  protected readonly disk: Disk;
  readonly #wrap: Wrap;

  constructor(disk: Disk, wrap: Wrap) {
    this.disk = disk;
    this.#wrap = wrap;
  }

  open(path: string, mode: OpenMode, callback: Callback<DiskFile>): void {
    this.disk.open(path, mode, (error, file) => {
      if (error !== undefined) callback(error, undefined);
      else callback(undefined, this.#wrap(file, path, mode));
    });
  }

  rename(from: string, to: string, callback: Callback<void>): void {
    this.disk.rename(from, to, callback);
  }

  remove(path: string, callback: Callback<void>): void {
    this.disk.remove(path, callback);
  }

  makeDirectory(path: string, callback: Callback<void>): void {
    this.disk.makeDirectory(path, callback);
  }

  list(path: string, callback: Callback<string[]>): void {
    this.disk.list(path, callback);
  }

  syncDirectory(path: string, callback: Callback<void>): void {
    this.disk.syncDirectory(path, callback);
  }

  free(callback: Callback<number>): void {
    this.disk.free(callback);
  }
}

class UnsyncedNames extends Through {
  override syncDirectory(path: string, callback: Callback<void>): void {
    this.disk.list(path, (error, _) => callback(error));
  }
}

class ThroughFile implements DiskFile {
  protected readonly file: DiskFile;

  constructor(file: DiskFile) {
    this.file = file;
  }

  size(callback: Callback<number>): void {
    this.file.size(callback);
  }

  read(offset: number, length: number, callback: Callback<Uint8Array>): void {
    this.file.read(offset, length, callback);
  }

  write(offset: number, parts: readonly Uint8Array[], callback: Callback<void>): void {
    this.file.write(offset, parts, callback);
  }

  allocate(length: number, callback: Callback<void>): void {
    this.file.allocate(length, callback);
  }

  truncate(length: number, callback: Callback<void>): void {
    this.file.truncate(length, callback);
  }

  sync(callback: Callback<void>): void {
    this.file.sync(callback);
  }

  close(callback: Callback<void>): void {
    this.file.close(callback);
  }
}

class Unsynced extends ThroughFile {
  override sync(callback: Callback<void>): void {
    this.file.size((error, _) => callback(error));
  }
}

class EarlySynced extends ThroughFile {
  override sync(callback: Callback<void>): void {
    this.file.sync(() => undefined);
    this.file.size((error, _) => callback(error));
  }
}

class UnsettledAtOpen extends ThroughFile {
  #settled = false;

  override write(offset: number, parts: readonly Uint8Array[], callback: Callback<void>): void {
    if (this.#settled) super.write(offset, parts, callback);
    else this.file.size((error, _) => callback(error));
  }

  override sync(callback: Callback<void>): void {
    if (this.#settled) super.sync(callback);
    else this.file.size((error, _) => callback(error));
    this.#settled = true;
  }
}

class RetriedSync extends ThroughFile {
  override sync(callback: Callback<void>): void {
    this.file.sync((error) => {
      if (error === undefined) callback(undefined);
      else this.sync(callback);
    });
  }
}
