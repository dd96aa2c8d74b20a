import type { Index } from '../core/ids.ts';
import { type Decoded, decodeBatch, findHeader } from './batch.ts';
import { type JournalRefusal, journalDamaged } from './journal-errors.ts';
import { segmentHeaderBytes } from './segment.ts';

/** What recovery reads in one segment: the batches that follow one another from its beginning, and what stops them. */
export interface ScannedSegment {
  readonly sequence: number;
  readonly path: string;
  readonly capacity: number;
  readonly seed: number;
  readonly bytes: Uint8Array;
  readonly batches: readonly ScannedBatch[];
  /** Where the batches end. */
  readonly end: number;
  /** Undefined when nothing but the zeros of the preallocation follows. */
  readonly remains: Remains | undefined;
}

export interface ScannedBatch {
  readonly offset: number;
  readonly end: number;
  readonly number: number;
  readonly oldest: number;
  readonly maxIndex: Index;
  readonly records: readonly Uint8Array[];
}

/** Bytes behind the last sound batch that are not zero. */
export interface Remains {
  /** The number in the sound header of the batch whose records are damaged, if it has one. */
  readonly number: number | undefined;
  readonly offset: number;
  readonly reason: string;
  /** Whether something proves that the damaged batch was not the last one that was written. */
  readonly followed: boolean;
}

export function scanSegment(segment: {
  readonly sequence: number;
  readonly path: string;
  readonly capacity: number;
  readonly seed: number;
  readonly bytes: Uint8Array;
}): ScannedSegment {
  const { bytes, seed } = segment;
  const batches: ScannedBatch[] = [];
  let offset = segmentHeaderBytes;
  for (;;) {
    const found = decodeBatch(bytes, { seed, offset });
    const previous = batches.at(-1);
    if (found.type === 'batch' && (previous === undefined || found.header.number === previous.number + 1)) {
      const { header, end, records, maxIndex } = found;
      batches.push({ offset, end, number: header.number, oldest: header.oldest, maxIndex, records });
      offset = end;
      continue;
    }
    return { ...segment, batches, end: offset, remains: remainsAt(bytes, seed, offset, found) };
  }
}

function remainsAt(bytes: Uint8Array, seed: number, offset: number, found: Decoded): Remains | undefined {
  const later = (from: number): boolean => findHeader(bytes, { seed, offset: from }) !== undefined;
  switch (found.type) {
    case 'batch':
      return { number: found.header.number, offset, reason: 'the batch is out of order', followed: true };
    case 'damagedRecords':
      return {
        number: found.header.number,
        offset: found.offset,
        reason: found.reason,
        followed: nonZeroEnd(bytes, found.end) > found.end || later(offset + 1),
      };
    case 'noHeader':
      if (nonZeroEnd(bytes, offset) === offset) return undefined;
      return {
        number: undefined,
        offset,
        reason: 'the header of the batch is damaged',
        followed: later(offset + 1),
      };
  }
}

/** Behind the last byte at or after `from` that is not zero; `from` when there is none. */
export function nonZeroEnd(bytes: Uint8Array, from: number): number {
  let end = bytes.length;
  while (end > from && bytes[end - 1] === 0) end--;
  return end;
}

export interface Judgement {
  /** Not needed any more: all of their batches are older than what the last batch calls the oldest. */
  readonly leftovers: readonly ScannedSegment[];
  /** Segments with batches that are needed, in order. */
  readonly kept: readonly ScannedSegment[];
  /** Behind the last kept one; without batches. */
  readonly empty: readonly ScannedSegment[];
  /** The one whose remains are those of a batch that was being written when the power went. */
  readonly torn: ScannedSegment | undefined;
  readonly nextBatch: number;
}

/**
 * Tells a torn final batch, which was never acknowledged, from damage to what was. There is one write and one sync under
 * way at a time, so a batch was durable as soon as anything follows it, and one batch at most can be torn.
 */
export function judge(segments: readonly ScannedSegment[]): Judgement | JournalRefusal {
  const last = segments.findLast((segment) => segment.batches.length > 0);
  const lowest = segments[0];
  if (last === undefined && lowest !== undefined && lowest.sequence !== 1) {
    const finding = 'no batch can be read, although the segments before this one were removed for one';
    return journalDamaged(lowest.path, lowest.end, finding);
  }
  const oldestBatch = last?.batches.at(-1)?.oldest ?? 1;
  const kept: ScannedSegment[] = [];
  const leftovers: ScannedSegment[] = [];
  const empty: ScannedSegment[] = [];
  let nextBatch = oldestBatch;
  for (const segment of segments) {
    const first = segment.batches[0]?.number;
    const final = segment.batches.at(-1)?.number;
    if (last === undefined || segment.sequence > last.sequence) {
      empty.push(segment);
    } else if (first === undefined || final === undefined || final < oldestBatch) {
      leftovers.push(segment);
    } else {
      if (kept.length === 0 ? first > nextBatch : first !== nextBatch) {
        return missing(culprit(segments, kept.at(-1), segment), nextBatch, first);
      }
      kept.push(segment);
      nextBatch = final + 1;
    }
  }
  const suspects = [...kept.slice(-1), ...empty].filter((segment) => segment.remains !== undefined);
  for (const segment of suspects) {
    const damage = damageIn(segment, nextBatch, suspects.length);
    if (damage !== undefined) return damage;
  }
  return { leftovers, kept, empty, torn: suspects[0], nextBatch };
}

/** Where batches are missing before `found`: where something illegible is, else behind the last that is there. */
function culprit(
  segments: readonly ScannedSegment[],
  lastKept: ScannedSegment | undefined,
  found: ScannedSegment,
): ScannedSegment {
  const between = segments.filter(
    ({ sequence }) => sequence >= (lastKept?.sequence ?? 0) && sequence < found.sequence,
  );
  return between.find(({ remains }) => remains !== undefined) ?? lastKept ?? found;
}

function missing(segment: ScannedSegment, expected: number, found: number): JournalRefusal {
  const reason = segment.remains === undefined ? '' : ` (${segment.remains.reason})`;
  return journalDamaged(
    segment.path,
    segment.remains?.offset ?? segment.end,
    `batch ${expected} cannot be read${reason}, although batch ${found} was written after it`,
  );
}

function damageIn(segment: ScannedSegment, nextBatch: number, suspects: number): JournalRefusal | undefined {
  const { remains, path } = segment;
  if (remains === undefined) return undefined;
  if (remains.followed) {
    return journalDamaged(path, remains.offset, `${remains.reason}, although more was written after it`);
  }
  if (remains.number !== undefined && remains.number !== nextBatch) {
    return journalDamaged(
      path,
      remains.offset,
      `batch ${remains.number} was begun, but batch ${nextBatch}, which was durable before it, cannot be read`,
    );
  }
  if (suspects > 1) {
    return journalDamaged(
      path,
      remains.offset,
      `${remains.reason}, and more than one segment is in that state`,
    );
  }
  return undefined;
}
