import { createHash } from 'node:crypto';
import { type FileHandle, lstat, open, realpath, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { SnapshotResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { concatBytes, emptyBytes, equalBytes } from '../../core/bytes.ts';
import { SnapshotReader, type SnapshotSummary } from '../../storage/snapshot-reader.ts';
import { fileProblem } from '../config/file-problem.ts';
import { refusedFailure, usageFailure } from '../exit-codes.ts';
import { checksumBytes, verifyBackup } from './verify.ts';

/**
 * Where a backup for `file` goes: to the name itself, or to the file that a link leads to. Anything but a regular file is
 * a usage failure: taking its name would remove a device, or fail after the whole backup was sent.
 */
export async function backupTarget(file: string): Promise<string> {
  const entry = await lstat(file).catch(() => undefined);
  // Whether it can be made shows when it is.
  if (entry === undefined || entry.isFile()) return file;
  const target = await realpath(file).catch(() => undefined);
  // /dev/stdout may lead to a file that others hold open, and would not see replaced.
  const isDevice = /^\/(dev|proc)\//.test(path.resolve(file));
  if (entry.isSymbolicLink() && !isDevice && target !== undefined && (await lstat(target)).isFile()) {
    return target;
  }
  throw usageFailure(
    `${file} is not a regular file, and cannot be replaced by a backup: name another. No server was asked.`,
  );
}

/**
 * Writes a backup beside `file`, syncs it, checks what the disk now holds, and only then takes the name: whoever finds
 * `file` finds a whole backup.
 */
export async function saveBackup(
  pieces: AsyncIterable<SnapshotResponse>,
  file: string,
): Promise<SnapshotSummary> {
  const partial = `${file}.${process.pid}.part`;
  const handle = await open(partial, 'wx').catch((error: Error) => {
    throw refusedFailure(`${partial} cannot be made: ${fileProblem(error)}. There is no backup.`);
  });
  try {
    await writePieces(pieces, handle, partial);
    const verified = await verifyBackup(partial);
    if (verified.type === 'fault') {
      throw refusedFailure(
        `what the server sent is no whole backup: ${verified.detail}. ${file} was left as it was.`,
      );
    }
    await rename(partial, file);
    await syncDirectory(path.dirname(file));
    return verified.summary;
  } finally {
    await handle.close();
    await rm(partial, { force: true });
  }
}

/**
 * The stream carries the backup, zeros up to a whole number of pages, and the SHA-256 of all that. Only the backup is
 * kept.
 */
async function writePieces(
  pieces: AsyncIterable<SnapshotResponse>,
  handle: FileHandle,
  name: string,
): Promise<void> {
  const hash = createHash('sha256');
  const reader = new SnapshotReader();
  let tail: Uint8Array = emptyBytes;
  for await (const piece of pieces) {
    const bytes = concatBytes([tail, piece.blob]);
    const settled = bytes.subarray(0, Math.max(0, bytes.length - checksumBytes));
    tail = bytes.slice(settled.length);
    hash.update(settled);
    reader.push(settled);
    await writeAll(handle, settled, name);
  }
  if (!equalBytes(tail, hash.digest())) {
    throw refusedFailure(
      'the backup arrived damaged: its checksum does not fit. Try again; the old file was left as it was.',
    );
  }
  await handle.truncate(reader.bytes);
  await handle.sync();
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, name: string): Promise<void> {
  try {
    await handle.writeFile(bytes);
  } catch (error) {
    throw refusedFailure(`${name} cannot be written: ${fileProblem(error)}. There is no backup.`);
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
