import { assert } from '../../core/assert.ts';
import type { ReadStore, Store } from '../../core/store.ts';
import { readUint64, writeUint64 } from '../uint64.ts';

const currentKey = Uint8Array.of(0x00);
const compactedKey = Uint8Array.of(0x01);

/** Revision of an empty key space. */
const firstRevision = 1;

/** What every command needs to know before it runs, in one record. */
export interface Present {
  /** Of the last write. */
  readonly revision: number;
  /** Which alarms stand, whoever raised them. */
  readonly noSpace: boolean;
  readonly corrupt: boolean;
  /** Whether users are asked for who they are. */
  readonly authEnabled: boolean;
}

/** Second part of the record; absent when none of them holds. */
const flag = { noSpace: 0x01, corrupt: 0x02, authEnabled: 0x04 } as const;
const initial: Present = { revision: firstRevision, noSpace: false, corrupt: false, authEnabled: false };

export function readPresent(store: ReadStore): Present {
  const bytes = store.get(currentKey);
  if (bytes === undefined) return initial;
  const flags = bytes.length > 8 ? (bytes[8] as number) : 0;
  return {
    revision: readUint64(bytes, 0),
    noSpace: (flags & flag.noSpace) !== 0,
    corrupt: (flags & flag.corrupt) !== 0,
    authEnabled: (flags & flag.authEnabled) !== 0,
  };
}

export function writePresent(store: Store, { revision, noSpace, corrupt, authEnabled }: Present): void {
  assert(Number.isSafeInteger(revision), 'revisions stay below 2^53');
  const flags =
    (noSpace ? flag.noSpace : 0) | (corrupt ? flag.corrupt : 0) | (authEnabled ? flag.authEnabled : 0);
  const bytes = new Uint8Array(flags === 0 ? 8 : 9);
  writeUint64(bytes, 0, revision);
  if (flags !== 0) bytes[8] = flags;
  store.put(currentKey, bytes);
}

export const readCurrentRevision = (store: ReadStore): number => readPresent(store).revision;

/** Reads below it are refused; 0 when there was no compaction. */
export function readCompactedRevision(store: ReadStore): number {
  const bytes = store.get(compactedKey);
  return bytes === undefined ? 0 : readUint64(bytes, 0);
}

export function writeCompactedRevision(store: Store, revision: number): void {
  const bytes = new Uint8Array(8);
  writeUint64(bytes, 0, revision);
  store.put(compactedKey, bytes);
}

/** The revision of the last write; 1 for an empty key space. */
export function currentRevision(store: ReadStore): bigint {
  return BigInt(readCurrentRevision(store));
}

/** The revision of the last compaction, below which reads are refused; 0 when there was none. */
export function compactedRevision(store: ReadStore): bigint {
  return BigInt(readCompactedRevision(store));
}
