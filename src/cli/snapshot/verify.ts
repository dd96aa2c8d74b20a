import { createReadStream } from 'node:fs';
import { type SnapshotFault, SnapshotReader, type SnapshotSummary } from '../../storage/snapshot-reader.ts';

export type Verified = { readonly type: 'whole'; readonly summary: SnapshotSummary } | SnapshotFault;

/** Reads a backup from the first to the last byte and checks all of it. */
export async function verifyBackup(file: string): Promise<Verified> {
  const reader = new SnapshotReader();
  try {
    for await (const piece of createReadStream(file)) {
      const events = reader.push(piece as Uint8Array);
      if (!Array.isArray(events)) break;
    }
  } catch (error) {
    return { type: 'fault', reason: 'malformed', detail: (error as Error).message };
  }
  const summary = reader.finish();
  return 'type' in summary ? summary : { type: 'whole', summary };
}
