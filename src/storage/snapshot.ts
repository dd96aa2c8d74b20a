import { assert } from '../core/assert.ts';
import { concatBytes, utf8 } from '../core/bytes.ts';
import { type Reader, Writer } from '../core/codec.ts';
import { crc32c } from '../core/crc32c.ts';
import { maxStoreKeyBytes, maxStoreValueBytes, snapshotFrameBytes } from '../core/limits.ts';
import type { Base } from '../protocol/index.ts';
import type { PinnedView } from './backend.ts';
import { readBase, writeBase } from './base-codec.ts';

/** docs/formats/snapshot.md describes the bytes. */
export const snapshotFormatVersion = 1;
export const snapshotIdBytes = 16;

/** Which state it is, and whose. */
export interface SnapshotOrigin {
  readonly clusterId: bigint;
  readonly protocol: string;
  readonly machine: string;
  readonly featureLevel: number;
  /** Random, one for each pinned view: what is resumed under the same id continues the same bytes. */
  readonly snapshotId: Uint8Array;
}

export interface SnapshotHeader extends SnapshotOrigin {
  readonly base: Base;
  /** Of all pairs; see `PairDigest`. */
  readonly digest: Uint8Array;
}

export type Pair = readonly [key: Uint8Array, value: Uint8Array];

export const snapshotMagic = utf8('QRSNAPSH');
export const preambleBytes = 12;
/** Before the payload: type, sequence, length. After it: CRC-32C. */
export const frameHeadBytes = 9;
export const frameTailBytes = 4;
/** What the first frame begins with, since a small state should not cost the room of a whole one. */
const firstFrameRoom = 4096;
/** With the lengths of the pairs, which are not counted. */
const frameRoom = snapshotFrameBytes + snapshotFrameBytes / 4;
export const maxFramePayloadBytes = snapshotFrameBytes + maxStoreKeyBytes + maxStoreValueBytes + 16;
export const frameTypes = { header: 1, pairs: 2, trailer: 3 } as const;

function snapshotPreamble(): Uint8Array {
  return new Writer(preambleBytes).raw(snapshotMagic).u32(snapshotFormatVersion).finish();
}

function writeSnapshotHeader(header: SnapshotHeader): Uint8Array {
  const writer = new Writer(256).raw(header.snapshotId).u64(header.clusterId);
  writer.string(header.protocol).string(header.machine).uint(header.featureLevel).raw(header.digest);
  writeBase(writer, header.base);
  return writer.finish();
}

export function readSnapshotHeader(reader: Reader): SnapshotHeader {
  return {
    snapshotId: reader.raw(snapshotIdBytes),
    clusterId: reader.u64(),
    protocol: reader.string(),
    machine: reader.string(),
    featureLevel: reader.uint(),
    digest: reader.raw(8),
    base: readBase(reader),
  };
}

/**
 * The bytes of a snapshot, a frame at a time (the first one with the preamble), taken from the view only as they are
 * asked for. The same view and origin give the same bytes.
 */
export function* snapshotFrames(view: PinnedView, origin: SnapshotOrigin): IterableIterator<Uint8Array> {
  assert(origin.snapshotId.length === snapshotIdBytes, 'a snapshot id has 16 bytes');
  const header = writeSnapshotHeader({ ...origin, base: view.base, digest: view.digest });
  const preamble = snapshotPreamble();
  const first = endFrame(beginFrame(frameTypes.header, 0, header.length).raw(header), crc32c(preamble));
  const seed = checksumOf(first);
  yield concatBytes([preamble, first]);

  let sequence = 1;
  let pairs = 0;
  let frame = beginFrame(frameTypes.pairs, sequence, firstFrameRoom);
  for (const [key, value] of view.entries()) {
    const payloadBytes = frame.length - frameHeadBytes;
    if (payloadBytes > 0 && payloadBytes + key.length + value.length > snapshotFrameBytes) {
      yield endFrame(frame, seed);
      frame = beginFrame(frameTypes.pairs, ++sequence, frameRoom);
    }
    frame.bytes(key).bytes(value);
    pairs++;
  }
  if (frame.length > frameHeadBytes) {
    yield endFrame(frame, seed);
    sequence++;
  }
  yield endFrame(beginFrame(frameTypes.trailer, sequence, 24).uint(pairs).raw(view.digest), seed);
}

/** The payload is written behind what this returns, and its length filled in by `endFrame`. */
const beginFrame = (type: number, sequence: number, payloadRoom: number): Writer =>
  new Writer(frameHeadBytes + payloadRoom + frameTailBytes).u8(type).u32(sequence).u32(0);

/** A frame's checksum goes on from its header frame's, so that no frame passes for one of another snapshot. */
function endFrame(frame: Writer, seed: number): Uint8Array {
  frame.u32At(frameHeadBytes - 4, frame.length - frameHeadBytes);
  return frame.u32(crc32c(frame.finish(), seed)).finish();
}

export function checksumOf(frameBytes: Uint8Array): number {
  const view = new DataView(frameBytes.buffer, frameBytes.byteOffset, frameBytes.byteLength);
  return view.getUint32(frameBytes.length - frameTailBytes);
}
