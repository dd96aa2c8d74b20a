import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { InvariantViolation } from '../core/assert.ts';
import { compareBytes, hex, utf8 } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import { clusterTime, epoch, index, nodeId } from '../core/ids.ts';
import { maxGenerationPairs, maxStoreKeyBytes } from '../core/limits.ts';
import { Random } from '../core/random.ts';
import type { ReadStore } from '../core/store.ts';
import { type Base, votersOnly } from '../protocol/index.ts';
import type { PinnedView, StoreBackend } from './backend.ts';
import type { Callback, DiskError } from './disk.ts';
import { LmdbBackend } from './lmdb-backend.ts';
import { MemoryBackend } from './memory-backend.ts';
import { NodeDisk } from './node-disk.ts';
import { type Pair, type SnapshotOrigin, snapshotFrames } from './snapshot.ts';
import { verifySnapshotFile, writeSnapshotFile } from './snapshot-file.ts';
import type { SnapshotSummary } from './snapshot-reader.ts';

const outcome = <T>(start: (callback: Callback<T>) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    const callback = (error: DiskError | undefined, value?: T): void =>
      error === undefined ? resolve(value as T) : reject(error);
    start(callback as Callback<T>);
  });

const configuration = votersOnly([
  {
    id: nodeId(7),
    name: 'n1',
    address: '127.0.0.1:2380',
    storageId: new Uint8Array(0),
    publicKey: new Uint8Array(0),
  },
]);
const baseAt = (at: number): Base => ({
  position: { index: index(at), epoch: epoch(at === 0 ? 0 : 3), time: clusterTime(10 * at) },
  configuration,
});

const origin: SnapshotOrigin = {
  clusterId: 0xfeed_0000_0000_0001n,
  protocol: 'raft',
  machine: 'key-space',
  featureLevel: 2,
  snapshotId: Uint8Array.from({ length: 16 }, (_, i) => i),
};

const directories: string[] = [];
function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'quorate-store-'));
  directories.push(directory);
  return directory;
}
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

type Open = (root: string) => Promise<StoreBackend>;
const open: Record<'memory' | 'lmdb', Open> = {
  memory: (root) =>
    outcome<MemoryBackend>((callback) =>
      MemoryBackend.open({ disk: new NodeDisk(root), directory: 'state', initial: baseAt(0) }, callback),
    ),
  lmdb: (root) =>
    outcome<LmdbBackend>((callback) =>
      LmdbBackend.open({ disk: new NodeDisk(root), root, directory: 'state', initial: baseAt(0) }, callback),
    ),
};

const flush = (backend: StoreBackend): Promise<Base> => outcome((callback) => backend.flush(callback));
const close = (backend: StoreBackend): Promise<void> => outcome<void>((callback) => backend.close(callback));

const bytesOf = (pairs: Iterable<readonly [Uint8Array, Uint8Array]>): string[] =>
  [...pairs].map(([key, value]) => `${hex(key)}=${hex(value)}`);
const all = (store: ReadStore): string[] => bytesOf(store.scan({ from: new Uint8Array(0), to: undefined }));

/** The twin: pairs by the hexadecimal form of their key, whose order is that of the bytes. */
class Naive {
  readonly pairs = new Map<string, readonly [Uint8Array, Uint8Array]>();

  scan(from: Uint8Array, to: Uint8Array | undefined, reverse: boolean): string[] {
    const found = [...this.pairs.values()]
      .filter(([key]) => compareBytes(key, from) >= 0 && (to === undefined || compareBytes(key, to) < 0))
      .sort(([a], [b]) => compareBytes(a, b));
    return bytesOf(reverse ? found.reverse() : found);
  }

  digest(): string {
    const digest = new PairDigest();
    for (const [key, value] of this.pairs.values()) digest.add(key, value);
    return hex(digest.bytes());
  }
}

/** Writes a snapshot of the pairs to the file `received`. */
async function writeSnapshot(root: string, pairs: readonly Pair[], base: Base): Promise<void> {
  const source = await outcome<MemoryBackend>((callback) =>
    MemoryBackend.open({ disk: new NodeDisk(root), directory: 'source', initial: base }, callback),
  );
  for (const [at, value] of pairs) source.store.put(at, value);
  source.applied(base);
  const frames = snapshotFrames(source.pin(), origin);
  await outcome<number>((callback) => writeSnapshotFile(new NodeDisk(root), 'received', frames, callback));
  await close(source);
}

async function installInto(
  backend: StoreBackend,
  root: string,
  pairs: readonly Pair[],
  base: Base,
): Promise<void> {
  await writeSnapshot(root, pairs, base);
  await outcome<void>((callback) => backend.install({ path: 'received', base }, callback));
}

const key = fc.uint8Array({ minLength: 1, maxLength: 2, max: 6 });
const bound = fc.uint8Array({ maxLength: 3, max: 7 });
const write = fc.oneof(
  { weight: 3, arbitrary: fc.record({ key, value: fc.uint8Array({ maxLength: 5 }) }) },
  { weight: 2, arbitrary: fc.record({ key, value: fc.constant(undefined) }) },
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant('apply' as const), writes: fc.array(write) }) },
  { weight: 2, arbitrary: fc.constant({ type: 'flush' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'startFlush' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'turn' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.constant({ type: 'pin' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('scan' as const),
      from: bound,
      to: fc.option(bound, { nil: undefined }),
      reverse: fc.boolean(),
    }),
  },
);

describe.each(['memory', 'lmdb'] as const)('the %s back end', (kind) => {
  test('agrees with a sorted list, across flushes, views and starts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const root = newDirectory();
        let backend = await open[kind](root);
        const twin = new Naive();
        let views: { view: PinnedView; expected: string[]; digest: string }[] = [];
        let applied = 0;
        const checkViews = (): void => {
          for (const { view, expected, digest } of views) {
            expect(bytesOf(view.entries())).toEqual(expected);
            expect(hex(view.digest)).toBe(digest);
            view.release();
          }
          views = [];
        };
        for (const action of steps) {
          switch (action.type) {
            case 'apply':
              for (const { key: at, value } of action.writes) {
                if (value === undefined) {
                  backend.store.delete(at);
                  twin.pairs.delete(hex(at));
                } else {
                  backend.store.put(at, value);
                  twin.pairs.set(hex(at), [at, value]);
                }
                expect(backend.store.get(at)).toEqual(value);
              }
              backend.applied(baseAt(++applied));
              break;
            case 'flush':
              expect(await flush(backend)).toEqual(baseAt(applied));
              expect(backend.flushed()).toEqual(baseAt(applied));
              break;
            case 'startFlush':
              void flush(backend);
              break;
            case 'turn':
              await new Promise((resolve) => setTimeout(resolve, 1));
              break;
            case 'reopen':
              checkViews();
              await flush(backend);
              await close(backend);
              backend = await open[kind](root);
              expect(backend.base()).toEqual(baseAt(applied));
              break;
            case 'pin':
              views.push({
                view: backend.pin(),
                expected: twin.scan(new Uint8Array(0), undefined, false),
                digest: twin.digest(),
              });
              break;
            case 'scan':
              expect(bytesOf(backend.store.scan(action))).toEqual(
                twin.scan(action.from, action.to, action.reverse),
              );
              break;
          }
          expect(hex(backend.digest())).toBe(twin.digest());
        }
        checkViews();
        expect(all(backend.store)).toEqual(twin.scan(new Uint8Array(0), undefined, false));
        await close(backend);
        rmSync(root, { recursive: true });
        directories.pop();
      }),
      { numRuns: 40 },
    );
  });

  test('keeps what is large, long or empty, and more than one transaction takes', async () => {
    const root = newDirectory();
    const backend = await open[kind](root);
    const random = Random.fromSeed('large');
    const twin = new Naive();
    const put = (at: Uint8Array, value: Uint8Array): void => {
      backend.store.put(at, value);
      twin.pairs.set(hex(at), [at, value]);
    };
    put(new Uint8Array(maxStoreKeyBytes).fill(255), utf8('longest, and last'));
    put(new Uint8Array(maxStoreKeyBytes), utf8('longest, and early'));
    put(Uint8Array.of(0), new Uint8Array(0));
    put(utf8('large'), random.bytes(1_500_000));
    backend.applied(baseAt(1));
    let applied = 1;
    for (let turn = 0; turn < 4; turn++) {
      for (let i = 0; i < maxGenerationPairs; i++) put(utf8(`${turn}/${i % 1500}`), random.bytes(20));
      backend.applied(baseAt(++applied));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(backend.pendingBytes()).toBeGreaterThan(0);
    expect(await flush(backend)).toEqual(baseAt(applied));
    expect(backend.pendingBytes()).toBe(0);
    const { total, inUse } = backend.bytes();
    expect(inUse).toBeGreaterThan(1_500_000);
    expect(total).toBeGreaterThanOrEqual(inUse);
    await close(backend);

    const again = await open[kind](root);
    expect(hex(again.digest())).toBe(twin.digest());
    expect(all(again.store)).toEqual(twin.scan(new Uint8Array(0), undefined, false));
    const beyond = new Uint8Array(maxStoreKeyBytes + 500).fill(255);
    expect(again.store.get(beyond)).toBeUndefined();
    for (const reverse of [false, true]) {
      expect(bytesOf(again.store.scan({ from: utf8('2'), to: beyond, reverse }))).toEqual(
        twin.scan(utf8('2'), beyond, reverse),
      );
    }
    await close(again);
  });

  test('a view outlives flushes, applies and an install, and two starts', async () => {
    const root = newDirectory();
    const backend = await open[kind](root);
    for (let i = 0; i < 1000; i++) backend.store.put(utf8(`key ${i}`), utf8('old'));
    backend.applied(baseAt(1));
    await flush(backend);
    const expected = all(backend.store);
    const view = backend.pin();
    const half = view.entries();
    const seen = Array.from({ length: 500 }, () => half.next().value as readonly [Uint8Array, Uint8Array]);
    for (let i = 0; i < 1000; i += 2) backend.store.delete(utf8(`key ${i}`));
    backend.store.put(utf8('key 0000'), utf8('new'));
    backend.applied(baseAt(2));
    await flush(backend);
    await installInto(backend, root, [[utf8('only'), utf8('this')]], baseAt(9));
    expect(bytesOf([...seen, ...half])).toEqual(expected);
    expect(view.base).toEqual(baseAt(1));
    view.release();
    view.release();
    expect(() => view.entries().next()).toThrow(InvariantViolation);
    expect(all(backend.store)).toEqual(bytesOf([[utf8('only'), utf8('this')]]));
    await close(backend);
  });

  test('installs a snapshot in place of its state, also for the next start', async () => {
    const root = newDirectory();
    const backend = await open[kind](root);
    const random = Random.fromSeed('install');
    backend.store.put(utf8('gone'), utf8('soon'));
    backend.applied(baseAt(5));
    const pairs = Array.from(
      { length: 6000 },
      (_, i) => [utf8(`installed ${String(i).padStart(6, '0')}`), random.bytes(100)] as const,
    );
    await installInto(backend, root, pairs, baseAt(700));
    expect(backend.base()).toEqual(baseAt(700));
    expect(backend.flushed()).toEqual(baseAt(700));
    expect(all(backend.store)).toEqual(bytesOf(pairs));
    backend.store.put(utf8('after'), utf8('it'));
    backend.applied(baseAt(701));
    expect(await flush(backend)).toEqual(baseAt(701));
    const digest = hex(backend.digest());
    await close(backend);
    expect(readdirSync(join(root, 'state')).filter((name) => /^\d{8}\.[a-z]+$/.test(name))).toHaveLength(1);
    const again = await open[kind](root);
    expect(hex(again.digest())).toBe(digest);
    expect(all(again.store)).toEqual(bytesOf([[utf8('after'), utf8('it')], ...pairs]));
    await close(again);
  });

  test('stays as it was when the snapshot is damaged', async () => {
    const root = newDirectory();
    const backend = await open[kind](root);
    backend.store.put(utf8('kept'), utf8('well'));
    backend.applied(baseAt(5));
    const path = join(root, 'received');
    await writeSnapshot(root, [[utf8('key'), utf8('value')]], baseAt(9));
    const bytes = readFileSync(path);
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] as number) ^ 1;
    writeFileSync(path, bytes);
    const failed = outcome<void>((callback) =>
      backend.install({ path: 'received', base: baseAt(9) }, callback),
    );
    await expect(failed).rejects.toMatchObject({ kind: 'damaged', path: 'received' });
    expect(all(backend.store)).toEqual(bytesOf([[utf8('kept'), utf8('well')]]));
    backend.store.put(utf8('and'), utf8('usable'));
    backend.applied(baseAt(6));
    expect(await flush(backend)).toEqual(baseAt(6));
    await close(backend);
    const again = await open[kind](root);
    expect(again.base()).toEqual(baseAt(6));
    await close(again);
  });

  test('restores a backup at a position of its own', async () => {
    const root = newDirectory();
    await writeSnapshot(root, [[utf8('backed'), utf8('up')]], baseAt(1234));
    const disk = new NodeDisk(root);
    const summary = await outcome<SnapshotSummary>((callback) =>
      verifySnapshotFile(disk, 'received', callback),
    );
    expect(summary).toMatchObject({ pairs: 1, header: { ...origin, base: baseAt(1234) } });
    const backend = await open[kind](root);
    await outcome<void>((callback) => backend.install({ path: 'received', base: baseAt(1) }, callback));
    backend.store.put(utf8('revision'), utf8('raised'));
    backend.applied(baseAt(1));
    await flush(backend);
    await close(backend);
    const again = await open[kind](root);
    expect(again.base()).toEqual(baseAt(1));
    expect(all(again.store)).toEqual(
      bytesOf([
        [utf8('backed'), utf8('up')],
        [utf8('revision'), utf8('raised')],
      ]),
    );
    await close(again);
  });

  test('halts on what only a mistake of ours can bring about', async () => {
    const backend = await open[kind](newDirectory());
    const { store } = backend;
    expect(() => store.put(new Uint8Array(0), utf8('value'))).toThrow(InvariantViolation);
    expect(() => store.put(new Uint8Array(maxStoreKeyBytes + 1), utf8('value'))).toThrow(InvariantViolation);
    for (let i = 0; i < 5; i++) store.put(Uint8Array.of(i + 1), utf8('value'));
    expect(() => backend.pin()).toThrow(InvariantViolation);
    expect(() => backend.flush(() => undefined)).toThrow(InvariantViolation);
    backend.applied(baseAt(1));
    const scan = store.scan({ from: new Uint8Array(0), to: undefined });
    scan.next();
    backend.applied(baseAt(2));
    expect(() => scan.next()).toThrow(InvariantViolation);
    expect(() => backend.applied(baseAt(1))).toThrow(InvariantViolation);
    await close(backend);
  });

  test('refuses a directory that it cannot trust, and changes nothing there', async () => {
    const root = newDirectory();
    const backend = await open[kind](root);
    backend.store.put(utf8('key'), utf8('value'));
    backend.applied(baseAt(1));
    await flush(backend);
    await close(backend);
    const other = kind === 'memory' ? 'lmdb' : 'memory';
    await expect(open[other](root)).rejects.toMatchObject({ kind: 'damaged', path: 'state/current' });

    const pointer = join(root, 'state/current');
    const whole = readFileSync(pointer);
    const name = whole.toString().split(' ')[0] as string;
    for (const damaged of ['', whole.toString().slice(0, -1), whole.toString().replace('1', '2')]) {
      writeFileSync(pointer, damaged);
      await expect(open[kind](root)).rejects.toMatchObject({ kind: 'damaged', path: 'state/current' });
    }
    rmSync(pointer);
    const refused = open[kind](root);
    await expect(refused).rejects.toMatchObject({ kind: 'damaged', path: 'state/current' });
    await expect(refused).rejects.toThrow(/is missing, although there is 0000000\d\..*Nothing was changed/);
    expect(readdirSync(join(root, 'state'))).toContain(name);
    writeFileSync(pointer, whole);
    renameSync(join(root, 'state', name), join(root, 'elsewhere'));
    await expect(open[kind](root)).rejects.toMatchObject({ kind: 'damaged', path: 'state/current' });
    renameSync(join(root, 'elsewhere'), join(root, 'state', name));

    const again = await open[kind](root);
    expect(all(again.store)).toEqual(bytesOf([[utf8('key'), utf8('value')]]));
    await close(again);
  });
});
