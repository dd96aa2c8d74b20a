import { assert } from '../core/assert.ts';

/** An event that has not run yet. */
export interface Scheduled {
  /** After this the event never runs. Harmless when it did. */
  cancel(): void;
}

/**
 * Virtual time and the only source of order in a simulated world: events run by (time, sequence of scheduling), one at
 * a time. Time is in whole microseconds, so that it is exact on every engine.
 */
export class Scheduler {
  readonly #heap: ScheduledEvent[] = [];
  #now = 0;
  #sequence = 0;
  #executed = 0;

  /** Virtual microseconds since the world began. */
  get now(): number {
    return this.#now;
  }

  /** Events that have run. */
  get executed(): number {
    return this.#executed;
  }

  /** Runs `callback` after `delayMs` (fractions allowed), behind everything scheduled earlier for that time. */
  schedule(delayMs: number, callback: () => void): Scheduled {
    return this.scheduleAt(this.#now + Math.round(delayMs * 1000), callback);
  }

  /** The same, at a time in microseconds. */
  scheduleAt(micros: number, callback: () => void): Scheduled {
    assert(micros >= this.#now, 'an event cannot be scheduled in the past');
    const event = new ScheduledEvent(micros, this.#sequence++, callback);
    this.#push(event);
    return event;
  }

  /** Runs the next event; false when there is none before or at `limit` (microseconds), to which time then moves. */
  runNext(limit: number): boolean {
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.time > limit) {
        if (limit > this.#now) this.#now = limit;
        return false;
      }
      this.#pop();
      const callback = next.callback;
      if (callback === undefined) continue;
      next.callback = undefined;
      this.#now = next.time;
      this.#executed++;
      callback();
      return true;
    }
  }

  /** Runs everything up to and including `limit` microseconds. */
  runUntil(limit: number): void {
    while (this.runNext(limit));
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as ScheduledEvent;
      if (!event.before(above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as ScheduledEvent;
    const length = heap.length;
    if (length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && (heap[child + 1] as ScheduledEvent).before(heap[child] as ScheduledEvent))
        child++;
      const below = heap[child] as ScheduledEvent;
      if (!below.before(last)) break;
      heap[at] = below;
      at = child;
    }
    heap[at] = last;
  }
}

class ScheduledEvent implements Scheduled {
  readonly time: number;
  readonly sequence: number;
  callback: (() => void) | undefined;

  constructor(time: number, sequence: number, callback: () => void) {
    this.time = time;
    this.sequence = sequence;
    this.callback = callback;
  }

  before(other: ScheduledEvent): boolean {
    return this.time < other.time || (this.time === other.time && this.sequence < other.sequence);
  }

  cancel(): void {
    this.callback = undefined;
  }
}
