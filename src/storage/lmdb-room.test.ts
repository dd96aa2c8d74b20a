import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { storeReserveBytes } from '../core/limits.ts';
import { Random } from '../core/random.ts';
import type { Callback, DiskError } from './disk.ts';
import { LmdbEnvironment, lmdbPageSize, type PairChange } from './lmdb-environment.ts';
import { growthOf } from './lmdb-growth.ts';
import { NodeDisk } from './node-disk.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'quorate-room-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The real disk, of which so much is said to be free. */
class ScarceDisk extends NodeDisk {
  freeBytes = Number.MAX_SAFE_INTEGER;

  override free(callback: Callback<number>): void {
    setImmediate(callback, undefined, this.freeBytes);
  }
}

const open = (disk: NodeDisk): Promise<LmdbEnvironment> =>
  new Promise((resolve, reject) =>
    LmdbEnvironment.open(disk, root, 'state.mdb', (error, environment) =>
      error === undefined ? resolve(environment) : reject(error),
    ),
  );
const write = (environment: LmdbEnvironment, changes: readonly PairChange[]) =>
  new Promise<DiskError | undefined>((resolve) => environment.write(changes, Uint8Array.of(1), resolve));
const close = (environment: LmdbEnvironment) =>
  new Promise<void>((resolve) => environment.retire(() => resolve()));
const fileBytes = () => statSync(join(root, 'state.mdb')).size;

describe('room for the state', () => {
  test('is there before LMDB writes, whatever is changed', async () => {
    const random = Random.fromSeed('room');
    const environment = await open(new NodeDisk(root));
    for (let round = 0; round < 30; round++) {
      const changes = Array.from({ length: 1 + random.below(400) }, (): PairChange => {
        const key = new Uint8Array(1 + random.below(40)).fill(1 + random.below(255));
        key[0] = random.below(255);
        const large = random.below(50) === 0;
        const value = random.below(4) === 0 ? undefined : random.bytes(random.below(large ? 60_000 : 900));
        return { key, value };
      });
      expect(await write(environment, changes)).toBeUndefined();
      // Had it not been enough, LMDB would have made the file as long as its pages reach and no longer.
      expect(fileBytes()).toBeGreaterThan(environment.bytes().total);
    }
    await close(environment);
  });

  test('and when there is none nothing is written, and what is needed is said', async () => {
    const disk = new ScarceDisk(root);
    const environment = await open(disk);
    const before = [{ key: Uint8Array.of(1), value: Uint8Array.of(1) }];
    expect(await write(environment, before)).toBeUndefined();
    const length = fileBytes();
    const large = [{ key: Uint8Array.of(2), value: new Uint8Array(6_000_000) }];
    disk.freeBytes = storeReserveBytes + 5_000_000;
    expect(await write(environment, large)).toMatchObject({
      kind: 'full',
      message: expect.stringMatching(/^no room to write the state: \d{7} bytes needed, 9194304 free$/),
    });
    expect(fileBytes()).toBe(length);
    expect(environment.get(Uint8Array.of(2))).toBeUndefined();
    // What was made room for before goes on being written: it takes nothing of the disk.
    expect(await write(environment, [{ key: Uint8Array.of(3), value: Uint8Array.of(3) }])).toBeUndefined();

    disk.freeBytes = storeReserveBytes + 8_000_000;
    expect(await write(environment, large)).toBeUndefined();
    expect(environment.get(Uint8Array.of(2))).toHaveLength(6_000_000);
    await close(environment);
  });

  test('is not taken for a file that could not be written to', async () => {
    const disk = new ScarceDisk(root);
    disk.freeBytes = storeReserveBytes;
    await expect(open(disk)).rejects.toMatchObject({ kind: 'full' });
  });
});

describe('what a transaction can add', () => {
  const tree = { treeDepth: 3, treeBranchPageCount: 40, treeLeafPageCount: 4_000, lastPageNumber: 5_000 };
  const change = (bytes: number) => ({ key: new Uint8Array(20), value: new Uint8Array(bytes) });
  const pages = (bytes: number) => bytes / lmdbPageSize;

  test('a page for each leaf that is changed, and those above', () => {
    const { expected, atMost } = growthOf(tree, lmdbPageSize, new Array(100).fill(change(100)));
    expect(pages(expected)).toBeGreaterThan(140);
    expect(pages(expected)).toBeLessThan(180);
    expect(atMost).toBeGreaterThan(expected);
  });

  test('no more leaves than there are', () => {
    const { expected } = growthOf(
      { ...tree, treeLeafPageCount: 3, treeBranchPageCount: 1 },
      lmdbPageSize,
      new Array(8_000).fill(change(0)),
    );
    expect(pages(expected)).toBeLessThan(120);
  });

  test('pages of its own for a large value, and none for a removed one', () => {
    expect(pages(growthOf(tree, lmdbPageSize, [change(900_000)]).expected)).toBeGreaterThan(110);
    const removed = { key: new Uint8Array(20), value: undefined };
    expect(pages(growthOf(tree, lmdbPageSize, [removed]).expected)).toBeLessThan(40);
  });
});
