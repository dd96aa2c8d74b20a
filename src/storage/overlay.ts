import {
  maxGenerationBytes,
  maxGenerationPairs,
  overlaySweepPairs,
  storePairOverheadBytes,
} from '../core/limits.ts';
import { OrderedMap } from '../core/ordered-map.ts';
import type { Base } from '../protocol/index.ts';

/** What was written over the pairs below: a value, or undefined for a removal. */
export interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
  readonly generation: number;
  /** Among the changes of its generation. */
  readonly place: number;
}

export type Changes = OrderedMap<Change>;

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
 */
export class Overlay {
  #changes: Changes = new OrderedMap();
  #sealed: Generation[] = [];
  #number = 1;
  #gathered: Change[] = [];
  #bytes = 0;
  #sealedBytes = 0;

  get changes(): Changes {
    return this.#changes;
  }

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

  /** Returns what was written before, as far as it is still here. */
  write(key: Uint8Array, value: Uint8Array | undefined): Change | undefined {
    const change = { key, value, generation: this.#number, place: this.#gathered.length };
    const previous = this.#changes.set(key, change);
    this.#bytes += changeBytes(change);
    if (previous?.generation === this.#number) {
      change.place = previous.place;
      this.#bytes -= changeBytes(previous);
    }
    this.#gathered[change.place] = change;
    return previous;
  }

  /** Ends the generation that is being gathered. */
  seal(base: Base, digest: Uint8Array): void {
    this.#sealed.push({
      number: this.#number,
      base,
      digest,
      changes: this.#gathered,
      bytes: this.#bytes,
    });
    this.#sealedBytes += this.#bytes;
    this.#number++;
    this.#gathered = [];
    this.#bytes = 0;
  }

  /**
   * The oldest generation can be read below now, so its changes need not be here, unless they were written again since.
   * Drops them in steps of `overlaySweepPairs`: what is dropped late is read here instead of below, and is the same.
   */
  *land(generation: Generation): IterableIterator<void> {
    this.#sealed.shift();
    this.#sealedBytes -= generation.bytes;
    if (this.#sealed.length === 0 && this.#gathered.length === 0) {
      this.#changes = new OrderedMap();
      return;
    }
    let swept = 0;
    for (const change of generation.changes) {
      if (this.#changes.get(change.key) === change) this.#changes.delete(change.key);
      swept++;
      if (swept % overlaySweepPairs === 0) yield;
    }
  }

  /** The pairs below were replaced by others. */
  clear(): void {
    this.#changes = new OrderedMap();
    this.#sealed = [];
    this.#sealedBytes = 0;
    this.#gathered = [];
    this.#bytes = 0;
  }
}

const changeBytes = ({ key, value }: Change): number =>
  key.length + (value?.length ?? 0) + storePairOverheadBytes;
