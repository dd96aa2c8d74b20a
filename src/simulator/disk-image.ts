import type { Random } from '../core/random.ts';
import { PagedBytes } from './paged-bytes.ts';

const sectorBytes = 512;

/** A change that has not been synced. */
interface PendingWrite {
  readonly type: 'write';
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** A sync covers what was completed when it was asked for. */
  completed: boolean;
}

interface PendingResize {
  readonly type: 'resize';
  readonly length: number;
  completed: boolean;
}

type PendingChange = PendingWrite | PendingResize;

/** A file: what processes see, what would survive a power cut for sure, and what lies between the two. */
export class FileNode {
  readonly type = 'file';
  #visible = new PagedBytes();
  readonly #durable = new PagedBytes();
  #pending: PendingChange[] = [];
  /** A failed sync has let changes go that are visible still. */
  #forgotten = false;
  /** Where bits have flipped. */
  readonly #rotten = new Set<number>();

  get size(): number {
    return this.#visible.length;
  }

  read(offset: number, length: number): Uint8Array {
    return this.#visible.read(offset, length);
  }

  /** Whether what a process reads there is not what was written. */
  isRotten(offset: number, length: number): boolean {
    for (const at of this.#rotten) if (at >= offset && at < offset + length && at < this.size) return true;
    return false;
  }

  /** `bytes` must not change any more. Visible at once; the function returned is to be called when the operation has completed. */
  write(offset: number, bytes: Uint8Array): () => void {
    return this.#change({ type: 'write', offset, bytes, completed: false });
  }

  resize(length: number): () => void {
    return this.#change({ type: 'resize', length, completed: false });
  }

  /** What a sync asked for now has to make durable. */
  unsynced(): readonly PendingChange[] {
    return this.#pending.filter((change) => change.completed);
  }

  synced(changes: readonly PendingChange[]): void {
    for (const change of changes) apply(change, this.#durable);
    this.#forget(changes);
  }

  /**
   * A sync that failed: the kernel has written some of it and calls all of it clean, so that no later sync will try the
   * rest again, although processes still see it (Rebello et al. 2020, "Can applications recover from fsync failures?").
   */
  syncFailed(changes: readonly PendingChange[], random: Random): void {
    for (const change of changes) this.#applyPart(change, random);
    this.#forget(changes);
    this.#forgotten = true;
  }

  /** What a dead process had begun is the kernel's to finish: a later sync covers it. */
  processDied(): void {
    for (const change of this.#pending) change.completed = true;
  }

  /** Of everything not synced, any part may be lost, torn, or overtake the rest. Returns how many changes are not whole. */
  powerCut(random: Random): number {
    if (this.#pending.length === 0 && !this.#forgotten) return 0;
    let lost = 0;
    for (const change of random.chance(1, 4) ? random.shuffle(this.#pending) : this.#pending) {
      if (!this.#applyPart(change, random)) lost++;
    }
    this.#pending = [];
    this.#forgotten = false;
    this.#visible = this.#durable.copy();
    return lost;
  }

  /** Decay of what is on the disk, and so of what is read from it. */
  flipBit(bit: number): void {
    this.#visible.flipBit(bit);
    this.#durable.flipBit(bit);
    this.#rotten.add(bit >> 3);
  }

  #change(change: PendingChange): () => void {
    apply(change, this.#visible);
    this.#pending.push(change);
    return () => {
      change.completed = true;
    };
  }

  #forget(changes: readonly PendingChange[]): void {
    if (changes.length === this.#pending.length) {
      this.#pending = [];
      return;
    }
    const gone = new Set(changes);
    this.#pending = this.#pending.filter((change) => !gone.has(change));
  }

  /** Whether all of it reached the disk. */
  #applyPart(change: PendingChange, random: Random): boolean {
    if (change.type === 'resize') {
      const applied = random.chance(1, 2);
      if (applied) apply(change, this.#durable);
      return applied;
    }
    const { offset, bytes } = change;
    switch (random.pick(['lost', 'whole', 'prefix', 'sectors'] as const)) {
      case 'lost':
        return bytes.length === 0;
      case 'whole':
        apply(change, this.#durable);
        return true;
      case 'prefix': {
        const length = random.below(bytes.length + 1);
        this.#durable.write(offset, bytes.subarray(0, length));
        return length === bytes.length;
      }
      case 'sectors':
        return this.#writeSectors(offset, bytes, random);
    }
  }

  #writeSectors(offset: number, bytes: Uint8Array, random: Random): boolean {
    const end = offset + bytes.length;
    let whole = true;
    for (let from = offset; from < end; ) {
      const to = Math.min(end, from - (from % sectorBytes) + sectorBytes);
      const written = random.chance(1, 2);
      if (written) this.#durable.write(from, bytes.subarray(from - offset, to - offset));
      whole &&= written;
      from = to;
    }
    return whole;
  }
}

function apply(change: PendingChange, bytes: PagedBytes): void {
  if (change.type === 'write') bytes.write(change.offset, change.bytes);
  else bytes.resize(change.length);
}

export type Node = FileNode | DirectoryNode;

interface DirectoryChange {
  readonly change: (entries: Map<string, Node>) => void;
  completed: boolean;
}

/** Names, and what became of them since the directory was last synced. */
export class DirectoryNode {
  readonly type = 'directory';
  #visible = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  #pending: DirectoryChange[] = [];

  get(name: string): Node | undefined {
    return this.#visible.get(name);
  }

  names(): string[] {
    return [...this.#visible.keys()].sort();
  }

  nodes(): Iterable<Node> {
    return this.#visible.values();
  }

  link(name: string, node: Node): () => void {
    return this.#change((entries) => entries.set(name, node));
  }

  unlink(name: string): () => void {
    return this.#change((entries) => entries.delete(name));
  }

  /** One change: a power cut leaves the old name or the new one. */
  rename(from: string, to: string, node: Node): () => void {
    return this.#change((entries) => {
      if (entries.get(from) === node) entries.delete(from);
      entries.set(to, node);
    });
  }

  unsynced(): readonly DirectoryChange[] {
    return this.#pending.filter((change) => change.completed);
  }

  synced(changes: readonly DirectoryChange[]): void {
    for (const { change } of changes) change(this.#durable);
    const gone = new Set(changes);
    this.#pending = this.#pending.filter((change) => !gone.has(change));
  }

  processDied(): void {
    for (const change of this.#pending) change.completed = true;
    for (const node of this.nodes()) node.processDied();
  }

  /**
   * Each change since the last sync is lost or not, whatever became of the others and of the files' bytes. Returns of how
   * many changes, of bytes and names, something was lost.
   */
  powerCut(random: Random): number {
    let lost = 0;
    for (const { change } of this.#pending) {
      if (random.chance(1, 2)) change(this.#durable);
      else lost++;
    }
    this.#pending = [];
    this.#visible = new Map(this.#durable);
    for (const node of new Set(this.#visible.values())) lost += node.powerCut(random);
    return lost;
  }

  #change(change: (entries: Map<string, Node>) => void): () => void {
    const pending = { change, completed: false };
    change(this.#visible);
    this.#pending.push(pending);
    return () => {
      pending.completed = true;
    };
  }
}
