import { maxGenerationBytes, maxGenerationPairs, storePairOverheadBytes } from '../core/limits.ts';
import { OrderedMap } from '../core/ordered-map.ts';
import type { ScanRange } from '../core/store.ts';
import type { Base } from '../protocol/index.ts';
import type { Change, Changes } from './changes.ts';
import { mergedScan } from './merged-scan.ts';
import type { Pair } from './snapshot.ts';

/**
 * Changes that go to disk together, with the position that the state is in after them. It holds each key once, however
 * often it was written.
 */
export interface Generation {
  readonly number: number;
  readonly base: Base;
  readonly digest: Uint8Array;
  /** One for each key, in the order in which they were written first. */
  readonly changes: readonly Change[];
  readonly bytes: number;
}

/**
 * Changes that are not on disk yet, and for a moment longer. They are gathered in generations, each of which ends at a
 * position, is small enough for one transaction, and lands whole and in order.
 *
 * They are in two maps: one that changes no more and is let go of as a whole when all its generations have landed, and one
 * with what came after it. What stays a little longer than it must is read here instead of below, and is the same.
 */
export class Overlay {
  #older: Changes = new OrderedMap();
  /** The last generation in it. */
  #olderUpTo = 0;
  #newer: Changes = new OrderedMap();
  #sealed: Generation[] = [];
  #number = 1;
  #gathered: Change[] = [];
  #bytes = 0;
  #sealedBytes = 0;

  /** Bytes of all changes that have not landed. */
  get bytes(): number {
    return this.#sealedBytes + this.#bytes;
  }

  /** Number of the generation that is being gathered. */
  get gathering(): number {
    return this.#number;
  }

  /** Whether what was gathered should go to disk without being asked for. */
  get isFull(): boolean {
    return this.#gathered.length >= maxGenerationPairs || this.#bytes >= maxGenerationBytes;
  }

  /** The generation that is to land next. */
  oldest(): Generation | undefined {
    return this.#sealed[0];
  }

  /** The last change of a key that is still here. */
  get(key: Uint8Array): Change | undefined {
    return this.#newer.get(key) ?? this.#older.get(key);
  }

  /** The pairs in a range with all changes over what `below` gives. */
  scan(below: IterableIterator<Pair>, range: ScanRange): IterableIterator<Pair> {
    return new LaidOver(this.#older, this.#newer).scan(below, range);
  }

  /** The changes as they are now. */
  snapshot(): LaidOver {
    return new LaidOver(this.#older.snapshot(), this.#newer.snapshot());
  }

  /** Returns the last change of the key before, as far as it is still here. */
  write(key: Uint8Array, value: Uint8Array | undefined): Change | undefined {
    const change = { key, value, generation: this.#number, place: this.#gathered.length };
    const previous = this.#newer.set(key, change);
    this.#bytes += changeBytes(change);
    if (previous?.generation === this.#number) {
      change.place = previous.place;
      this.#bytes -= changeBytes(previous);
    }
    this.#gathered[change.place] = change;
    return previous ?? this.#older.get(key);
  }

  /** Ends the generation that is being gathered. */
  seal(base: Base, digest: Uint8Array): void {
    const sealed = { number: this.#number, base, digest, changes: this.#gathered, bytes: this.#bytes };
    this.#sealed.push(sealed);
    this.#sealedBytes += this.#bytes;
    this.#number++;
    this.#gathered = [];
    this.#bytes = 0;
    this.#turnOver();
  }

  /** The oldest generation can be read below now, so its changes need not be here. */
  land(generation: Generation): void {
    this.#sealed.shift();
    this.#sealedBytes -= generation.bytes;
    if (generation.number >= this.#olderUpTo) this.#older = new OrderedMap();
    if (this.#gathered.length > 0) return;
    if (this.#sealed.length === 0) this.#newer = new OrderedMap();
    else this.#turnOver();
  }

  /** The pairs below were replaced by others. */
  clear(): void {
    this.#older = new OrderedMap();
    this.#newer = new OrderedMap();
    this.#sealed = [];
    this.#sealedBytes = 0;
    this.#gathered = [];
    this.#bytes = 0;
  }

  /** Between two generations. */
  #turnOver(): void {
    if (this.#older.size > 0) return;
    this.#older = this.#newer;
    this.#olderUpTo = this.#number - 1;
    this.#newer = new OrderedMap();
  }
}

/** Changes over changes. */
export class LaidOver {
  readonly #older: Changes;
  readonly #newer: Changes;

  constructor(older: Changes, newer: Changes) {
    this.#older = older;
    this.#newer = newer;
  }

  scan(below: IterableIterator<Pair>, range: ScanRange): IterableIterator<Pair> {
    return mergedScan(this.#newer, mergedScan(this.#older, below, range), range);
  }
}

const changeBytes = ({ key, value }: Change): number =>
  key.length + (value?.length ?? 0) + storePairOverheadBytes;
