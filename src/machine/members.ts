import { assert } from '../core/assert.ts';
import { decode, Malformed, Writer } from '../core/codec.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { maxReplicasEver } from '../core/limits.ts';
import type { ReadStore, Store } from '../core/store.ts';
import { type PublishedMember, readMemberRecord, writeMemberRecord } from './envelope.ts';
import { featureLevelKey, memberKey, table, tableRange } from './layout.ts';
import { readUint64, writeUint64 } from './uint64.ts';

/** The level of a new cluster. */
export const firstFeatureLevel = 1;

export function publish(store: Store, member: PublishedMember): 'done' | 'tooManyMembers' {
  const key = memberKey(member.id);
  if (store.get(key) === undefined && publishedMembers(store).length >= maxReplicasEver)
    return 'tooManyMembers';
  store.put(key, writeMemberRecord(new Writer(), member).finish().slice());
  return 'done';
}

/** What the members have said about themselves, in order of their ids. */
export function publishedMembers(store: ReadStore): PublishedMember[] {
  const members: PublishedMember[] = [];
  for (const [key, value] of store.scan(tableRange(table.member))) {
    const record = decode(value, readMemberRecord);
    assert(!(record instanceof Malformed), 'a member record does not decode');
    members.push({ id: nodeId(readUint64(key, 2)), ...record });
  }
  return members;
}

/** Client addresses that members have published, in order of their ids. */
export function clientAddresses(store: ReadStore): Map<NodeId, readonly string[]> {
  return new Map(publishedMembers(store).map((member) => [member.id, member.clientAddresses]));
}

/** The level at which every replica applies. */
export function featureLevel(store: ReadStore): number {
  const level = store.get(featureLevelKey());
  return level === undefined ? firstFeatureLevel : readUint64(level, 0);
}

export type RaiseOutcome = 'raised' | 'notAbove' | 'unsupported';

/** Raises the level if every member that has published can run it: mixed versions must not diverge. */
export function raiseFeatureLevel(store: Store, to: number): RaiseOutcome {
  if (to <= featureLevel(store)) return 'notAbove';
  const members = publishedMembers(store);
  if (members.length === 0) return 'unsupported';
  if (members.some((member) => member.maxFeatureLevel < to)) return 'unsupported';
  const level = new Uint8Array(8);
  writeUint64(level, 0, to);
  store.put(featureLevelKey(), level);
  return 'raised';
}
