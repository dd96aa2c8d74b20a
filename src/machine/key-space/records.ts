import { assert } from '../../core/assert.ts';
import { Reader, uintBytes, Writer } from '../../core/codec.ts';
import { type LiveHead, liveHeadBytes } from './heads.ts';
import type { KeyValue } from './requests.ts';
import { revisionOf, userKey } from './versions.ts';

/** What one key was from one revision on. The revision itself is in the key of the record. */
export interface LiveRecord extends LiveHead {
  readonly revision: number;
  readonly value: Uint8Array;
}

/**
 * First byte of a record. A tombstone says that the key was deleted. `order` counts the writes of one revision: it is
 * the order of their events.
 */
const flag = { live: 0x01, lease: 0x02 } as const;

export function encodeTombstone(order: number): Uint8Array {
  return new Writer(2).u8(0).uint(order).finish();
}

export function encodeRecord(live: LiveHead, value: Uint8Array, order: number): Uint8Array {
  const { createRevision, version, lease } = live;
  const leased = lease !== 0n;
  const writer = new Writer(1 + uintBytes(order) + liveHeadBytes(live) + value.length)
    .u8(flag.live | (leased ? flag.lease : 0))
    .uint(order)
    .uint(createRevision)
    .uint(version);
  if (leased) writer.i64(lease);
  return writer.raw(value).finish();
}

export function isLive(record: Uint8Array): boolean {
  return ((record[0] as number) & flag.live) !== 0;
}

/** The lease of a record; 0 for none. */
export function leaseOf(version: Uint8Array, record: Uint8Array): bigint {
  return ((record[0] as number) & flag.lease) === 0 ? 0n : (decodeRecord(version, record)?.lease ?? 0n);
}

/** The record of a version; undefined for a tombstone. */
export function decodeRecord(version: Uint8Array, bytes: Uint8Array): LiveRecord | undefined {
  if (!isLive(bytes)) return undefined;
  const reader = new Reader(bytes);
  const flags = reader.u8();
  assert((flags & ~(flag.live | flag.lease)) === 0, 'a record has flags of a later version');
  reader.uint();
  const createRevision = reader.uint();
  const keyVersion = reader.uint();
  const lease = (flags & flag.lease) === 0 ? 0n : reader.i64();
  const value = reader.raw(reader.remaining);
  return { revision: revisionOf(version), createRevision, version: keyVersion, lease, value };
}

export function keyValue(key: Uint8Array, record: LiveRecord): KeyValue {
  return {
    key,
    value: record.value,
    createRevision: BigInt(record.createRevision),
    modRevision: BigInt(record.revision),
    version: BigInt(record.version),
    lease: record.lease,
  };
}

/** The pair of a version and its record, which is live. */
export function pairOf(version: Uint8Array, record: LiveRecord): KeyValue {
  return keyValue(userKey(version), record);
}
