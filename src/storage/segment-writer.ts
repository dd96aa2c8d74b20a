import { type Index, index } from '../core/ids.ts';
import type { JournalRecord } from '../protocol/index.ts';
import { batchHeaderBytes, encodeBatch } from './batch.ts';
import type { Callback } from './disk.ts';
import { type Segment, segmentHeaderBytes } from './segment.ts';

/** What compaction has to know of a segment that is not written to any more. */
export interface FullSegment {
  readonly path: string;
  /** Number of its first batch. */
  readonly firstBatch: number;
  /** The highest index of its records; 0 when none has one. */
  readonly maxIndex: Index;
  /** Bytes in use. */
  readonly bytes: number;
}

/** The segment that batches are written to. */
export class SegmentWriter {
  readonly segment: Segment;
  readonly firstBatch: number;
  #maxIndex: Index;
  #end: number;

  /** For a segment that `written` says how far it is in use; an empty one begins with the batch `firstBatch`. */
  constructor(
    segment: Segment,
    firstBatch: number,
    written = { maxIndex: index(0), end: segmentHeaderBytes },
  ) {
    this.segment = segment;
    this.firstBatch = firstBatch;
    this.#maxIndex = written.maxIndex;
    this.#end = written.end;
  }

  /** Bytes in use. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of records that fit in one more batch. */
  get room(): number {
    return this.segment.capacity - this.#end - batchHeaderBytes;
  }

  full(): FullSegment {
    const { segment, firstBatch } = this;
    return { path: segment.path, firstBatch, maxIndex: this.#maxIndex, bytes: this.#end };
  }

  /** One write; durable by a sync of the file. Returns the number of bytes; `buffer` is in use until the callback. */
  write(
    number: number,
    oldest: number,
    records: readonly JournalRecord[],
    buffer: Uint8Array,
    callback: Callback<void>,
  ): number {
    const offset = this.#end;
    const { seed, file } = this.segment;
    const length = encodeBatch(buffer, { seed, offset }, { number, oldest }, records);
    for (const record of records) {
      if (record.index !== undefined && record.index > this.#maxIndex) this.#maxIndex = record.index;
    }
    this.#end = offset + length;
    file.write(offset, [buffer.subarray(0, length)], callback);
    return length;
  }
}
