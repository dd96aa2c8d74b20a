import { type Index, index, type NodeId, type Token } from '../core/ids.ts';
import type { JournalRecord, Message } from './contract.ts';

/** The disk of a rehearsed replica: what is synced, and what is not yet. */
export interface Disk<M extends Message> {
  /** What would be found after a power cut now. */
  records: JournalRecord[];
  /** Written, not yet synced; oldest first. */
  pending: Pending[];
  /** Sends that wait for a write. */
  held: { readonly after: Token; readonly to: NodeId; readonly message: M }[];
  /** How much of `applied` is durable. */
  flushed: Index;
}

export type Pending =
  | { readonly type: 'persist'; readonly token: Token; readonly records: readonly JournalRecord[] }
  | { readonly type: 'compact'; readonly below: Index; readonly head: readonly JournalRecord[] };

export const emptyDisk = <M extends Message>(): Disk<M> => ({
  records: [],
  pending: [],
  held: [],
  flushed: index(0),
});

/** Cuts from the front only, as a journal of segments does. */
export function writeDown<M extends Message>(disk: Disk<M>, write: Pending): void {
  if (write.type === 'persist') {
    disk.records.push(...write.records);
    return;
  }
  disk.records.push(...write.head);
  const keep = disk.records.findIndex(({ index: at }) => at !== undefined && at >= write.below);
  disk.records = disk.records.slice(keep < 0 ? disk.records.length - write.head.length : keep);
}
