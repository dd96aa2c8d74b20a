import { present } from '../core/assert.ts';
import { utf8Text } from '../core/bytes.ts';
import type { ReadStore } from '../core/store.ts';
import { compactedRevision, currentRevision, type KeyEvent, newSlice, readEvents } from '../machine/index.ts';
import type { Report } from './violation.ts';

/** One change of the key space, as the first replica that applied it has it. */
export interface ChronicleEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  /** Undefined for a delete. */
  readonly value: string | undefined;
  /** What was there before. */
  readonly previous: string | undefined;
  readonly revision: number;
  /** Simulated microseconds: when a replica first had it. */
  readonly at: number;
}

/** What a replica holds of an event. */
type HeldEvent = Pick<ChronicleEvent, 'type' | 'key' | 'value' | 'revision'>;

const asRead = (event: KeyEvent): HeldEvent => ({
  type: event.type,
  key: utf8Text(event.key),
  value: event.type === 'put' ? utf8Text(event.pair().value) : undefined,
  revision: event.revision,
});

const isSame = (held: HeldEvent, wanted: HeldEvent | undefined): boolean =>
  held.type === wanted?.type &&
  held.key === wanted.key &&
  held.value === wanted.value &&
  held.revision === wanted.revision;

const describe = (event: HeldEvent | undefined): string =>
  event === undefined ? 'nothing' : `the ${event.type} of ${event.key} at ${event.revision}`;

/** The revision of a key space in which nothing was ever written. */
const firstRevision = 1;

/**
 * Everything that was ever written, read from whichever replica has it first, before any compaction can take it away. That
 * the others have the same is shown by their digests. What clients, watchers and leases are told is held against it.
 */
export class Chronicle {
  readonly events: ChronicleEvent[] = [];
  readonly #report: Report;
  readonly #listeners: ((event: ChronicleEvent) => void)[] = [];
  readonly #present = new Map<string, string>();
  readonly #writes = new Map<string, number>();
  readonly #refused = new Set<string>();
  readonly #firstOf = new Map<number, number>();
  #revision = firstRevision;

  constructor(report: Report) {
    this.#report = report;
  }

  /** The last revision that any replica has applied. */
  get revision(): number {
    return this.#revision;
  }

  /** Keys that are there, with their values. */
  get present(): ReadonlyMap<string, string> {
    return this.#present;
  }

  onEvent(listener: (event: ChronicleEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** A replica holds this now. */
  follow(store: ReadStore, at: number): void {
    const revision = Number(currentRevision(store));
    if (revision <= this.#revision) return;
    let cursor = { revision: this.#revision + 1, order: 0 };
    this.#revision = revision;
    for (;;) {
      const read = readEvents(store, cursor, revision, newSlice(), (event) => {
        const read = asRead(event);
        this.#add({ ...read, previous: this.#present.get(read.key), at });
        return true;
      });
      if (read.type === 'done') return;
      if (read.type === 'compacted') {
        const detail = `${cursor.revision} was compacted although nobody had asked for more than was applied`;
        return this.#report({ type: 'wrong', property: 'compaction keeps what it must', detail });
      }
      cursor = read.next;
    }
  }

  /** What `host` holds from the compacted revision on is what was written, no less and no more. */
  compare(host: string, store: ReadStore): void {
    const from = Number(compactedRevision(store));
    const expected = this.events.slice(this.events.findIndex(({ revision }) => revision >= from));
    let cursor = { revision: from, order: 0 };
    let at = 0;
    for (;;) {
      const read = readEvents(store, cursor, this.#revision, newSlice(), (event) => {
        const held = asRead(event);
        if (!isSame(held, expected[at])) this.#altered(host, expected[at], held);
        at++;
        return true;
      });
      if (read.type === 'done') break;
      if (read.type === 'compacted') return this.#altered(host, expected[at], undefined);
      cursor = read.next;
    }
    if (at < expected.length) this.#altered(host, expected[at], undefined);
  }

  /** A client was told that the write of this value did not happen, and never will. */
  refused(value: string): void {
    this.#refused.add(value);
    if (this.#writes.has(value)) this.#notFinal(value);
  }

  /** Where the events of `revision` begin among all. */
  placeOf(revision: number): number {
    return this.#firstOf.get(revision) ?? this.events.length;
  }

  /** In their order; none for a revision that nothing was written at. */
  eventsOf(revision: number): readonly ChronicleEvent[] {
    const from = this.#firstOf.get(revision);
    if (from === undefined) return [];
    let to = from;
    while (this.events[to]?.revision === revision) to++;
    return this.events.slice(from, to);
  }

  #add(event: ChronicleEvent): void {
    const at = this.events.push(event) - 1;
    if (!this.#firstOf.has(event.revision)) this.#firstOf.set(event.revision, at);
    if (event.value === undefined) this.#present.delete(event.key);
    else this.#wrote(event.value, event.key, at);
    for (const listener of this.#listeners) listener(event);
  }

  /** Every value is written by one call only. */
  #wrote(value: string, key: string, at: number): void {
    this.#present.set(key, value);
    const before = this.#writes.get(value);
    if (before !== undefined) {
      const first = present(this.events[before], 'an event that was added');
      const detail = `${value} was written to ${key} at ${first.revision} and again at ${this.events[at]?.revision}`;
      this.#report({ type: 'wrong', property: 'exactly once', detail });
    }
    this.#writes.set(value, at);
    if (this.#refused.has(value)) this.#notFinal(value);
  }

  #altered(host: string, wanted: HeldEvent | undefined, held: HeldEvent | undefined): void {
    const detail = `in the history of ${host} there is ${describe(held)} instead of ${describe(wanted)}`;
    this.#report({ type: 'wrong', property: 'compaction keeps what it must', detail });
  }

  #notFinal(value: string): void {
    const detail = `a client was told that ${value} would never be written; it was`;
    this.#report({ type: 'wrong', property: 'refusals are final', detail });
  }
}
