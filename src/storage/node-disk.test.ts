import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { utf8, utf8Text } from '../core/bytes.ts';
import { DiskError, type DiskFile } from './disk.ts';
import { NodeDisk } from './node-disk.ts';

type Settle<T> = (error: DiskError | undefined, value?: T) => void;

function outcome<T>(operation: (callback: Settle<T>) => void): Promise<T | DiskError> {
  return new Promise((resolve) => operation((error, value) => resolve(error ?? (value as T))));
}

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

test.runIf(writable('/dev/full'))('a full device is an error of kind `full`', async () => {
  const disk = new NodeDisk('/dev');
  const file = await outcome<DiskFile>((cb) => disk.open('full', 'write', cb));
  if (file instanceof DiskError) throw file;
  const error = await outcome<void>((cb) => file.write(0, [utf8('x')], cb));
  expect(error).toBeInstanceOf(DiskError);
  expect((error as DiskError).kind).toBe('full');
  await outcome<void>((cb) => file.close(cb));
});

test('a path below a file is missing, and writing through a handle for reading fails', async () => {
  const root = mkdtempSync(join(tmpdir(), 'quorate-disk-'));
  try {
    writeFileSync(join(root, 'file'), 'content');
    const disk = new NodeDisk(root);
    const below = await outcome<DiskFile>((cb) => disk.open('file/x', 'read', cb));
    expect((below as DiskError).kind).toBe('missing');
    const file = await outcome<DiskFile>((cb) => disk.open('file', 'read', cb));
    if (file instanceof DiskError) throw file;
    const error = await outcome<void>((cb) => file.write(0, [utf8('x')], cb));
    expect((error as DiskError).kind).toBe('io');
    expect(utf8Text((await outcome<Uint8Array>((cb) => file.read(0, 100, cb))) as Uint8Array)).toBe(
      'content',
    );
    await outcome<void>((cb) => file.close(cb));
  } finally {
    rmSync(root, { recursive: true });
  }
});
