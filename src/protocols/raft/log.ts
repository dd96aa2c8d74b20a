import { assert, present } from '../../core/assert.ts';
import { type Epoch, type Index, index } from '../../core/ids.ts';
import type { Position } from '../../protocol/index.ts';
import { type Entry, entryBytes } from './messages.ts';

/**
 * The log in memory: the entries after `floor`, below which everything is committed, applied and forgotten. Entries
 * are never changed once appended, so slices share them with messages and effects.
 */
export class Log {
  #floor: Position;
  #entries: Entry[];
  #bytes: number;

  constructor(floor: Position, entries: Entry[] = []) {
    this.#floor = floor;
    this.#entries = entries;
    this.#bytes = sum(entries);
  }

  get floor(): Position {
    return this.#floor;
  }

  get last(): Position {
    const entry = this.#entries.at(-1);
    return entry === undefined ? this.#floor : entry;
  }

  get lastIndex(): Index {
    return index(this.#floor.index + this.#entries.length);
  }

  get lastTerm(): Epoch {
    return this.last.epoch;
  }

  /** What the entries in memory count for. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The entry at `at`; undefined at or below the floor and above the end. */
  get(at: number): Entry | undefined {
    return this.#entries[at - this.#floor.index - 1];
  }

  /** Known for the floor too, which is where AppendEntries meets a snapshot. */
  termAt(at: number): Epoch | undefined {
    return at === this.#floor.index ? this.#floor.epoch : this.get(at)?.epoch;
  }

  append(entry: Entry): void {
    assert(entry.index === this.lastIndex + 1, 'the log has no gaps');
    assert(entry.epoch >= this.lastTerm, 'terms never fall along the log');
    this.#entries.push(entry);
    this.#bytes += entryBytes(entry);
  }

  /** Entries in (after, upTo]; ends early, but not before the first, when they exceed `maxBytes`. */
  slice(after: Index, upTo: Index, maxBytes = Number.POSITIVE_INFINITY): readonly Entry[] {
    assert(after >= this.#floor.index, 'what is read is above the floor');
    assert(upTo <= this.lastIndex, 'what is read is in the log');
    const start = after - this.#floor.index;
    let end = upTo - this.#floor.index;
    if (maxBytes !== Number.POSITIVE_INFINITY) {
      let bytes = 0;
      for (let at = start; at < end; at++) {
        bytes += entryBytes(this.#entries[at] as Entry);
        if (bytes > maxBytes && at > start) end = at;
      }
    }
    return this.#entries.slice(start, end);
  }

  /** Removes the entries at `from` and above. */
  truncateFrom(from: Index): void {
    assert(from > this.#floor.index, 'what is below the floor is final');
    const removed = this.#entries.splice(from - this.#floor.index - 1);
    this.#bytes -= sum(removed);
  }

  /** Forgets the entries up to and including `upTo`, which becomes the floor. */
  forgetUpTo(upTo: Index): void {
    if (upTo === this.#floor.index) return;
    const entry = present(this.get(upTo), 'the new floor is in the log');
    const removed = this.#entries.splice(0, upTo - this.#floor.index);
    this.#floor = { index: entry.index, epoch: entry.epoch, time: entry.time };
    this.#bytes -= sum(removed);
  }

  /** Starts again, empty, at `floor`. */
  restartAt(floor: Position): void {
    this.#floor = floor;
    this.#entries = [];
    this.#bytes = 0;
  }

  /** The largest index <= `upTo` whose term is <= `term`; the floor when there is none above it. */
  lastNotAfter(upTo: Index, term: Epoch): Index {
    let at = Math.max(this.#floor.index, Math.min(upTo, this.lastIndex));
    while (at > this.#floor.index && (this.termAt(at) as Epoch) > term) at--;
    return index(at);
  }

  fork(): Log {
    return new Log(this.#floor, this.#entries.slice());
  }
}

function sum(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}
