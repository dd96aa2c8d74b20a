import { assert } from '../../core/assert.ts';
import { clusterTime } from '../../core/ids.ts';
import { expireSliceKeys, expireSliceLeases } from '../../core/limits.ts';
import type { Store } from '../../core/store.ts';
import type { ApplyContext } from '../machine.ts';
import type {
  ExpireRequest,
  ExpireResult,
  GrantRequest,
  GrantResult,
  LeaseTermResult,
  RenewRequest,
  RenewResult,
  RevokeRequest,
  RevokeResult,
} from './control.ts';
import { readHead } from './heads.ts';
import type { LeaseRecord } from './lease-records.ts';
import {
  type Due,
  deleteLease,
  dueLeases,
  fileDue,
  leaseKeys,
  readLease,
  readLeaseTerm,
  unfileDue,
  writeLease,
  writeLeaseTerm,
} from './leases.ts';
import type { KeyError } from './requests.ts';
import { RevisionWriter } from './revision-writer.ts';
import { readPresent } from './revisions.ts';
import type { KeySpaceRules } from './rules.ts';
import { versionKey } from './versions.ts';

export function grant(
  store: Store,
  { lease, ttl }: GrantRequest,
  context: ApplyContext,
): GrantResult | KeyError {
  if (readLease(store, lease) !== undefined) return { type: 'error', code: 'leaseExists' };
  const filedAt = clusterTime(context.time + ttl * 1000);
  writeLease(store, lease, { ttl, renewedAt: context.time, filedAt });
  fileDue(store, lease, filedAt);
  return { type: 'grant', lease, ttl };
}

export function revoke(store: Store, { lease }: RevokeRequest): RevokeResult | KeyError {
  const record = readLease(store, lease);
  if (record === undefined) return { type: 'error', code: 'leaseNotFound' };
  return { type: 'revoke', deleted: end(store, lease, record) };
}

export function renew(store: Store, { leases }: RenewRequest, context: ApplyContext): RenewResult {
  const ttls = leases.map((lease) => {
    const record = readLease(store, lease);
    if (record === undefined) return 0;
    if (record.renewedAt !== context.time) writeLease(store, lease, { ...record, renewedAt: context.time });
    return record.ttl;
  });
  return { type: 'renew', ttls };
}

export function beginLeaseTerm(store: Store, { epoch, time }: ApplyContext): LeaseTermResult {
  writeLeaseTerm(store, { epoch, floor: time });
  return { type: 'leaseTerm' };
}

/**
 * Looks at leases whose time has come: those that were renewed are filed again, the others end. Bounded; what is left
 * is for the next command. A command that a leader has left behind finds another epoch and does nothing.
 */
export function expire(
  store: Store,
  { epoch, until }: ExpireRequest,
  context: ApplyContext,
  rules: KeySpaceRules,
): ExpireResult {
  const term = readLeaseTerm(store);
  if (!rules.mayExpire(epoch, context.epoch, term)) return { type: 'expire', expired: 0 };
  // What comes after `until`, an awakening after a long sleep for one, was not known when this was decided on.
  const time = rules.looksUntil(until, context.time);
  let expired = 0;
  let keys = 0;
  for (const { at, lease } of dueBy(store, time)) {
    if (keys >= expireSliceKeys) break;
    const record = readLease(store, lease);
    assert(record?.filedAt === at, `lease ${lease} is filed where it does not say`);
    const deadline = clusterTime(rules.countsFrom(record, term) + record.ttl * 1000);
    if (deadline <= time) {
      keys += end(store, lease, record);
      expired++;
    } else {
      unfileDue(store, lease, at);
      fileDue(store, lease, deadline);
      writeLease(store, lease, { ...record, filedAt: deadline });
    }
  }
  return { type: 'expire', expired };
}

/** Some of the leases that are filed at or before `time`. */
function dueBy(store: Store, time: number): Due[] {
  const due: Due[] = [];
  for (const next of dueLeases(store)) {
    if (next.at > time || due.length === expireSliceLeases) break;
    due.push(next);
  }
  return due;
}

/** Ends a lease and deletes its keys, in order, under a revision of their own; how many they were. */
function end(store: Store, lease: bigint, record: LeaseRecord): number {
  const keys = leaseKeys(store, lease);
  const writer = new RevisionWriter(store, readPresent(store));
  for (const key of keys) {
    const head = readHead(store, key);
    assert(head?.live?.lease === lease, 'a key is attached to a lease that is not its own');
    writer.delete(versionKey(key, head.revision), lease);
  }
  writer.finish();
  unfileDue(store, lease, record.filedAt);
  deleteLease(store, lease);
  return keys.length;
}
