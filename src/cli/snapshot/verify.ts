import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { equalBytes } from '../../core/bytes.ts';
import { type SnapshotFault, SnapshotReader, type SnapshotSummary } from '../../storage/snapshot-reader.ts';
import { fileProblem } from '../config/file-problem.ts';

export type Verified = { readonly type: 'whole'; readonly summary: SnapshotSummary } | SnapshotFault;

/** What `etcdctl snapshot save` keeps of the stream, and we do not: zeros up to whole pages, and the SHA-256 of all that. */
const pageBytes = 512;
export const checksumBytes = 32;

/** Reads a backup from the first to the last byte and checks all of it. */
export async function verifyBackup(file: string): Promise<Verified> {
  const reader = new SnapshotReader();
  try {
    for await (const piece of createReadStream(file, { end: (await measure(file)).backupBytes - 1 })) {
      const events = reader.push(piece as Uint8Array);
      if (!Array.isArray(events)) break;
    }
  } catch (error) {
    return { type: 'fault', reason: 'malformed', detail: fileProblem(error) };
  }
  const summary = reader.finish();
  return 'type' in summary ? summary : { type: 'whole', summary };
}

/** Lets `use` have a file that holds the backup and nothing else: `file` itself, or a copy that is removed afterwards. */
export async function withBareBackup<T>(file: string, use: (bare: string) => Promise<T>): Promise<T> {
  const { backupBytes, fileBytes } = await measure(file);
  if (backupBytes === fileBytes) return use(file);
  const directory = await mkdtemp(path.join(tmpdir(), 'quorate-restore-'));
  try {
    const bare = path.join(directory, 'backup.snap');
    const copy = await open(bare, 'wx', 0o600);
    await pipeline(createReadStream(file, { end: backupBytes - 1 }), copy.createWriteStream());
    return await use(bare);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

interface Measured {
  readonly fileBytes: number;
  /** Without padding and checksum, where the file has them and the checksum fits. */
  readonly backupBytes: number;
}

async function measure(file: string): Promise<Measured> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const whole = { fileBytes: size, backupBytes: size };
    const sealedBytes = size - checksumBytes;
    if (sealedBytes <= 0 || sealedBytes % pageBytes !== 0) return whole;
    const hash = createHash('sha256');
    const reader = new SnapshotReader();
    for await (const piece of handle.createReadStream({ start: 0, end: sealedBytes - 1, autoClose: false })) {
      hash.update(piece as Uint8Array);
      reader.push(piece as Uint8Array);
    }
    const seal = new Uint8Array(checksumBytes);
    await handle.read(seal, 0, checksumBytes, sealedBytes);
    return equalBytes(seal, hash.digest()) ? { fileBytes: size, backupBytes: reader.bytes } : whole;
  } finally {
    await handle.close();
  }
}
