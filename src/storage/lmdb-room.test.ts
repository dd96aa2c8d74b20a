import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { maxStoreKeyBytes, snapshotLoadBytes, storeReserveBytes, storeSliceBytes } from '../core/limits.ts';
import { Random } from '../core/random.ts';
import type { Callback, DiskError } from './disk.ts';
import { LmdbEnvironment, lmdbPageSize, type PairChange } from './lmdb-environment.ts';
import { appendGrowthOf, growthOf } from './lmdb-growth.ts';
import { NodeDisk } from './node-disk.ts';
import type { Pair } from './snapshot.ts';

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
const append = (environment: LmdbEnvironment, pairs: readonly Pair[]) =>
  new Promise<DiskError | undefined>((resolve) => environment.append(pairs, resolve));
const changesOf = (pairs: readonly Pair[]) => pairs.map(([key, value]) => ({ key, value }));
const close = (environment: LmdbEnvironment) =>
  new Promise<void>((resolve) => environment.retire(() => resolve()));
const fileBytes = () => statSync(join(root, 'state.mdb')).size;

describe('room for the state', () => {
  test.each([40, maxStoreKeyBytes])(
    'is there before LMDB writes, with keys of up to %i bytes',
    async (longest) => {
      const random = Random.fromSeed(`room/${longest}`);
      const environment = await open(new NodeDisk(root));
      for (let round = 0; round < 30; round++) {
        const changes = Array.from({ length: 1 + random.below(400) }, (): PairChange => {
          const short = random.below(2) === 0;
          const key = new Uint8Array(2 + random.below((short ? 40 : longest) - 1)).fill(7);
          key[0] = random.below(255);
          key[1] = random.below(8);
          const large = random.below(50) === 0;
          const value = random.below(4) === 0 ? undefined : random.bytes(random.below(large ? 60_000 : 900));
          return { key, value };
        });
        const before = environment.bytes().total;
        const { atMost } = growthOf(environment.shape(), lmdbPageSize, changes, longest);
        expect(await write(environment, changes)).toBeUndefined();
        expect(environment.bytes().total - before).toBeLessThanOrEqual(atMost);
        // Had it not been enough, LMDB would have made the file as long as its pages reach and no longer.
        expect(fileBytes()).toBeGreaterThan(environment.bytes().total);
      }
      await close(environment);
    },
  );

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

describe('loading pairs in order', () => {
  /** What the pairs of a state may look like: one kind, or the two mixed. */
  const kinds = {
    'small pairs': () => ({ key: 24, value: 20 }),
    'values of half a page': (random: Random) => ({ key: 30, value: 3_900 + random.below(400) }),
    'long keys, some alone': (random: Random) => ({
      key: 3_900 + random.below(100),
      value: random.below(200),
    }),
    'large values': (random: Random) => ({ key: 20, value: random.below(100_000) }),
    'everything mixed': (random: Random) =>
      random.pick([
        { key: 10, value: 0 },
        { key: 3_990, value: 10 },
        { key: 60, value: 4_080 },
        { key: 100, value: 30_000 },
      ]),
  };

  for (const [name, sizes] of Object.entries(kinds)) {
    test(`${name}: takes no more than it made sure of, and no more pages than the same pairs elsewhere`, async () => {
      const random = Random.fromSeed(name);
      const environment = await open(new NodeDisk(root));
      const all: Pair[] = [];
      for (let slice = 0; slice < 24; slice++) {
        const pairs: Pair[] = [];
        for (let bytes = 0; bytes < storeSliceBytes; ) {
          const { key, value } = sizes(random);
          const ascending = new Uint8Array(key).fill(7);
          new DataView(ascending.buffer).setUint32(0, all.length + pairs.length);
          pairs.push([ascending, random.bytes(value)]);
          bytes += key + value;
        }
        const before = environment.bytes().total;
        const { atMost } = appendGrowthOf(environment.shape(), lmdbPageSize, changesOf(pairs));
        expect(await append(environment, pairs)).toBeUndefined();
        expect(environment.bytes().total - before).toBeLessThanOrEqual(atMost);
        const size = pairs.reduce((sum, [key, value]) => sum + key.length + value.length, 0);
        expect(atMost).toBeLessThan(6 * size + 64 * lmdbPageSize);
        all.push(...pairs);
      }
      expect(environment.pairs()).toBe(all.length);
      for (const [key, value] of all.slice(-20)) expect(environment.get(key)).toEqual(value);
      const loaded = environment.bytes();
      await close(environment);

      rmSync(join(root, 'state.mdb'));
      rmSync(join(root, 'state.mdb-lock'), { force: true });
      const other = await open(new NodeDisk(root));
      const shuffled = all.map((pair) => ({ pair, at: random.below(1_000_000) })).sort((a, b) => a.at - b.at);
      for (let at = 0; at < shuffled.length; at += 2_000)
        await write(other, changesOf(shuffled.slice(at, at + 2_000).map(({ pair }) => pair)));
      expect(loaded.inUse).toBeLessThanOrEqual(other.bytes().inUse);
      // What was free between two of its transactions, and no more, is what it takes besides.
      expect(loaded.total - loaded.inUse).toBeLessThan(snapshotLoadBytes / 4);
      await close(other);
    });
  }
});

describe('what a transaction can add', () => {
  const tree = { treeDepth: 3, treeBranchPageCount: 40, treeLeafPageCount: 4_000, lastPageNumber: 5_000 };
  const change = (bytes: number) => ({ key: new Uint8Array(20), value: new Uint8Array(bytes) });
  const pages = (bytes: number) => bytes / lmdbPageSize;

  test('a page for each leaf that is changed, and those above', () => {
    const { expected, atMost } = growthOf(tree, lmdbPageSize, new Array(100).fill(change(100)), 20);
    expect(pages(expected)).toBeGreaterThan(140);
    expect(pages(expected)).toBeLessThan(180);
    expect(atMost).toBeGreaterThan(expected);
  });

  test('no more leaves than there are', () => {
    const { expected } = growthOf(
      { ...tree, treeLeafPageCount: 3, treeBranchPageCount: 1 },
      lmdbPageSize,
      new Array(8_000).fill(change(0)),
      20,
    );
    expect(pages(expected)).toBeLessThan(120);
  });

  test('pages of its own for a large value, and none for a removed one', () => {
    expect(pages(growthOf(tree, lmdbPageSize, [change(900_000)], 20).expected)).toBeGreaterThan(110);
    const removed = { key: new Uint8Array(20), value: undefined };
    expect(pages(growthOf(tree, lmdbPageSize, [removed], 20).expected)).toBeLessThan(40);
  });
});
