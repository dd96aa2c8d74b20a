import type { Index, Millis, ReadId } from '../core/ids.ts';
import { readId } from '../core/ids.ts';
import { resubmitMs } from '../core/limits.ts';

interface Read {
  readonly deadline: Millis;
  /** True: read now. False: the deadline passed, or the replica stops; nothing was promised. */
  readonly settle: (readable: boolean) => void;
}

interface Readable {
  readonly index: Index;
  readonly reads: Read[];
}

interface Asked {
  readonly reads: Read[];
  readonly at: Millis;
  /** The protocol could not tell. */
  readonly failed: boolean;
}

/**
 * Linearizable reads. All that arrive in one turn are one read of the protocol; a batch that is readable at an index is
 * served once that index is applied. A failed batch is asked for again: reads have no effect, so only the deadline ends it.
 */
export class Reads {
  #arrived: Read[] = [];
  readonly #asked = new Map<ReadId, Asked>();
  #readable: Readable[] = [];
  #next = 1;
  #waiting = 0;

  /** Reads that are not settled yet. */
  get waiting(): number {
    return this.#waiting;
  }

  add(deadline: Millis, settle: (readable: boolean) => void): void {
    this.#arrived.push({ deadline, settle });
    this.#waiting++;
  }

  /** The id under which to ask the protocol for everything that has arrived; undefined when nothing has. */
  take(now: Millis): ReadId | undefined {
    if (this.#arrived.length === 0) return undefined;
    const id = readId(this.#next++);
    this.#asked.set(id, { reads: this.#arrived, at: now, failed: false });
    this.#arrived = [];
    return id;
  }

  readable(id: ReadId, index: Index): void {
    const batch = this.#asked.get(id);
    if (batch === undefined) return;
    this.#asked.delete(id);
    this.#readable.push({ index, reads: batch.reads });
  }

  /** The protocol could not tell; the batch waits for one of the retries. */
  failed(id: ReadId): void {
    const batch = this.#asked.get(id);
    if (batch !== undefined) this.#asked.set(id, { ...batch, failed: true });
  }

  /** Asks again for everything that has not been answered. */
  retry(): void {
    this.#retry(() => true);
  }

  /** Asks again for what failed, and for what may have been lost. */
  retryStale(now: Millis): void {
    this.#retry(({ failed, at }) => failed || now - at >= resubmitMs);
  }

  /** Serves reads that need no more than `applied`, at most so many at a time; true when there are more of them. */
  serve(applied: Index, atMost: number): boolean {
    if (this.#readable.length === 0) return false;
    let left = atMost;
    const later: Readable[] = [];
    let more = false;
    for (const batch of this.#readable) {
      const now = batch.index > applied ? [] : batch.reads.slice(0, left);
      const rest = now.length === 0 ? batch.reads : batch.reads.slice(now.length);
      left -= now.length;
      this.#settle(now, true);
      if (rest.length === 0) continue;
      later.push({ index: batch.index, reads: rest });
      more ||= batch.index <= applied;
    }
    this.#readable = later;
    return more;
  }

  expire(now: Millis): void {
    this.#arrived = this.#expireIn(this.#arrived, now);
    for (const [id, batch] of this.#asked) {
      const rest = this.#expireIn(batch.reads, now);
      if (rest.length === 0) this.#asked.delete(id);
      else this.#asked.set(id, { ...batch, reads: rest });
    }
    this.#readable = this.#readable.map(({ index, reads }) => ({ index, reads: this.#expireIn(reads, now) }));
  }

  settleAll(): void {
    const all = [this.#arrived];
    for (const batch of this.#asked.values()) all.push(batch.reads);
    for (const batch of this.#readable) all.push(batch.reads);
    this.#arrived = [];
    this.#asked.clear();
    this.#readable = [];
    for (const reads of all) this.#settle(reads, false);
  }

  #retry(wanted: (batch: Asked) => boolean): void {
    for (const [id, batch] of this.#asked) {
      if (!wanted(batch)) continue;
      this.#asked.delete(id);
      this.#arrived.push(...batch.reads);
    }
  }

  #expireIn(reads: Read[], now: Millis): Read[] {
    if (!reads.some((read) => read.deadline <= now)) return reads;
    this.#settle(
      reads.filter((read) => read.deadline <= now),
      false,
    );
    return reads.filter((read) => read.deadline > now);
  }

  #settle(reads: readonly Read[], readable: boolean): void {
    this.#waiting -= reads.length;
    for (const read of reads) read.settle(readable);
  }
}
