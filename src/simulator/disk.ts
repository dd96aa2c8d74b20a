import { present } from '../core/assert.ts';
import { concatBytes } from '../core/bytes.ts';
import type { Random } from '../core/random.ts';
import { type Callback, type Disk, DiskError, type DiskFile, type OpenMode } from '../storage/disk.ts';
import { DirectoryNode, FileNode, type Node } from './disk-image.ts';

export interface SimulatedDiskOptions {
  /** The only source of time and order. */
  readonly schedule: (delayMs: number, callback: () => void) => unknown;
  readonly random: Random;
  /** How long an operation takes; at once when undefined. */
  readonly speed?: { readonly minDelayMs: number; readonly maxDelayMs: number };
  /** Bytes that all files together may take. */
  readonly capacity?: number;
}

/** What a disk did to one process. */
export interface Failings {
  /** A sync failed. */
  sync: boolean;
  /** There was no room for what was to be written, or none at all when it was asked how much there is. */
  space: boolean;
  /** What was read was not what had been written. */
  rot: boolean;
}

const noFailings = (): Failings => ({ sync: false, space: false, rot: false });

/**
 * A disk that keeps exactly what was asked of it and no more. Each operation completes later. What was not synced is
 * visible to the process and survives its death, but at a power cut any part of it may be lost, torn or reordered: a
 * file's bytes by themselves, names by themselves.
 */
export class SimulatedDisk implements Disk {
  readonly #options: SimulatedDiskOptions;
  readonly #random: Random;
  readonly #root = new DirectoryNode();
  #capacity: number;
  #full = false;
  #slowness = 1;
  readonly #failingSyncs: ((() => void) | undefined)[] = [];
  #lostWrites = 0;
  /** Counts the processes that have used the disk; callbacks reach only the one that asked. */
  #life = 0;
  #failings = noFailings();

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.#random = options.random;
    this.#capacity = options.capacity ?? Number.MAX_SAFE_INTEGER;
  }

  /** The process is gone: nothing that it waits for reaches it any more. What it wrote stays visible. */
  kill(): void {
    this.#life++;
    this.#failings = noFailings();
    this.#root.processDied();
  }

  /** The power is gone, and with it whatever was not synced and had no luck. The disk can be used again at once. */
  powerCut(): void {
    this.kill();
    this.#lostWrites += this.#root.powerCut(this.#random);
  }

  /** Operations take so many times longer. */
  slowDown(factor: number): void {
    this.#slowness = factor;
  }

  /** No byte more than there is now, until told otherwise. */
  fill(full: boolean): void {
    this.#full = full;
  }

  setCapacity(bytes: number): void {
    this.#capacity = bytes;
  }

  /**
   * The next sync of a file reports an error, and what it should have written is written in part or never. `failed` is
   * called then.
   */
  failNextSync(failed?: () => void): void {
    this.#failingSyncs.push(failed);
  }

  /** What the present process can blame the disk for. */
  get failings(): Readonly<Failings> {
    return this.#failings;
  }

  /** Changes that power cuts have lost, in part or altogether. */
  get lostWrites(): number {
    return this.#lostWrites;
  }

  /** The paths of all files below `directory`, in order. */
  files(directory = ''): string[] {
    const node = this.#find(directory === '' ? '.' : directory);
    if (node?.type !== 'directory') return [];
    return node.names().flatMap((name) => {
      const path = directory === '' ? name : `${directory}/${name}`;
      return node.get(name)?.type === 'file' ? [path] : this.files(path);
    });
  }

  /** A file that was there, whole and durable, before anybody used the disk. */
  put(path: string, bytes: Uint8Array): void {
    const parts = path.split('/');
    const name = present(parts.pop(), 'a file has a name');
    let directory = this.#root;
    for (const part of parts) {
      const found = directory.get(part);
      const next = found?.type === 'directory' ? found : new DirectoryNode();
      if (found === undefined) settle(directory, directory.link(part, next));
      directory = next;
    }
    const file = new FileNode();
    settle(file, file.write(0, bytes));
    settle(directory, directory.link(name, file));
  }

  flipBit(path: string, bit: number): void {
    this.#file(path).flipBit(bit);
  }

  /** What a process would read. */
  contents(path: string): Uint8Array {
    const file = this.#file(path);
    return file.read(0, file.size);
  }

  open(path: string, mode: OpenMode, callback: Callback<DiskFile>): void {
    const [directory, name] = this.#parent(path);
    const node = directory?.get(name);
    const fail = (error: DiskError): void => this.complete(() => callback(error, undefined));
    if (directory === undefined) return fail(missing(path));
    if (mode === 'create') {
      if (node !== undefined) return fail(new DiskError('exists', path, `${path} exists already`));
      const file = new FileNode();
      const completed = directory.link(name, file);
      return this.complete(() => {
        completed();
        callback(undefined, new SimulatedFile(this, file, path));
      });
    }
    if (node === undefined) return fail(missing(path));
    if (node.type === 'directory') return fail(new DiskError('io', path, `${path} is a directory`));
    this.complete(() => callback(undefined, new SimulatedFile(this, node, path)));
  }

  rename(from: string, to: string, callback: Callback<void>): void {
    const [source, oldName] = this.#parent(from);
    const [target, newName] = this.#parent(to);
    const node = source?.get(oldName);
    if (source === undefined || target === undefined || node === undefined) {
      return this.complete(() => callback(missing(from)));
    }
    const completed =
      source === target
        ? [source.rename(oldName, newName, node)]
        : [target.link(newName, node), source.unlink(oldName)];
    this.complete(() => {
      for (const done of completed) done();
      callback(undefined);
    });
  }

  remove(path: string, callback: Callback<void>): void {
    const [directory, name] = this.#parent(path);
    if (directory?.get(name) === undefined) return this.complete(() => callback(missing(path)));
    const completed = directory.unlink(name);
    this.complete(() => {
      completed();
      callback(undefined);
    });
  }

  makeDirectory(path: string, callback: Callback<void>): void {
    const [directory, name] = this.#parent(path);
    if (directory === undefined) return this.complete(() => callback(missing(path)));
    if (directory.get(name) !== undefined) {
      return this.complete(() => callback(new DiskError('exists', path, `${path} exists already`)));
    }
    const completed = directory.link(name, new DirectoryNode());
    this.complete(() => {
      completed();
      callback(undefined);
    });
  }

  list(path: string, callback: Callback<string[]>): void {
    const node = this.#find(path);
    if (node?.type !== 'directory') return this.complete(() => callback(missing(path), undefined));
    this.complete(() => callback(undefined, node.names()));
  }

  syncDirectory(path: string, callback: Callback<void>): void {
    const node = this.#find(path);
    if (node?.type !== 'directory') return this.complete(() => callback(missing(path)));
    const changes = node.unsynced();
    this.complete(() => {
      node.synced(changes);
      callback(undefined);
    });
  }

  free(callback: Callback<number>): void {
    this.complete(() => {
      const bytes = this.#free();
      if (bytes === 0) this.#failings.space = true;
      callback(undefined, bytes);
    });
  }

  /** For `SimulatedFile`: runs later, unless the process dies before. */
  complete(callback: () => void): void {
    const life = this.#life;
    const { speed, schedule } = this.#options;
    const micros = (milliseconds: number): number => Math.round(milliseconds * 1000);
    const delay =
      speed === undefined ? 0 : this.#random.between(micros(speed.minDelayMs), micros(speed.maxDelayMs));
    schedule((delay * this.#slowness) / 1000, () => {
      if (life === this.#life) callback();
    });
  }

  /** For `SimulatedFile`. */
  grow(path: string, bytes: number): DiskError | undefined {
    if (bytes <= this.#free() || bytes <= 0) return undefined;
    this.#failings.space = true;
    return new DiskError('full', path, `no space left for ${path}`);
  }

  /** For `SimulatedFile`. */
  read(file: FileNode, offset: number, length: number): Uint8Array {
    if (file.isRotten(offset, length)) this.#failings.rot = true;
    return file.read(offset, length);
  }

  /** For `SimulatedFile`. */
  sync(file: FileNode, path: string, callback: Callback<void>): void {
    const changes = file.unsynced();
    this.complete(() => {
      if (this.#failingSyncs.length === 0) {
        file.synced(changes);
        return callback(undefined);
      }
      this.#failingSyncs.shift()?.();
      this.#failings.sync = true;
      file.syncFailed(changes, this.#random);
      callback(new DiskError('io', path, `fdatasync of ${path} failed`));
    });
  }

  #free(): number {
    return this.#full ? 0 : Math.max(0, this.#capacity - sizeOf(this.#root));
  }

  #file(path: string): FileNode {
    const node = present(this.#find(path), `no file ${path}`);
    if (node.type !== 'file') throw new DiskError('io', path, `${path} is a directory`);
    return node;
  }

  #find(path: string): Node | undefined {
    const [directory, name] = this.#parent(path);
    return name === '' ? directory : directory?.get(name);
  }

  /** The directory that holds the last part of the path, and that part. */
  #parent(path: string): [directory: DirectoryNode | undefined, name: string] {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    const name = parts.pop() ?? '';
    let directory: Node | undefined = this.#root;
    for (const part of parts) directory = directory?.type === 'directory' ? directory.get(part) : undefined;
    return [directory?.type === 'directory' ? directory : undefined, name];
  }
}

/** The change has completed and is durable. */
function settle(node: FileNode | DirectoryNode, completed: () => void): void {
  completed();
  if (node.type === 'file') node.synced(node.unsynced());
  else node.synced(node.unsynced());
}

const missing = (path: string): DiskError => new DiskError('missing', path, `there is no ${path}`);

function sizeOf(node: Node): number {
  if (node.type === 'file') return node.size;
  let bytes = 0;
  for (const child of node.nodes()) bytes += sizeOf(child);
  return bytes;
}

class SimulatedFile implements DiskFile {
  readonly #disk: SimulatedDisk;
  readonly #node: FileNode;
  readonly #path: string;
  #closed = false;

  constructor(disk: SimulatedDisk, node: FileNode, path: string) {
    this.#disk = disk;
    this.#node = node;
    this.#path = path;
  }

  size(callback: Callback<number>): void {
    this.#disk.complete(() => callback(undefined, this.#node.size));
  }

  read(offset: number, length: number, callback: Callback<Uint8Array>): void {
    this.#disk.complete(() => {
      const closed = this.#refusal();
      if (closed !== undefined) callback(closed, undefined);
      else callback(undefined, this.#disk.read(this.#node, offset, length));
    });
  }

  write(offset: number, parts: readonly Uint8Array[], callback: Callback<void>): void {
    const bytes = concatBytes(parts);
    this.#change(offset + bytes.length - this.#node.size, () => this.#node.write(offset, bytes), callback);
  }

  allocate(length: number, callback: Callback<void>): void {
    const size = Math.max(length, this.#node.size);
    this.#change(size - this.#node.size, () => this.#node.resize(size), callback);
  }

  truncate(length: number, callback: Callback<void>): void {
    this.#change(length - this.#node.size, () => this.#node.resize(length), callback);
  }

  sync(callback: Callback<void>): void {
    const refusal = this.#refusal();
    if (refusal === undefined) this.#disk.sync(this.#node, this.#path, callback);
    else this.#disk.complete(() => callback(refusal));
  }

  close(callback: Callback<void>): void {
    const refusal = this.#refusal();
    this.#closed = true;
    this.#disk.complete(() => callback(refusal));
  }

  #change(growth: number, change: () => () => void, callback: Callback<void>): void {
    const refusal = this.#refusal() ?? this.#disk.grow(this.#path, growth);
    if (refusal !== undefined) return this.#disk.complete(() => callback(refusal));
    const completed = change();
    this.#disk.complete(() => {
      completed();
      callback(undefined);
    });
  }

  #refusal(): DiskError | undefined {
    return this.#closed ? new DiskError('io', this.#path, `${this.#path} is closed`) : undefined;
  }
}
