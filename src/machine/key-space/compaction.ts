import { assert } from '../../core/assert.ts';
import { sweepSliceWrites } from '../../core/limits.ts';
import type { ReadStore, Store } from '../../core/store.ts';
import { readUint32, readUint64, writeUint32, writeUint64 } from '../uint64.ts';
import type { CompactRequest, CompactResult, SweepResult } from './control.ts';
import { deleteHead, readHead } from './heads.ts';
import { cursorOf, type EventCursor, eventKey, historyKey, isPut, revisionBefore } from './history.ts';
import type { KeyError } from './requests.ts';
import {
  type Present,
  readCompactedRevision,
  readPresent,
  writeCompactedRevision,
  writePresent,
} from './revisions.ts';
import type { KeySpaceRules } from './rules.ts';
import { versionKey } from './versions.ts';

/** How far along the history what the last compaction made superfluous has been given back. */
const sweptKey = Uint8Array.of(0x03);

/** Refuses reads below `revision` from now on. The space is given back in steps, by `sweep`. */
export function compact(store: Store, request: CompactRequest, present: Present): CompactResult | KeyError {
  const compacted = readCompactedRevision(store);
  if (request.revision <= compacted) return { type: 'error', code: 'compacted' };
  if (request.revision > present.revision) return { type: 'error', code: 'futureRevision' };
  const swept = readSwept(store);
  writeCompactedRevision(store, Number(request.revision));
  // What was written at the old compaction had to stay until now.
  if (swept.revision >= compacted) writeSwept(store, { revision: compacted, order: 0 });
  return { type: 'compact' };
}

/**
 * Lets revisions go on from a higher one, without a write, and compacts all that is below: for a restored cluster. Its
 * revisions are then above those that clients have seen of the one it was restored from; and a watch that goes on from
 * one of these is told that it is compacted, since it may have seen writes that have never been here.
 */
export function raiseRevision(store: Store, by: number): void {
  const present = readPresent(store);
  const raised = { ...present, revision: present.revision + by };
  writePresent(store, raised);
  const outcome = compact(store, { type: 'compact', revision: BigInt(raised.revision) }, raised);
  assert(outcome.type === 'compact', 'a raised revision is above what was compacted, and is there');
}

/** Whether all that the last compaction made superfluous is gone. */
export function isSwept(store: ReadStore): boolean {
  return readSwept(store).revision > readCompactedRevision(store);
}

/**
 * The first revision whose events are all there still; at most the compacted one. What is below that is given back in
 * steps: until then it can be told to those who had been told all that was before.
 */
export function eventsHeldFrom(store: ReadStore): number {
  const { revision, order } = readSwept(store);
  return Math.min(readCompactedRevision(store), order === 0 ? revision : revision + 1);
}

/**
 * Gives back some of it. Goes along the writes up to the compacted revision: each makes the version before it
 * superfluous. A tombstone goes, too, but for one at the compacted revision itself: a watch that begins there must see
 * the delete.
 */
export function sweep(store: Store, rules: KeySpaceRules): SweepResult {
  const compacted = readCompactedRevision(store);
  const { revision, order } = readSwept(store);
  if (revision > compacted) return { type: 'sweep', done: true };
  const bounds = { from: historyKey(revision, order), to: historyKey(compacted + 1, 0) };
  const writes: (readonly [at: Uint8Array, value: Uint8Array])[] = [];
  let next: EventCursor = { revision: compacted + 1, order: 0 };
  for (const write of store.scan(bounds)) {
    if (writes.length === sweepSliceWrites) {
      next = cursorOf(write[0]);
      break;
    }
    writes.push(write);
  }
  for (const [at, value] of writes) sweepWrite(store, at, value, compacted, rules);
  writeSwept(store, next);
  return { type: 'sweep', done: next.revision > compacted };
}

function sweepWrite(
  store: Store,
  at: Uint8Array,
  value: Uint8Array,
  compacted: number,
  rules: KeySpaceRules,
): void {
  const { revision } = cursorOf(at);
  const key = eventKey(value);
  const before = revisionBefore(value);
  if (before > 0 && rules.supersedes(before, revision)) store.delete(versionKey(key, before));
  if (!isPut(value) && !rules.keepsTombstone(revision, compacted)) {
    store.delete(versionKey(key, revision));
    // A key that was deleted and has not come back has no version any more.
    if (readHead(store, key)?.revision === revision) deleteHead(store, key);
  }
  if (revision < compacted) store.delete(at);
}

function readSwept(store: ReadStore): EventCursor {
  const bytes = store.get(sweptKey);
  if (bytes === undefined) return { revision: 1, order: 0 };
  return { revision: readUint64(bytes, 0), order: readUint32(bytes, 8) };
}

function writeSwept(store: Store, { revision, order }: EventCursor): void {
  const bytes = new Uint8Array(12);
  writeUint64(bytes, 0, revision);
  writeUint32(bytes, 8, order);
  store.put(sweptKey, bytes);
}
