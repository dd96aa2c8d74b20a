import { createHash } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { SnapshotResponse } from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import { concatBytes, emptyBytes, equalBytes } from '../../core/bytes.ts';
import { SnapshotReader, type SnapshotSummary } from '../../storage/snapshot-reader.ts';
import { refusedFailure } from '../exit-codes.ts';
import { verifyBackup } from './verify.ts';

const checksumBytes = 32;

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
    throw refusedFailure(`${partial} cannot be made: ${error.message}. There is no backup.`);
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
    throw refusedFailure(`${name} cannot be written: ${(error as Error).message}. There is no backup.`);
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
