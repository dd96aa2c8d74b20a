import { assert } from '../../core/assert.ts';
import { part } from '../../core/bytes.ts';
import { Reader, Writer } from '../../core/codec.ts';
import { type ClusterTime, clusterTime, epoch } from '../../core/ids.ts';
import type { ReadStore, Store } from '../../core/store.ts';
import { readUint64, writeUint64 } from '../uint64.ts';
import { readInt64, writeInt64 } from './int64.ts';
import type { LeaseRecord, LeaseTerm } from './lease-records.ts';
import { keySpaceRules } from './rules.ts';

/**
 * The tables of leases:
 *
 *     0x20 | lease (8 bytes)                             -> time to live, renewed at, filed at
 *     0x21 | lease (8 bytes) | user key                  -> 0: the key is attached to it
 *     0x22 | cluster time (8 bytes) | lease (8 bytes)    -> 0: the lease is to be looked at when that time has come
 *
 * A renewal writes the first alone. The third is put right when its time comes: a lease that was renewed meanwhile is
 * filed again under its new deadline.
 */
const leaseTable = 0x20;
const attachedTable = 0x21;
const dueTable = 0x22;
const termKey = Uint8Array.of(0x02);
const nothing = Uint8Array.of(0);

export function readLeaseTerm(store: ReadStore): LeaseTerm {
  const bytes = store.get(termKey);
  if (bytes === undefined) return { epoch: epoch(0), floor: clusterTime(0) };
  return { epoch: epoch(readUint64(bytes, 0)), floor: clusterTime(readUint64(bytes, 8)) };
}

export function writeLeaseTerm(store: Store, term: LeaseTerm): void {
  const bytes = new Uint8Array(16);
  writeUint64(bytes, 0, term.epoch);
  writeUint64(bytes, 8, term.floor);
  store.put(termKey, bytes);
}

export function readLease(store: ReadStore, lease: bigint): LeaseRecord | undefined {
  const bytes = store.get(leaseKey(leaseTable, lease));
  return bytes === undefined ? undefined : decodeLease(bytes);
}

function decodeLease(bytes: Uint8Array): LeaseRecord {
  const reader = new Reader(bytes);
  const ttl = reader.uint();
  const renewedAt = clusterTime(reader.uint());
  return { ttl, renewedAt, filedAt: clusterTime(reader.uint()) };
}

export function writeLease(store: Store, lease: bigint, record: LeaseRecord): void {
  const writer = new Writer(24).uint(record.ttl).uint(record.renewedAt).uint(record.filedAt);
  store.put(leaseKey(leaseTable, lease), writer.finish());
}

export function deleteLease(store: Store, lease: bigint): void {
  store.delete(leaseKey(leaseTable, lease));
}

export function fileDue(store: Store, lease: bigint, at: ClusterTime): void {
  store.put(dueKey(at, lease), nothing);
}

export function unfileDue(store: Store, lease: bigint, at: ClusterTime): void {
  store.delete(dueKey(at, lease));
}

export interface Due {
  readonly at: ClusterTime;
  readonly lease: bigint;
}

/** Leases that are to be looked at, those whose time comes first before the others. */
export function* dueLeases(store: ReadStore): IterableIterator<Due> {
  const bounds = { from: Uint8Array.of(dueTable), to: Uint8Array.of(dueTable + 1) };
  for (const [key] of store.scan(bounds))
    yield { at: clusterTime(readUint64(key, 1)), lease: readInt64(key, 9) };
}

export function attach(store: Store, lease: bigint, key: Uint8Array): void {
  store.put(attachedKey(lease, key), nothing);
}

export function detach(store: Store, lease: bigint, key: Uint8Array): void {
  store.delete(attachedKey(lease, key));
}

/** The keys that are attached to a lease, in order. */
export function leaseKeys(store: ReadStore, lease: bigint): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (const [key] of store.scan(attachedTo(lease))) keys.push(part(key, 9, key.length));
  return keys;
}

export function hasLeaseKeys(store: ReadStore, lease: bigint): boolean {
  for (const _ of store.scan(attachedTo(lease))) return true;
  return false;
}

/** A lease, for whoever asks about it. */
export interface LeaseState {
  /** Seconds, as granted. */
  readonly ttl: number;
  /** Milliseconds that it lives on after `time` unless it is renewed; 0 when it may end any moment. */
  remaining(time: ClusterTime): number;
}

/** Undefined when there is no such lease. */
export function lease(store: ReadStore, id: bigint): LeaseState | undefined {
  const record = readLease(store, id);
  if (record === undefined) return undefined;
  const deadline = keySpaceRules.countsFrom(record, readLeaseTerm(store)) + record.ttl * 1000;
  return { ttl: record.ttl, remaining: (time) => Math.max(0, deadline - time) };
}

/** The leases that there are, or so many of those that come after one, in an order of their own. */
export function leases(store: ReadStore, after?: bigint, limit = Number.POSITIVE_INFINITY): bigint[] {
  const ids: bigint[] = [];
  const from =
    after === undefined ? Uint8Array.of(leaseTable) : Uint8Array.of(...leaseKey(leaseTable, after), 0);
  for (const [key] of store.scan({ from, to: Uint8Array.of(leaseTable + 1) })) {
    if (ids.length >= limit) break;
    ids.push(readInt64(key, 1));
  }
  return ids;
}

function leaseKey(table: number, lease: bigint): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = table;
  writeInt64(key, 1, lease);
  return key;
}

function attachedKey(lease: bigint, userKey: Uint8Array): Uint8Array {
  const key = new Uint8Array(9 + userKey.length);
  key.set(leaseKey(attachedTable, lease));
  key.set(userKey, 9);
  return key;
}

function attachedTo(lease: bigint): { from: Uint8Array; to: Uint8Array } {
  const from = leaseKey(attachedTable, lease);
  const to = from.slice();
  // The next number, carried; past the last lease comes the next table.
  for (let at = 8; at >= 0; at--) {
    to[at] = (to[at] as number) + 1;
    if (to[at] !== 0) break;
  }
  assert(to[0] !== 0, 'tables end below 0xff');
  return { from, to };
}

function dueKey(at: ClusterTime, lease: bigint): Uint8Array {
  const key = new Uint8Array(17);
  key[0] = dueTable;
  writeUint64(key, 1, at);
  writeInt64(key, 9, lease);
  return key;
}
