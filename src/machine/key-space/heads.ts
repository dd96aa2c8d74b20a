import { Reader, uintBytes, Writer } from '../../core/codec.ts';
import type { ReadStore, Store } from '../../core/store.ts';

/**
 * The table of heads: what the newest version of a key is, without its value. A get, where the table of versions would
 * have to be searched, which costs several times as much. Its keys are `0x12 | user key`; a key without a head has no
 * version at all.
 */
const headsTable = 0x12;

/** The newest version of a key. */
export interface Head {
  readonly revision: number;
  /** Undefined when it was deleted then. */
  readonly live: LiveHead | undefined;
}

export interface LiveHead {
  readonly createRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

const flag = { live: 0x01, lease: 0x02 } as const;

export function readHead(store: ReadStore, key: Uint8Array): Head | undefined {
  const bytes = store.get(headKey(key));
  if (bytes === undefined) return undefined;
  const reader = new Reader(bytes);
  const flags = reader.u8();
  const revision = reader.uint();
  if ((flags & flag.live) === 0) return { revision, live: undefined };
  const createRevision = reader.uint();
  const version = reader.uint();
  return {
    revision,
    live: { createRevision, version, lease: (flags & flag.lease) === 0 ? 0n : reader.i64() },
  };
}

export function writeHead(store: Store, key: Uint8Array, { revision, live }: Head): void {
  const leased = live !== undefined && live.lease !== 0n;
  const writer = new Writer(1 + uintBytes(revision) + (live === undefined ? 0 : liveHeadBytes(live)))
    .u8((live === undefined ? 0 : flag.live) | (leased ? flag.lease : 0))
    .uint(revision);
  if (live !== undefined) writer.uint(live.createRevision).uint(live.version);
  if (leased) writer.i64(live.lease);
  store.put(headKey(key), writer.finish());
}

/** Bytes of what is known of a live key, as heads and records have it. */
export const liveHeadBytes = ({ createRevision, version, lease }: LiveHead): number =>
  uintBytes(createRevision) + uintBytes(version) + (lease === 0n ? 0 : 8);

export function deleteHead(store: Store, key: Uint8Array): void {
  store.delete(headKey(key));
}

function headKey(key: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(key.length + 1);
  bytes[0] = headsTable;
  bytes.set(key, 1);
  return bytes;
}
