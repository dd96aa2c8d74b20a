import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import { decode, Malformed } from '../core/codec.ts';
import { type Index, index } from '../core/ids.ts';
import { applySliceMs, maxAppliedKept } from '../core/limits.ts';
import { type Applied, forgetMember, type Replicated } from '../machine/index.ts';
import { type Base, type CommittedEntry, readConfiguration } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';

/**
 * Brings committed entries into the store, in order and in slices, so that a long backlog holds up nobody.
 */
export class Applier {
  readonly #backend: StoreBackend;
  readonly #clock: Clock;
  readonly #sliceEntries: number;
  readonly #replicated: Replicated;
  #queue: CommittedEntry[] = [];
  #at = 0;
  #base: Base;
  #committed: Index;

  constructor(backend: StoreBackend, replicated: Replicated, clock: Clock, sliceEntries: number) {
    this.#backend = backend;
    this.#clock = clock;
    this.#sliceEntries = sliceEntries;
    this.#replicated = replicated;
    this.#base = backend.base();
    this.#committed = this.#base.position.index;
  }

  /** The state that the store now holds. */
  get base(): Base {
    return this.#base;
  }

  /** The last entry that is known to be decided. */
  get committed(): Index {
    return this.#committed;
  }

  /** Committed entries that are not applied yet. */
  get backlog(): number {
    return this.#queue.length - this.#at;
  }

  enqueue(entries: readonly CommittedEntry[]): void {
    for (const entry of entries) {
      assert(entry.index === index(this.#committed + 1), `entry ${entry.index} committed out of order`);
      this.#committed = entry.index;
    }
    for (const entry of entries) this.#queue.push(entry);
  }

  /** Applies one slice; calls `onApplied` for each entry, after the whole slice is in the store. */
  slice(onApplied: (entry: CommittedEntry, applied: Applied | undefined) => void): void {
    if (this.#at === this.#queue.length) return;
    const first = this.#at;
    const last = Math.min(this.#queue.length, first + this.#sliceEntries);
    const deadline = this.#clock.now() + applySliceMs;
    const outcomes: (Applied | undefined)[] = [];
    do {
      outcomes.push(this.#apply(this.#queue[this.#at] as CommittedEntry));
      this.#at++;
    } while (this.#at < last && this.#clock.now() < deadline);
    const end = this.#at;
    for (let at = first; at < end; at++) {
      onApplied(this.#queue[at] as CommittedEntry, outcomes[at - first]);
    }
    this.#letGo();
  }

  /** The store was replaced by a snapshot: goes on from there. */
  restart(): void {
    this.#base = this.#backend.base();
    const { index: applied } = this.#base.position;
    assert(applied >= this.#committed, 'a snapshot took the state back');
    this.#committed = applied;
    this.#queue = [];
    this.#at = 0;
  }

  /** A backlog may stand for as long as there is load: what was applied of it does not wait for its end. */
  #letGo(): void {
    if (this.#at < this.#queue.length && this.#at < maxAppliedKept) return;
    this.#queue = this.#queue.slice(this.#at);
    this.#at = 0;
  }

  #apply(entry: CommittedEntry): Applied | undefined {
    const { index, epoch, time } = entry;
    assert(index === ((this.#base.position.index + 1) as Index), `entry ${index} applied out of order`);
    assert(epoch >= this.#base.position.epoch, `entry ${index} goes back to epoch ${epoch}`);
    let configuration = this.#base.configuration;
    let applied: Applied | undefined;
    switch (entry.kind) {
      case 'command':
        applied = this.#replicated.apply(
          entry.payload,
          { index, epoch, time, removed: configuration.removed },
          this.#backend.store,
        );
        break;
      case 'configuration': {
        const decoded = decode(entry.payload, readConfiguration);
        assert(!(decoded instanceof Malformed), `committed configuration ${index} does not decode`);
        const known = new Set(configuration.removed);
        for (const id of decoded.removed) if (!known.has(id)) forgetMember(this.#backend.store, id);
        configuration = decoded;
        break;
      }
      case 'noop':
        break;
      case 'delta':
        assert(false, 'deltas are refused when a protocol is opened');
    }
    this.#base = { position: { index, epoch, time }, configuration };
    // After each entry, so that the store can write what came together as soon as it is enough for one transaction.
    this.#backend.applied(this.#base);
    return applied;
  }
}
