import { index } from '../core/ids.ts';
import type { Callback, Disk, DiskError } from './disk.ts';
import { type JournalCallback, type JournalError, JournalRefusal, journalDamaged } from './journal-errors.ts';
import { type Judgement, judge, nonZeroEnd, type ScannedSegment, scanSegment } from './judge.ts';
import { decodeSegmentHeader, isPreparingName, type Segment, segmentName, sequenceOf } from './segment.ts';
import { type FullSegment, SegmentWriter } from './segment-writer.ts';
import { closeAfter, inTurn, removeIfThere } from './steps.ts';

const zeroStep = 1024 * 1024;

export interface RecoveryOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly storageId: Uint8Array;
}

/** A batch that was being written when the power went: never acknowledged, and overwritten now. */
export interface Cut {
  readonly segment: string;
  readonly offset: number;
  readonly bytes: number;
  readonly reason: string;
}

/** A journal as it lies on the disk, durable as far as `records` goes. */
export interface Recovered {
  readonly records: Uint8Array[];
  readonly cut: Cut | undefined;
  /** Needed and not written to any more, in order. */
  readonly full: readonly FullSegment[];
  /** The last segment with batches, if there is one. */
  readonly active: SegmentWriter | undefined;
  /** Prepared and unused, in order. */
  readonly spare: readonly Segment[];
  readonly nextBatch: number;
  readonly nextSequence: number;
}

/** Reads the journal in `directory`, which is made when it is not there, and makes durable what was read. */
export function recover(options: RecoveryOptions, callback: JournalCallback<Recovered>): void {
  const { disk, directory } = options;
  makeDurableDirectory(disk, directory, (directoryError) => {
    if (directoryError !== undefined) return callback(directoryError, undefined);
    disk.list(directory, (listError, names) => {
      if (listError !== undefined) return callback(listError, undefined);
      scanAll(options, names, (scanError, scanned) => {
        if (scanError !== undefined) return callback(scanError, undefined);
        const judgement = judge(scanned);
        if (judgement instanceof JournalRefusal) return callback(judgement, undefined);
        settle(options, judgement, names.filter(isPreparingName), callback);
      });
    });
  });
}

function makeDurableDirectory(disk: Disk, directory: string, callback: (error?: DiskError) => void): void {
  disk.makeDirectory(directory, (error) => {
    if (error !== undefined && error.kind !== 'exists') return callback(error);
    disk.syncDirectory(directory.split('/').slice(0, -1).join('/'), (syncError) => callback(syncError));
  });
}

function scanAll(
  options: RecoveryOptions,
  names: readonly string[],
  callback: JournalCallback<readonly ScannedSegment[]>,
): void {
  const sequences = names.flatMap((name) => sequenceOf(name) ?? []).sort((a, b) => a - b);
  const scanned: ScannedSegment[] = [];
  inTurn<number, JournalError>(
    sequences,
    (sequence, done) => {
      const path = `${options.directory}/${segmentName(sequence)}`;
      readFile(options.disk, path, (error, bytes) => {
        if (error !== undefined) return done(error);
        const header = decodeSegmentHeader(path, bytes, { sequence, storageId: options.storageId });
        if (header instanceof Error) return done(header);
        const { capacity, seed } = header;
        if (capacity !== bytes.length) {
          const finding = `the file was made with ${capacity} bytes and has ${bytes.length} now`;
          return done(journalDamaged(path, Math.min(capacity, bytes.length), finding));
        }
        scanned.push(scanSegment({ sequence, path, capacity, seed, bytes }));
        done();
      });
    },
    (error) => (error === undefined ? callback(undefined, scanned) : callback(error, undefined)),
  );
}

function readFile(disk: Disk, path: string, callback: Callback<Uint8Array>): void {
  disk.open(path, 'read', (openError, file) => {
    if (openError !== undefined) return callback(openError, undefined);
    const done = closeAfter(file, callback);
    file.size((sizeError, size) => {
      if (sizeError !== undefined) done(sizeError, undefined);
      else file.read(0, size, done);
    });
  });
}

/** Brings the disk into the state that was judged, and makes it durable, before anyone relies on it. */
function settle(
  options: RecoveryOptions,
  judgement: Judgement,
  unfinished: readonly string[],
  callback: JournalCallback<Recovered>,
): void {
  const { disk, directory } = options;
  const { kept, empty, leftovers, torn } = judgement;
  const writable = [...kept.slice(-1), ...empty];
  const segments: Segment[] = [];
  const openAndSettle = (scanned: ScannedSegment, done: (error?: DiskError) => void): void => {
    disk.open(scanned.path, 'write', (openError, file) => {
      if (openError !== undefined) return done(openError);
      const { sequence, path, capacity, seed } = scanned;
      segments.push({ sequence, path, capacity, seed, file });
      makeTailDurable({ sequence, path, capacity, seed, file }, scanned, done);
    });
  };
  const fail = (error: DiskError): void => {
    inTurn<Segment>(
      segments,
      (segment, done) => segment.file.close(() => done()),
      () => callback(error, undefined),
    );
  };
  inTurn(writable, openAndSettle, (settleError) => {
    if (settleError !== undefined) return fail(settleError);
    const removable = [
      ...leftovers.map((segment) => segment.path),
      ...unfinished.map((name) => `${directory}/${name}`),
    ];
    inTurn<string>(
      removable,
      (path, done) => removeIfThere(disk, path, done),
      (removeError) => {
        if (removeError !== undefined) return fail(removeError);
        disk.syncDirectory(directory, (syncError) => {
          if (syncError !== undefined) return fail(syncError);
          callback(undefined, recoveredFrom(judgement, segments, torn));
        });
      },
    );
  });
}

/**
 * What was read may be in the page cache only: the process that wrote it may have died before its sync, or after a sync
 * that failed, in which case the pages count as clean and a sync alone would do nothing. So the last batch is written
 * again, and zeros behind it to the end, also where zeros were read, lest the remains of a torn batch come back behind
 * a later one; then the file is synced.
 */
function makeTailDurable(segment: Segment, scanned: ScannedSegment, done: (error?: DiskError) => void): void {
  const { bytes, end, capacity } = scanned;
  const from = scanned.batches.at(-1)?.offset ?? end;
  const zeros = new Uint8Array(Math.min(zeroStep, capacity - end));
  const parts = [bytes.subarray(from, end)];
  for (let at = end; at < capacity; at += zeros.length) parts.push(zeros.subarray(0, capacity - at));
  segment.file.write(from, parts, (writeError) => {
    if (writeError !== undefined) return done(writeError);
    segment.file.sync((syncError) => done(syncError));
  });
}

function recoveredFrom(
  judgement: Judgement,
  segments: Segment[],
  torn: ScannedSegment | undefined,
): Recovered {
  const { kept, empty, leftovers, nextBatch } = judgement;
  const full = kept.map((scanned) => ({
    path: scanned.path,
    firstBatch: scanned.batches[0]?.number ?? nextBatch,
    maxIndex: index(scanned.batches.reduce((max, batch) => Math.max(max, batch.maxIndex), 0)),
    bytes: scanned.end,
  }));
  const last = full.pop();
  const segment = last === undefined ? undefined : segments.shift();
  const records: Uint8Array[] = [];
  for (const scanned of kept) {
    for (const batch of scanned.batches) for (const record of batch.records) records.push(record);
  }
  const sequences = [...leftovers, ...kept, ...empty].map((scanned) => scanned.sequence);
  return {
    records,
    cut: torn?.remains && {
      segment: torn.path,
      offset: torn.end,
      bytes: nonZeroEnd(torn.bytes, torn.end) - torn.end,
      reason: torn.remains.reason,
    },
    full,
    active:
      last === undefined || segment === undefined
        ? undefined
        : new SegmentWriter(segment, last.firstBatch, { maxIndex: last.maxIndex, end: last.bytes }),
    spare: segments,
    nextBatch,
    nextSequence: Math.max(0, ...sequences) + 1,
  };
}
