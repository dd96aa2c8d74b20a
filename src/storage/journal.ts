import { assert } from '../core/assert.ts';
import type { Clock } from '../core/clock.ts';
import type { Index, Token } from '../core/ids.ts';
import { journalReserveBytes, journalSegmentBytes, maxJournalBatchBytes } from '../core/limits.ts';
import type { JournalRecord } from '../protocol/index.ts';
import { batchHeaderBytes, sizeOf } from './batch.ts';
import type { Callback, Disk, DiskError } from './disk.ts';
import type { JournalCallback } from './journal-errors.ts';
import { prepareSegment } from './prepare-segment.ts';
import { type Cut, type Recovered, recover } from './recovery.ts';
import { type Segment, segmentHeaderBytes, storageIdBytes } from './segment.ts';
import { SegmentSupply } from './segment-supply.ts';
import { type FullSegment, SegmentWriter } from './segment-writer.ts';
import { inTurn, removeIfThere } from './steps.ts';

export interface JournalOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** Of the journal's own, within the data directory; made when it is not there. */
  readonly directory: string;
  /** 16 bytes. Segments of another data directory are refused. */
  readonly storageId: Uint8Array;
  /** Default `journalSegmentBytes`. */
  readonly segmentBytes?: number;
  /** Everything appended up to and including `upTo` survives a power cut. Tokens come in the order of `append`. */
  onDurable(upTo: Token): void;
  /**
   * True: no further segment can be prepared, so nothing new should be proposed. There is still room for what is under
   * way, and a reserve for records without an index. False: room again. Told on change only.
   */
  onRoom(shortage: DiskError | undefined): void;
  /** The journal is dead: a write, a sync or a removal failed. Once. What was not durable may or may not be. */
  onFailure(error: DiskError): void;
  /** After each sync. */
  observe?(batch: BatchObservation): void;
}

export interface BatchObservation {
  readonly records: number;
  readonly bytes: number;
  /** From before the write until it was synced; the clock has whole milliseconds. */
  readonly syncMs: number;
}

export interface OpenedJournal {
  readonly journal: Journal;
  /** In the order of writing; all of them durable. */
  readonly records: Uint8Array[];
  /** To be reported loudly: a batch that was never acknowledged was torn by a power cut and removed. */
  readonly cut: Cut | undefined;
}

/** What one call of `append` or `compact` asks for; never split over batches, so it is recovered whole or not at all. */
interface Item {
  readonly token: Token | undefined;
  readonly records: readonly JournalRecord[];
  readonly bytes: number;
  /** May use the reserve. */
  readonly urgent: boolean;
  /** Of a compaction. */
  readonly below: Index | undefined;
}

interface Batch {
  readonly token: Token | undefined;
  readonly records: readonly JournalRecord[];
  readonly dropped: readonly FullSegment[];
}

const minSegmentBytes = 4096;

type Phase = 'running' | 'closing' | 'closed' | 'failed';

/**
 * The write-ahead log. Appends queue while one batch is being written and synced; all that queued meanwhile is the next
 * batch: one write, one sync. Segments are prepared ahead of need. A failed write or sync is final (after a failed
 * fdatasync the kernel may call pages clean that never reached the disk, so trying again would lie).
 */
export class Journal {
  readonly #options: JournalOptions;
  readonly #segmentBytes: number;
  readonly #reserve: number;
  readonly #supply: SegmentSupply;
  readonly #full: FullSegment[];
  readonly #spare: Segment[];
  #active: SegmentWriter;
  #nextBatch: number;
  #queue: Item[] = [];
  #queuedBytes = 0;
  #phase: Phase = 'running';
  #writing = false;
  #beginning = false;
  #removals = 0;
  #scratch = new Uint8Array(0);
  #onClosed: Callback<void> | undefined;

  static open(options: JournalOptions, callback: JournalCallback<OpenedJournal>): void {
    assert(options.storageId.length === storageIdBytes, `a storage id has ${storageIdBytes} bytes`);
    recover(options, (error, recovered) => {
      if (error !== undefined) return callback(error, undefined);
      const opened = (active: SegmentWriter): void => {
        const { records, cut } = recovered;
        callback(undefined, { journal: new Journal(options, recovered, active), records, cut });
      };
      const begin = (segment: Segment): void => opened(new SegmentWriter(segment, recovered.nextBatch));
      const spare = recovered.spare[0];
      if (recovered.active !== undefined) return opened(recovered.active);
      if (spare !== undefined) return begin(spare);
      const capacity = options.segmentBytes ?? journalSegmentBytes;
      prepareSegment(options, recovered.nextSequence, capacity, (prepareError, segment) => {
        if (prepareError !== undefined) callback(prepareError, undefined);
        else begin(segment);
      });
    });
  }

  private constructor(options: JournalOptions, recovered: Recovered, active: SegmentWriter) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? journalSegmentBytes;
    assert(this.#segmentBytes >= minSegmentBytes, `a segment has at least ${minSegmentBytes} bytes`);
    this.#reserve = Math.min(journalReserveBytes, Math.floor(this.#segmentBytes / 4));
    this.#full = [...recovered.full];
    this.#spare = recovered.spare.filter((segment) => segment !== active.segment);
    this.#active = active;
    this.#nextBatch = recovered.nextBatch;
    this.#supply = new SegmentSupply({
      ...options,
      nextSequence: Math.max(recovered.nextSequence, active.segment.sequence + 1),
      onReady: (segment) => {
        this.#spare.push(segment);
        this.#begin();
      },
      onRoom: (shortage) => {
        if (this.#phase === 'running') options.onRoom(shortage);
      },
      onFailure: (error) => this.#fail(error),
      onIdle: () => this.#finishClosing(),
    });
    if (this.#spare.length === 0) this.#supply.request(this.#segmentBytes);
  }

  /**
   * Queues records; `onDurable` with this or a later token says that they are durable. Tokens rise. An append without
   * records is durable when all before it are. Written at the end of the turn, or by `flush`.
   */
  append(token: Token, records: readonly JournalRecord[]): void {
    this.#enqueue({
      token,
      records,
      bytes: sizeOf(records),
      urgent: records.every((record) => record.index === undefined),
      below: undefined,
    });
  }

  /**
   * Records with an index below `below` are not needed any more, nor are those without an index that were appended
   * before this call: `head` stands for them. Whole segments are removed, and only after `head` is durable in another;
   * when no segment can go, nothing is written either.
   */
  compact(below: Index, head: readonly JournalRecord[]): void {
    this.#enqueue({ token: undefined, records: head, bytes: sizeOf(head), urgent: true, below });
  }

  /** Begins to write what is queued now, unless a batch is under way, instead of at the end of the turn. */
  flush(): void {
    this.#begin();
  }

  /** Bytes in use, all segments together: what a restart has to read. */
  bytes(): number {
    return this.#full.reduce((sum, segment) => sum + segment.bytes, this.#active.end);
  }

  /** Bytes of records that were appended and are not yet being written. */
  queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Writes what is queued, as far as there is room, then lets go of all files. Nothing may be appended any more. */
  close(callback: Callback<void>): void {
    assert(this.#onClosed === undefined, 'a journal is closed once');
    this.#onClosed = callback;
    if (this.#phase === 'running') this.#phase = 'closing';
    this.#begin();
    this.#finishClosing();
  }

  #enqueue(item: Item): void {
    assert(this.#onClosed === undefined, 'nothing is appended to a closed journal');
    if (this.#phase !== 'running') return;
    this.#queue.push(item);
    this.#queuedBytes += item.bytes;
    if (this.#writing || this.#beginning) return;
    this.#beginning = true;
    this.#options.clock.defer(() => {
      this.#beginning = false;
      this.#begin();
    });
  }

  #begin(): void {
    if (this.#writing || (this.#phase !== 'running' && this.#phase !== 'closing')) return;
    if (this.#queue.length === 0 || !this.#makeRoom()) return;
    const batch = this.#takeBatch();
    this.#writing = true;
    if (batch.records.length === 0 && batch.dropped.length === 0) {
      this.#options.clock.defer(() => this.#durable(batch));
    } else {
      this.#write(batch);
    }
  }

  /** Sees to it that the first item fits the active segment; false when it has to wait for a segment. */
  #makeRoom(): boolean {
    const first = this.#queue[0] as Item;
    if (first.bytes <= this.#roomFor(first)) return true;
    const needed = segmentHeaderBytes + batchHeaderBytes + first.bytes + this.#reserve;
    const spare = this.#spare.findIndex((segment) => segment.capacity >= needed);
    if (spare >= 0) {
      this.#activate(this.#spare.splice(0, spare + 1));
      return true;
    }
    if (this.#compactionFits()) return true;
    this.#supply.request(Math.max(needed, this.#segmentBytes));
    return false;
  }

  /** Bytes of records that the active segment takes in one more batch; the reserve is spared unless a spare is ready. */
  #roomFor(item: Item): number {
    const reserve = item.urgent || this.#spare.length > 0 ? 0 : this.#reserve;
    return this.#active.room - reserve;
  }

  /**
   * A compaction that waits behind records for which there is no room would wait for ever, since it is what makes room.
   * So the reserve is there for everything up to it.
   */
  #compactionFits(): boolean {
    let bytes = 0;
    for (const item of this.#queue) {
      bytes += item.bytes;
      if (bytes > this.#active.room) return false;
      if (item.below !== undefined && this.#droppable(item.below) > 0) return true;
    }
    return false;
  }

  #activate(segments: Segment[]): void {
    const next = segments.pop() as Segment;
    this.#active.segment.file.close((error) => {
      if (error !== undefined) this.#fail(error);
    });
    this.#full.push(this.#active.full());
    this.#active = new SegmentWriter(next, this.#nextBatch);
    // Too small for what has to be written; they cannot be used any more, since segments are written in order.
    for (const skipped of segments) {
      skipped.file.close((error) => {
        if (error !== undefined) this.#fail(error);
      });
      this.#remove([skipped.path]);
    }
    if (this.#spare.length === 0) this.#supply.request(this.#segmentBytes);
  }

  #takeBatch(): Batch {
    const rescue = (this.#queue[0] as Item).bytes > this.#roomFor(this.#queue[0] as Item);
    const records: JournalRecord[] = [];
    let token: Token | undefined;
    let bytes = 0;
    let dropped = 0;
    let taken = 0;
    for (const item of this.#queue) {
      const droppable = item.below === undefined ? 0 : this.#droppable(item.below);
      const needless = item.below !== undefined && droppable <= dropped;
      const size = needless ? 0 : item.bytes;
      if (rescue ? dropped > 0 : bytes + size > this.#roomFor(item)) break;
      if (taken > 0 && bytes + size > maxJournalBatchBytes) break;
      taken++;
      bytes += size;
      token = item.token ?? token;
      if (needless) continue;
      for (const record of item.records) records.push(record);
      dropped = Math.max(dropped, droppable);
    }
    for (const item of this.#queue.splice(0, taken)) this.#queuedBytes -= item.bytes;
    return { token, records, dropped: this.#full.splice(0, dropped) };
  }

  /** How many of the oldest segments hold nothing that is needed when records below `below` are not. */
  #droppable(below: Index): number {
    const kept = this.#full.findIndex((segment) => segment.maxIndex >= below);
    return kept < 0 ? this.#full.length : kept;
  }

  #write(batch: Batch): void {
    const { file } = this.#active.segment;
    const number = this.#nextBatch++;
    const oldest = this.#full[0]?.firstBatch ?? this.#active.firstBatch;
    const buffer = this.#room(batchHeaderBytes + sizeOf(batch.records));
    const started = this.#options.clock.now();
    const length = this.#active.write(number, oldest, batch.records, buffer, (writeError) => {
      if (writeError !== undefined) return this.#writeFailed(writeError);
      file.sync((syncError) => {
        if (syncError !== undefined) return this.#writeFailed(syncError);
        const syncMs = this.#options.clock.now() - started;
        this.#options.observe?.({ records: batch.records.length, bytes: length, syncMs });
        this.#durable(batch);
      });
    });
  }

  #durable(batch: Batch): void {
    this.#writing = false;
    if (this.#phase === 'failed') return this.#finishClosing();
    if (batch.dropped.length > 0) this.#remove(batch.dropped.map((segment) => segment.path));
    if (batch.token !== undefined) this.#options.onDurable(batch.token);
    this.#begin();
    this.#finishClosing();
  }

  /** The batch that calls these segments needless is durable: should the removal be lost, recovery repeats it. */
  #remove(paths: readonly string[]): void {
    const { disk, directory } = this.#options;
    this.#removals++;
    const done = (error?: DiskError): void => {
      this.#removals--;
      if (error !== undefined) this.#fail(error);
      this.#supply.roomMade();
      this.#finishClosing();
    };
    inTurn<string>(
      paths,
      (path, next) => removeIfThere(disk, path, next),
      (error) => {
        if (error !== undefined) done(error);
        else disk.syncDirectory(directory, (syncError) => done(syncError));
      },
    );
  }

  #fail(error: DiskError): void {
    if (this.#phase === 'failed' || this.#phase === 'closed') return;
    this.#phase = 'failed';
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#supply.stop();
    this.#options.onFailure(error);
  }

  #writeFailed(error: DiskError): void {
    this.#writing = false;
    this.#fail(error);
    this.#finishClosing();
  }

  #finishClosing(): void {
    if (this.#onClosed === undefined || this.#writing || this.#removals > 0 || this.#phase === 'closed')
      return;
    const segmentToCome = this.#phase === 'closing' && this.#queue.length > 0 && !this.#supply.full;
    if (segmentToCome) return;
    this.#supply.stop();
    if (!this.#supply.idle) return;
    this.#phase = 'closed';
    const callback = this.#onClosed;
    const files = [this.#active.segment, ...this.#spare].map((segment) => segment.file);
    inTurn(
      files,
      (file, next) => file.close((error) => next(error)),
      (error) => callback(error),
    );
  }

  /** A buffer for one batch, used again for the next: there is one write under way at a time. */
  #room(bytes: number): Uint8Array {
    if (this.#scratch.length < bytes) this.#scratch = new Uint8Array(Math.max(bytes, 64 * 1024));
    return this.#scratch;
  }
}
