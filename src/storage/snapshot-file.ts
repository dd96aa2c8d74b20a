import { storeSliceBytes } from '../core/limits.ts';
import { type Callback, type Disk, DiskError, type DiskFile } from './disk.ts';
import type { Pair } from './snapshot.ts';
import { type SnapshotFault, SnapshotReader, type SnapshotSummary } from './snapshot-reader.ts';
import { closeAfter } from './steps.ts';

/** Takes pairs in ascending order; asks for more by `proceed`, or ends the reading with an error. */
export type PairSink = (pairs: readonly Pair[], proceed: (error?: DiskError) => void) => void;

/**
 * Writes frames to a new file in slices and syncs it; the directory is the caller's to sync. Calls back with the bytes
 * written. After an error the file may be there in part.
 */
export function writeSnapshotFile(
  disk: Disk,
  path: string,
  frames: IterableIterator<Uint8Array>,
  callback: Callback<number>,
): void {
  disk.open(path, 'create', (openError, file) => {
    if (openError !== undefined) return callback(openError, undefined);
    const done = closeAfter(file, callback);
    let offset = 0;
    const proceed = (): void => {
      const slice = takeSlice(frames);
      if (slice.bytes === 0) {
        file.sync((error) => (error === undefined ? done(undefined, offset) : done(error, undefined)));
        return;
      }
      file.write(offset, slice.parts, (error) => {
        if (error !== undefined) return done(error, undefined);
        offset += slice.bytes;
        proceed();
      });
    };
    proceed();
  });
}

function takeSlice(frames: IterableIterator<Uint8Array>): { parts: Uint8Array[]; bytes: number } {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < storeSliceBytes) {
    const next = frames.next();
    if (next.done === true) break;
    parts.push(next.value);
    bytes += next.value.length;
  }
  return { parts, bytes };
}

/**
 * Reads a snapshot in slices and checks all of it; `sink` gets the pairs of each slice, before the whole is known to be
 * good. An error of kind `damaged` says what is wrong with the file.
 */
export function readSnapshotFile(
  disk: Disk,
  path: string,
  sink: PairSink,
  callback: Callback<SnapshotSummary>,
): void {
  disk.open(path, 'read', (openError, file) => {
    if (openError !== undefined) return callback(openError, undefined);
    const done = closeAfter(file, callback);
    const reader = new SnapshotReader();
    feed(file, reader, sink, (error) => {
      if (error !== undefined)
        return done(error instanceof DiskError ? error : notASnapshot(path, error), undefined);
      const summary = reader.finish();
      if ('type' in summary) done(notASnapshot(path, summary), undefined);
      else done(undefined, summary);
    });
  });
}

/** Reads all of a snapshot only to check it: what `snapshot status` shows. */
export function verifySnapshotFile(disk: Disk, path: string, callback: Callback<SnapshotSummary>): void {
  readSnapshotFile(disk, path, (_pairs, proceed) => proceed(), callback);
}

/** Pushes the file through the reader, a slice for each turn of the event loop, until its end or an error. */
export function feed(
  file: DiskFile,
  reader: SnapshotReader,
  sink: PairSink,
  done: (error?: DiskError | SnapshotFault) => void,
): void {
  let offset = 0;
  const proceed = (error?: DiskError): void => {
    if (error !== undefined) return done(error);
    file.read(offset, storeSliceBytes, (readError, bytes) => {
      if (readError !== undefined) return done(readError);
      if (bytes.length === 0) return done();
      offset += bytes.length;
      const events = reader.push(bytes);
      if ('reason' in events) return done(events);
      const pairs = events.flatMap((event) => (event.type === 'pairs' ? event.pairs : []));
      sink(pairs, proceed);
    });
  };
  proceed();
}

function notASnapshot(path: string, fault: SnapshotFault): DiskError {
  return new DiskError(
    'damaged',
    path,
    `${path} is not a whole and undamaged snapshot (${fault.reason}: ${fault.detail}). Nothing was taken from it.`,
  );
}
