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
  const first = frame(frameTypes.header, 0, header, crc32c(preamble));
  const seed = checksumOf(first);
  yield concatBytes([preamble, first]);

  let sequence = 1;
  let pairs = 0;
  let payload = new Writer(firstFrameRoom);
  for (const [key, value] of view.entries()) {
    if (payload.length > 0 && payload.length + key.length + value.length > snapshotFrameBytes) {
      yield frame(frameTypes.pairs, sequence++, payload.finish(), seed);
      payload = new Writer(snapshotFrameBytes);
    }
    payload.bytes(key).bytes(value);
    pairs++;
  }
  if (payload.length > 0) yield frame(frameTypes.pairs, sequence++, payload.finish(), seed);
  const trailer = new Writer(24).uint(pairs).raw(view.digest).finish();
  yield frame(frameTypes.trailer, sequence, trailer, seed);
}

/** A frame's checksum goes on from its header frame's, so that no frame passes for one of another snapshot. */
function frame(type: number, sequence: number, payload: Uint8Array, seed: number): Uint8Array {
  const writer = new Writer(frameHeadBytes + payload.length + frameTailBytes);
  writer.u8(type).u32(sequence).u32(payload.length).raw(payload);
  return writer.u32(crc32c(writer.finish(), seed)).finish();
}

export function checksumOf(frameBytes: Uint8Array): number {
  const view = new DataView(frameBytes.buffer, frameBytes.byteOffset, frameBytes.byteLength);
  return view.getUint32(frameBytes.length - frameTailBytes);
}
