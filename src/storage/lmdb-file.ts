import { lostFilesAdvice } from './advice.ts';
import { type Callback, type Disk, DiskError } from './disk.ts';
import { closeAfter } from './steps.ts';

/**
 * What LMDB keeps at the beginning of its file: two meta pages, of which the one with the higher transaction id counts.
 * Offsets are within a page; numbers are in the byte order of all machines that we run on.
 */
const magicAt = 24;
const versionAt = 28;
const pageSizeAt = 48;
const lastPageAt = 144;
const transactionAt = 152;
const metaBytes = 160;
const magic = 0xbeefc0de;
const version = 2;

/**
 * Looks at an LMDB file before LMDB does, which ends the process on a file that is none, and on one that is shorter than
 * it says when a page beyond the end is read. A short file is made as long as it says, without holes, since the pages at its
 * end may rightly never have been written; the digest tells whether they had been.
 */
export function prepareLmdbFile(
  disk: Disk,
  path: string,
  pageSize: number,
  callback: (error?: DiskError) => void,
): void {
  readHead(disk, path, pageSize + metaBytes, (error, head) => {
    if (error !== undefined) return callback(error);
    const pages = [0, pageSize].map((at) => readMeta(head.bytes, at, pageSize));
    const newest = pages.reduce((a, b) =>
      b !== undefined && a !== undefined && b.transaction > a.transaction ? b : a,
    );
    if (pages.includes(undefined) || newest === undefined)
      return callback(damagedLmdbFile(path, 'it is not one of LMDB'));
    const length = (Number(newest.lastPage) + 1) * pageSize;
    if (!Number.isSafeInteger(length))
      return callback(damagedLmdbFile(path, 'its first pages are not as LMDB writes them'));
    if (head.size >= length) callback();
    else extend(disk, path, length, callback);
  });
}

interface Meta {
  readonly lastPage: bigint;
  readonly transaction: bigint;
}

function readMeta(bytes: Uint8Array, at: number, pageSize: number): Meta | undefined {
  if (bytes.length < at + metaBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, metaBytes);
  if (view.getUint32(magicAt, true) !== magic || view.getUint32(versionAt, true) !== version)
    return undefined;
  if (view.getUint32(pageSizeAt, true) !== pageSize) return undefined;
  return {
    lastPage: view.getBigUint64(lastPageAt, true),
    transaction: view.getBigUint64(transactionAt, true),
  };
}

function readHead(
  disk: Disk,
  path: string,
  length: number,
  callback: Callback<{ bytes: Uint8Array; size: number }>,
): void {
  disk.open(path, 'read', (openError, file) => {
    if (openError !== undefined) return callback(openError, undefined);
    const done = closeAfter(file, callback);
    file.size((sizeError, size) => {
      if (sizeError !== undefined) return done(sizeError, undefined);
      file.read(0, length, (readError, bytes) => {
        if (readError !== undefined) done(readError, undefined);
        else done(undefined, { bytes, size });
      });
    });
  });
}

function extend(disk: Disk, path: string, length: number, callback: (error?: DiskError) => void): void {
  disk.open(path, 'write', (openError, file) => {
    if (openError !== undefined) callback(openError);
    else file.allocate(length, closeAfter<void>(file, callback));
  });
}

export const damagedLmdbFile = (path: string, finding: string): DiskError =>
  new DiskError(
    'damaged',
    path,
    `${path} cannot be used: ${finding}. Acknowledged writes may be among what is lost, so this replica must not go ` +
      `on. Check this disk. ${lostFilesAdvice}`,
  );
