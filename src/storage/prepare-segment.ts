import { type Callback, type Disk, DiskError, type DiskFile } from './disk.ts';
import { encodeSegmentHeader, preparingName, type Segment, segmentName } from './segment.ts';
import { removeIfThere } from './steps.ts';

export interface PrepareOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly storageId: Uint8Array;
}

/**
 * Makes a segment: all of its bytes written, header synced, name durable. So a later batch in it is durable by a sync of
 * the file alone and finds its room taken already, and a segment under its final name is never half made. On an error
 * nothing is left behind: what was taken of a full disk's last room is given back at once.
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
  disk.free((freeError, bytes) => {
    if (freeError !== undefined) return callback(freeError, undefined);
    const noRoom = (finding: string): DiskError =>
      new DiskError(
        'full',
        path,
        `no room for a segment of the journal: ${capacity} bytes needed, ${finding}`,
      );
    if (bytes < capacity) return callback(noRoom(`${bytes} free`), undefined);
    disk.open(temporary, 'create', (openError, file) => {
      if (openError !== undefined) return callback(openError, undefined);
      const discard = (error: DiskError): void => {
        file.close(() => {
          removeIfThere(disk, temporary, (first) => {
            removeIfThere(disk, path, (second) => callback(first ?? second ?? error, undefined));
          });
        });
      };
      const { bytes: header, seed } = encodeSegmentHeader({ sequence, capacity, storageId });
      fill(file, capacity, header, (fillError) => {
        if (fillError?.kind === 'full') return discard(noRoom('and not so many left'));
        if (fillError !== undefined) return discard(fillError);
        disk.rename(temporary, path, (renameError) => {
          if (renameError !== undefined) return discard(renameError);
          disk.syncDirectory(directory, (syncError) => {
            if (syncError !== undefined) return discard(syncError);
            callback(undefined, { sequence, path, capacity, seed, file });
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
