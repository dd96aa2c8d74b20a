import { storeReserveBytes } from '../core/limits.ts';
import type { Callback, Disk, DiskError, DiskFile } from './disk.ts';
import { claimRoom, tooLate } from './room.ts';
import { encodeSegmentHeader, preparingName, type Segment, segmentName } from './segment.ts';
import { removeIfThere } from './steps.ts';

export interface PrepareOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly storageId: Uint8Array;
}

/**
 * Makes a segment: all of its bytes written, header synced, name durable. So a later batch in it is durable by a sync of
 * the file alone and finds its room taken already, and a segment under its final name is never half made. The room that is
 * left to others stays free meanwhile. On an error nothing is left behind: what was taken of a full disk's last room is
 * given back at once.
 */
export function prepareSegment(
  options: PrepareOptions,
  sequence: number,
  capacity: number,
  callback: Callback<Segment>,
): void {
  const { disk, directory, storageId } = options;
  const temporary = `${directory}/${preparingName(sequence)}`;
  const path = `${directory}/${segmentName(sequence)}`;
  const purpose = 'for a segment of the journal';
  const reserve = Math.min(storeReserveBytes, capacity / 4);
  claimRoom(disk, path, purpose, { bytes: capacity, reserve }, (claimError, claim) => {
    if (claimError !== undefined) return callback(claimError, undefined);
    const end = ((...outcome: [DiskError, undefined] | [undefined, Segment]) => {
      claim();
      callback(...outcome);
    }) satisfies Callback<Segment>;
    disk.open(temporary, 'create', (openError, file) => {
      if (openError !== undefined) return end(openError, undefined);
      const discard = (error: DiskError): void => {
        file.close(() => {
          removeIfThere(disk, temporary, (first) => {
            removeIfThere(disk, path, (second) => end(first ?? second ?? error, undefined));
          });
        });
      };
      const { bytes: header, seed } = encodeSegmentHeader({ sequence, capacity, storageId });
      fill(file, capacity, header, (fillError) => {
        if (fillError?.kind === 'full') return discard(tooLate(path, purpose, capacity));
        if (fillError !== undefined) return discard(fillError);
        disk.rename(temporary, path, (renameError) => {
          if (renameError !== undefined) return discard(renameError);
          disk.syncDirectory(directory, (syncError) => {
            if (syncError !== undefined) return discard(syncError);
            end(undefined, { sequence, path, capacity, seed, file });
          });
        });
      });
    });
  });
}

function fill(file: DiskFile, capacity: number, header: Uint8Array, done: (error?: DiskError) => void): void {
  file.allocate(capacity, (allocateError) => {
    if (allocateError !== undefined) return done(allocateError);
    file.write(0, [header], (writeError) => {
      if (writeError !== undefined) return done(writeError);
      file.sync((syncError) => done(syncError));
    });
  });
}
