import { assert } from '../core/assert.ts';
import { crc32c } from '../core/crc32c.ts';
import { type Index, index } from '../core/ids.ts';
import type { JournalRecord } from '../protocol/index.ts';

/**
 * What one write and one sync make durable, as a whole: a header, then records, each with its length, type and checksum.
 * docs/formats/journal.md has the layout and the reasons. Each checksum starts from the one before it, the first one
 * from the segment's seed and the batch's offset: bytes that were written elsewhere, or by a client into a record,
 * are never taken for a batch.
 */
export interface BatchHeader {
  /** Rises by one from batch to batch, across segments. The first is 1. */
  readonly number: number;
  /** Batches with lower numbers are not needed any more. */
  readonly oldest: number;
}

/** Where a batch lies. */
export interface Place {
  /** Of the segment, see `Segment`. */
  readonly seed: number;
  readonly offset: number;
}

export const batchHeaderBytes = 32;
const magic = 0x51_4a_42_41; // "QJBA"
const [plainType, indexedType] = [1, 2];
const [plainHeaderBytes, indexedHeaderBytes] = [9, 17];

function recordSize(record: JournalRecord): number {
  return (record.index === undefined ? plainHeaderBytes : indexedHeaderBytes) + record.bytes.length;
}

export function sizeOf(records: readonly JournalRecord[]): number {
  let bytes = 0;
  for (const record of records) bytes += recordSize(record);
  return bytes;
}

/** Writes the batch to the beginning of `target` and returns its length. */
export function encodeBatch(
  target: Uint8Array,
  place: Place,
  header: BatchHeader,
  records: readonly JournalRecord[],
): number {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const length = sizeOf(records);
  setUint64(view, 8, header.number);
  setUint64(view, 16, header.oldest);
  view.setUint32(24, length);
  view.setUint32(28, records.length);
  let checksum = headerChecksum(target, view, place);
  view.setUint32(0, magic);
  view.setUint32(4, checksum);
  let at = batchHeaderBytes;
  for (const record of records) {
    const end = at + recordSize(record);
    view.setUint32(at + 4, record.bytes.length);
    if (record.index === undefined) {
      target[at + 8] = plainType;
    } else {
      target[at + 8] = indexedType;
      setUint64(view, at + 9, record.index);
    }
    target.set(record.bytes, end - record.bytes.length);
    checksum = crc32c(target, checksum, at + 4, end);
    view.setUint32(at, checksum);
    at = end;
  }
  return at;
}

/** What lies at an offset of a segment's bytes. */
export type Decoded =
  | {
      readonly type: 'batch';
      readonly header: BatchHeader;
      readonly end: number;
      readonly records: readonly Uint8Array[];
      /** The highest index among the records; 0 when none has one. */
      readonly maxIndex: Index;
    }
  /** The header is sound, the records are not. `offset` is that of the first that is not. */
  | {
      readonly type: 'damagedRecords';
      readonly header: BatchHeader;
      readonly end: number;
      readonly offset: number;
      readonly reason: string;
    }
  | { readonly type: 'noHeader' };

/** Reads the batch at `place.offset` of a whole segment. Its records are views of `bytes`. */
export function decodeBatch(bytes: Uint8Array, place: Place): Decoded {
  const found = decodeHeader(bytes, place);
  if (found === undefined) return { type: 'noHeader' };
  const { header, length, count } = found;
  const end = place.offset + batchHeaderBytes + length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: Uint8Array[] = [];
  let maxIndex = 0;
  let checksum = found.checksum;
  let at = place.offset + batchHeaderBytes;
  const damaged = (reason: string): Decoded => ({ type: 'damagedRecords', header, end, offset: at, reason });
  while (records.length < count) {
    if (end - at < plainHeaderBytes) return damaged('the batch ends before its last record');
    const size = view.getUint32(at + 4);
    const type = bytes[at + 8];
    const headerBytes = type === indexedType ? indexedHeaderBytes : plainHeaderBytes;
    if (size > end - at - headerBytes) return damaged('the record is longer than its batch');
    const next = at + headerBytes + size;
    checksum = crc32c(bytes, checksum, at + 4, next);
    if (checksum !== view.getUint32(at)) return damaged('the checksum of the record does not match');
    if (type === indexedType) maxIndex = Math.max(maxIndex, getUint64(view, at + 9));
    else if (type !== plainType) return damaged(`the record has the unknown type ${String(type)}`);
    records.push(bytes.subarray(next - size, next));
    at = next;
  }
  if (at !== end) return damaged('bytes follow the last record of the batch');
  return { type: 'batch', header, end, records, maxIndex: index(maxIndex) };
}

/** The first sound batch header at or after `place.offset`: whatever is before it was durable when it was written. */
export function findHeader(
  bytes: Uint8Array,
  place: Place,
): { readonly offset: number; readonly header: BatchHeader } | undefined {
  const first = magic >>> 24;
  for (let at = bytes.indexOf(first, place.offset); at >= 0; at = bytes.indexOf(first, at + 1)) {
    const found = decodeHeader(bytes, { seed: place.seed, offset: at });
    if (found !== undefined) return { offset: at, header: found.header };
  }
  return undefined;
}

interface FoundHeader {
  readonly header: BatchHeader;
  readonly checksum: number;
  /** Bytes of the records. */
  readonly length: number;
  /** Number of the records. */
  readonly count: number;
}

function decodeHeader(bytes: Uint8Array, place: Place): FoundHeader | undefined {
  const { offset } = place;
  if (bytes.length - offset < batchHeaderBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, batchHeaderBytes);
  if (view.getUint32(0) !== magic) return undefined;
  const copy = Uint8Array.from(bytes.subarray(offset, offset + batchHeaderBytes));
  const checksum = headerChecksum(copy, new DataView(copy.buffer), place);
  if (checksum !== view.getUint32(4)) return undefined;
  const length = view.getUint32(24);
  if (length > bytes.length - offset - batchHeaderBytes) return undefined;
  const header = { number: getUint64(view, 8), oldest: getUint64(view, 16) };
  return { header, checksum, length, count: view.getUint32(28) };
}

/** Leaves the offset in the first eight bytes: it is part of what is summed, and not of what is written. */
function headerChecksum(bytes: Uint8Array, view: DataView, place: Place): number {
  setUint64(view, 0, place.offset);
  return crc32c(bytes, place.seed, 0, batchHeaderBytes);
}

const two32 = 0x1_0000_0000;

function setUint64(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, `not an unsigned integer below 2^53: ${value}`);
  view.setUint32(at, Math.floor(value / two32));
  view.setUint32(at + 4, value % two32);
}

function getUint64(view: DataView, at: number): number {
  return view.getUint32(at) * two32 + view.getUint32(at + 4);
}
