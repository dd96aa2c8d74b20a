import { equalBytes, hex } from '../core/bytes.ts';
import { crc32c } from '../core/crc32c.ts';
import type { DiskFile } from './disk.ts';
import { type JournalRefusal, journalDamaged, journalForeign, journalUnsupported } from './journal-errors.ts';

const journalFormatVersion = 1;
export const storageIdBytes = 16;
/** A sector of its own, so that writing the first batch cannot tear the header. */
export const segmentHeaderBytes = 512;

const magic = 0x51_4a_53_47; // "QJSG"
const describedBytes = 52;

/** What the header of a segment says. Written once, synced before the file gets its name. */
export interface SegmentHeader {
  readonly sequence: number;
  /** Bytes of the whole file, preallocated. */
  readonly capacity: number;
  readonly storageId: Uint8Array;
}

/** A segment that may be written to. */
export interface Segment {
  readonly sequence: number;
  readonly path: string;
  readonly capacity: number;
  /** Checksum of its header; what is written in it is checked against this, and so counts nowhere else. */
  readonly seed: number;
  readonly file: DiskFile;
}

const nameDigits = 16;
const finalName = /^([0-9]{16})\.segment$/;
const temporaryName = /^[0-9]{16}\.preparing$/;

export const segmentName = (sequence: number): string =>
  `${String(sequence).padStart(nameDigits, '0')}.segment`;
export const preparingName = (sequence: number): string =>
  `${String(sequence).padStart(nameDigits, '0')}.preparing`;
export const isPreparingName = (name: string): boolean => temporaryName.test(name);

export function sequenceOf(name: string): number | undefined {
  const match = finalName.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** The header's bytes and their checksum. */
export function encodeSegmentHeader(header: SegmentHeader): {
  readonly bytes: Uint8Array;
  readonly seed: number;
} {
  const bytes = new Uint8Array(segmentHeaderBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  view.setUint32(8, journalFormatVersion);
  view.setBigUint64(16, BigInt(header.sequence));
  view.setBigUint64(24, BigInt(header.capacity));
  bytes.set(header.storageId, 36);
  const seed = crc32c(bytes.subarray(8, describedBytes));
  view.setUint32(4, seed);
  return { bytes, seed };
}

/** What the first bytes of the file `path` say, or why it is refused. */
export function decodeSegmentHeader(
  path: string,
  bytes: Uint8Array,
  expected: { readonly sequence: number; readonly storageId: Uint8Array },
): { readonly capacity: number; readonly seed: number } | JournalRefusal {
  if (bytes.length < segmentHeaderBytes) {
    return journalDamaged(path, bytes.length, 'the file ends within its header');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== magic) return journalDamaged(path, 0, 'this is not a segment of a journal');
  const seed = view.getUint32(4);
  if (crc32c(bytes.subarray(8, describedBytes)) !== seed) {
    return journalDamaged(path, 0, "the checksum of the segment's header does not match");
  }
  const version = view.getUint32(8);
  if (version !== journalFormatVersion) return journalUnsupported(path, journalFormatVersion, version);
  const storageId = bytes.subarray(36, 36 + storageIdBytes);
  if (!equalBytes(storageId, expected.storageId)) {
    return journalForeign(path, hex(expected.storageId), hex(storageId));
  }
  const sequence = Number(view.getBigUint64(16));
  if (sequence !== expected.sequence) {
    return journalDamaged(path, 16, `the header is that of segment ${sequence}`);
  }
  return { capacity: Number(view.getBigUint64(24)), seed };
}
