import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { utf8, utf8Text } from '../core/bytes.ts';
import { Random } from '../core/random.ts';
import { SimulatedDisk } from '../simulator/disk.ts';
import { type Disk, DiskError, type DiskFile } from './disk.ts';
import { NodeDisk } from './node-disk.ts';

type Settle<T> = (error: DiskError | undefined, value?: T) => void;
type Take<T> = (callback: Settle<T>) => void;

/** The outcome of one operation; also checks that it is called back once, and not before the call returns. */
function outcome<T>(operation: Take<T>): Promise<T | DiskError> {
  return new Promise((resolve, reject) => {
    let returned = false;
    let called = false;
    operation((error, value) => {
      if (!returned) reject(new Error('called back before the call returned'));
      if (called) reject(new Error('called back twice'));
      called = true;
      resolve(error ?? (value as T));
    });
    returned = true;
  });
}

async function done<T>(operation: Take<T>): Promise<T> {
  const result = await outcome(operation);
  if (result instanceof DiskError) throw result;
  return result;
}

async function kindOf<T>(operation: Take<T>): Promise<string | undefined> {
  const result = await outcome(operation);
  return result instanceof DiskError ? result.kind : undefined;
}

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

const makers: [name: string, make: () => Disk][] = [
  [
    'NodeDisk',
    () => {
      const root = mkdtempSync(join(tmpdir(), 'quorate-disk-'));
      directories.push(root);
      return new NodeDisk(root);
    },
  ],
  [
    'SimulatedDisk',
    () => new SimulatedDisk({ schedule: (_, run) => setImmediate(run), random: Random.fromSeed('contract') }),
  ],
];

describe.each(makers)('every disk: %s', (_, make) => {
  const create = (disk: Disk, path: string): Promise<DiskFile> => done((cb) => disk.open(path, 'create', cb));
  const text = async (file: DiskFile, offset = 0, length = 1000): Promise<string> =>
    utf8Text(await done((cb) => file.read(offset, length, cb)));

  test('reads what was written, parts one after the other, and only so far as the file goes', async () => {
    const file = await create(make(), 'a');
    await done((cb) => file.write(0, [utf8('one '), utf8(''), utf8('two '), utf8('three')], cb));
    expect(await text(file)).toBe('one two three');
    expect(await text(file, 4, 3)).toBe('two');
    expect(await text(file, 100, 5)).toBe('');
    await done((cb) => file.write(4, [utf8('TWO')], cb));
    expect(await text(file)).toBe('one TWO three');
    expect(await done((cb) => file.size(cb))).toBe(13);
    await done((cb) => file.write(0, [], cb));
    await done((cb) => file.sync(cb));
    await done((cb) => file.close(cb));
  });

  test('hands out bytes that are its reader’s own', async () => {
    const file = await create(make(), 'a');
    await done((cb) => file.write(0, [utf8('abc')], cb));
    const bytes = await done<Uint8Array>((cb) => file.read(0, 3, cb));
    bytes.slice(0, 3).fill(0);
    expect(utf8Text(bytes)).toBe('abc');
    bytes.fill(0);
    expect(await text(file)).toBe('abc');
    await done((cb) => file.close(cb));
  });

  test('allocates zeros and never touches what is there; truncates', async () => {
    const file = await create(make(), 'a');
    await done((cb) => file.write(0, [utf8('abc')], cb));
    await done((cb) => file.allocate(3_000_000, cb));
    expect(await done((cb) => file.size(cb))).toBe(3_000_000);
    const bytes = await done<Uint8Array>((cb) => file.read(0, 4_000_000, cb));
    expect(bytes.length).toBe(3_000_000);
    expect(utf8Text(bytes.subarray(0, 3))).toBe('abc');
    expect(bytes.subarray(3).every((byte) => byte === 0)).toBe(true);
    await done((cb) => file.allocate(10, cb));
    expect(await done((cb) => file.size(cb))).toBe(3_000_000);
    await done((cb) => file.truncate(2, cb));
    expect(await text(file)).toBe('ab');
    await done((cb) => file.truncate(4, cb));
    expect(await text(file)).toBe('ab\0\0');
    await done((cb) => file.close(cb));
  });

  test('keeps names: create, open, rename over, list in order, remove', async () => {
    const disk = make();
    await done((cb) => disk.makeDirectory('d', cb));
    for (const name of ['b', 'a', 'c']) {
      const file = await create(disk, `d/${name}`);
      await done((cb) => file.write(0, [utf8(name)], cb));
      await done((cb) => file.close(cb));
    }
    expect(await done((cb) => disk.list('d', cb))).toEqual(['a', 'b', 'c']);
    await done((cb) => disk.rename('d/c', 'd/a', cb));
    expect(await done((cb) => disk.list('d', cb))).toEqual(['a', 'b']);
    const renamed = await done<DiskFile>((cb) => disk.open('d/a', 'read', cb));
    expect(await text(renamed)).toBe('c');
    await done((cb) => renamed.close(cb));
    await done((cb) => disk.rename('d/b', 'moved', cb));
    await done((cb) => disk.remove('d/a', cb));
    expect(await done((cb) => disk.list('d', cb))).toEqual([]);
    expect(await done((cb) => disk.list('', cb))).toEqual(['d', 'moved']);
    await done((cb) => disk.syncDirectory('d', cb));
    await done((cb) => disk.syncDirectory('', cb));
  });

  test('says what is wrong', async () => {
    const disk = make();
    const file = await create(disk, 'a');
    expect(await kindOf<DiskFile>((cb) => disk.open('a', 'create', cb))).toBe('exists');
    for (const mode of ['read', 'write'] as const) {
      expect(await kindOf<DiskFile>((cb) => disk.open('none', mode, cb))).toBe('missing');
    }
    expect(await kindOf<DiskFile>((cb) => disk.open('none/a', 'create', cb))).toBe('missing');
    expect(await kindOf<void>((cb) => disk.remove('none', cb))).toBe('missing');
    expect(await kindOf<void>((cb) => disk.rename('none', 'b', cb))).toBe('missing');
    expect(await kindOf<string[]>((cb) => disk.list('none', cb))).toBe('missing');
    expect(await kindOf<void>((cb) => disk.syncDirectory('none', cb))).toBe('missing');
    await done((cb) => disk.makeDirectory('d', cb));
    expect(await kindOf<void>((cb) => disk.makeDirectory('d', cb))).toBe('exists');
    await done((cb) => file.close(cb));
    expect(await kindOf<void>((cb) => file.sync(cb))).toBe('io');
    expect(await done<number>((cb) => disk.free(cb))).toBeGreaterThan(0);
  });
});
