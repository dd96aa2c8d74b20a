import { expect, test } from 'vitest';
import { hex, utf8 } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import { clusterTime, epoch, index, nodeId } from '../core/ids.ts';
import { Random } from '../core/random.ts';
import type { ReadStore } from '../core/store.ts';
import { type Base, votersOnly } from '../protocol/index.ts';
import { SimulatedDisk } from '../simulator/disk.ts';
import { Scheduler } from '../simulator/scheduler.ts';
import type { Callback, Disk, DiskError } from './disk.ts';
import { MemoryBackend } from './memory-backend.ts';
import { type SnapshotOrigin, snapshotFrames } from './snapshot.ts';
import { writeSnapshotFile } from './snapshot-file.ts';

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
  position: { index: index(at), epoch: epoch(1), time: clusterTime(at) },
  configuration,
});
const origin: SnapshotOrigin = {
  clusterId: 1n,
  protocol: 'raft',
  machine: 'key-space',
  featureLevel: 1,
  snapshotId: new Uint8Array(16),
};

/** A fingerprint of all pairs, from the pairs themselves. */
function all(store: ReadStore): string {
  const digest = new PairDigest();
  for (const [key, value] of store.scan({ from: new Uint8Array(0), to: undefined })) digest.add(key, value);
  return hex(digest.bytes());
}

class World {
  readonly scheduler = new Scheduler();
  readonly disk: SimulatedDisk;

  constructor(seed: string) {
    const random = Random.fromSeed(seed);
    this.disk = new SimulatedDisk({
      schedule: (delayMs, callback) => this.scheduler.schedule(delayMs, callback),
      random,
    });
  }

  /** Runs to the end what was started; what it called back with. */
  finish<T>(start: (callback: Callback<T>) => void): { error: DiskError | undefined; value: T } {
    const outcomes: { error: DiskError | undefined; value: T }[] = [];
    const callback = (error: DiskError | undefined, value?: T): void => {
      outcomes.push({ error, value: value as T });
    };
    start(callback as Callback<T>);
    while (this.step());
    expect(outcomes).toHaveLength(1);
    return outcomes[0] as { error: DiskError | undefined; value: T };
  }

  step(): boolean {
    return this.scheduler.runNext(Number.MAX_SAFE_INTEGER);
  }

  open(disk: Disk = this.disk): MemoryBackend {
    const { error, value } = this.finish<MemoryBackend>((callback) =>
      MemoryBackend.open({ disk, directory: 'state', initial: baseAt(0) }, callback),
    );
    expect(error).toBeUndefined();
    return value;
  }
}

/** Applies one more entry: some puts and deletes in a small key space, with values of several frames now and then. */
function applyOne(backend: MemoryBackend, random: Random): void {
  for (let writes = random.between(1, 6); writes > 0; writes--) {
    const key = Uint8Array.of(random.below(12) + 1);
    if (random.chance(1, 3)) backend.store.delete(key);
    else backend.store.put(key, random.bytes(random.chance(1, 10) ? 70_000 : random.below(300)));
  }
  backend.applied(baseAt(backend.base().position.index + 1));
}

test('a beginning that was interrupted anywhere, up to and into the first state, is begun again', () => {
  for (const end of ['powerCut', 'kill'] as const) {
    let finished = false;
    for (let operations = 0; !finished; operations++) {
      const world = new World(`beginning ${operations}`);
      MemoryBackend.open({ disk: world.disk, directory: 'state', initial: baseAt(0) }, (_error, backend) => {
        backend?.store.put(utf8('key'), utf8('value'));
        backend?.applied(baseAt(1));
        backend?.flush(() => {
          finished = true;
        });
      });
      for (let done = 0; done < operations; done++) world.step();
      world.disk[end]();
      const again = world.open();
      if (finished) expect(again.base()).toEqual(baseAt(1));
      again.store.put(utf8('more'), utf8('value'));
      again.applied(baseAt(2));
      expect(world.finish<Base>((callback) => again.flush(callback)).error).toBeUndefined();
      world.disk.powerCut();
      expect(world.open().base()).toEqual(baseAt(2));
    }
  }
});

/** A run of applies and flushes that ends in a power cut after some operation of the disk, then the next start. */
function crashOnce(seed: string): void {
  const world = new World(seed);
  const random = Random.fromSeed(seed).stream('run');
  let backend = world.open();
  /** What each position looked like. */
  const history = new Map([[0, all(backend.store)]]);
  for (let start = 0; start < 3; start++) {
    let acknowledged: number = backend.flushed().position.index;
    for (let boundary = random.below(60); boundary > 0; boundary--) {
      if (random.chance(1, 3)) {
        applyOne(backend, random);
        history.set(backend.base().position.index, all(backend.store));
      }
      if (random.chance(1, 6)) {
        backend.flush((error, base) => {
          expect(error).toBeUndefined();
          if (base !== undefined) acknowledged = base.position.index;
        });
      }
      world.step();
    }
    if (random.chance(1, 4)) world.disk.kill();
    else world.disk.powerCut();
    backend = world.open();
    const recovered: number = backend.base().position.index;
    expect(recovered).toBeGreaterThanOrEqual(acknowledged);
    expect(all(backend.store)).toBe(history.get(recovered));
    expect(backend.flushed()).toEqual(backend.base());
  }
}

test('a power cut after any operation leaves the old state or the new one, and nothing acknowledged is lost', () => {
  for (let seed = 0; seed < 100; seed++) crashOnce(`memory ${seed}`);
});

test('what a start has found survives a power cut right after it', () => {
  for (let seed = 0; seed < 100; seed++) {
    const world = new World(`found ${seed}`);
    const random = Random.fromSeed(`found ${seed}`);
    const backend = world.open();
    applyOne(backend, random);
    backend.flush(() => undefined);
    for (let steps = random.below(30); steps > 0; steps--) world.step();
    world.disk.kill();
    const found = world.open();
    const position = found.flushed();
    const state = all(found.store);
    world.disk.powerCut();
    const again = world.open();
    expect(again.base()).toEqual(position);
    expect(all(again.store)).toBe(state);
  }
});

test('a power cut during an install leaves the old state or the installed one', () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const world = new World(`install ${seed}`);
    const random = Random.fromSeed(`install ${seed}`);
    const source = world.finish<MemoryBackend>((callback) =>
      MemoryBackend.open({ disk: world.disk, directory: 'source', initial: baseAt(0) }, callback),
    ).value;
    source.store.put(utf8('installed'), random.bytes(200_000));
    source.applied(baseAt(50));
    const frames = snapshotFrames(source.pin(), origin);
    world.finish<number>((callback) => writeSnapshotFile(world.disk, 'received', frames, callback));
    world.finish<void>((callback) => world.disk.syncDirectory('.', callback));

    const backend = world.open();
    applyOne(backend, random);
    world.finish<Base>((callback) => backend.flush(callback));
    const states = new Map([
      [1, all(backend.store)],
      [50, all(source.store)],
    ]);
    let installed = false;
    backend.install({ path: 'received', base: baseAt(50) }, () => {
      installed = true;
    });
    for (let steps = random.below(40); steps > 0; steps--) world.step();
    world.disk.powerCut();
    const again = world.open();
    const recovered: number = again.base().position.index;
    expect(all(again.store)).toBe(states.get(recovered));
    if (installed) expect(recovered).toBe(50);
    seen.add(recovered);
  }
  expect([...seen].sort()).toEqual([1, 50]);
});

test('a full disk refuses the flush, and the next one with room succeeds', () => {
  const world = new World('full');
  const backend = world.open();
  backend.store.put(utf8('key'), new Uint8Array(100_000));
  backend.applied(baseAt(1));
  world.disk.setCapacity(50_000);
  expect(world.finish<Base>((callback) => backend.flush(callback)).error).toMatchObject({ kind: 'full' });
  expect(backend.flushed()).toEqual(baseAt(0));
  world.disk.setCapacity(1_000_000);
  expect(world.finish<Base>((callback) => backend.flush(callback)).value).toEqual(baseAt(1));
  world.disk.powerCut();
  expect(world.open().base()).toEqual(baseAt(1));
});

test('a failed sync is never tried again', () => {
  const world = new World('failed sync');
  const backend = world.open();
  backend.store.put(utf8('key'), utf8('value'));
  backend.applied(baseAt(1));
  world.disk.failNextSync();
  expect(world.finish<Base>((callback) => backend.flush(callback)).error).toMatchObject({ kind: 'io' });
  expect(world.finish<Base>((callback) => backend.flush(callback)).error).toMatchObject({ kind: 'io' });
  expect(backend.flushed()).toEqual(baseAt(0));
  world.disk.powerCut();
  expect(world.open().base()).toEqual(baseAt(0));
});

/** The suite above must be able to fail: without these syncs it does. */
test.each(['sync of files', 'sync of directories'])(
  'a disk without the %s loses what was acknowledged',
  (missing) => {
    let lost = 0;
    for (let seed = 0; seed < 40; seed++) {
      const world = new World(`${missing} ${seed}`);
      const backend = world.open(
        missing === 'sync of files' ? withoutSync(world.disk) : withoutDirectorySync(world.disk),
      );
      backend.store.put(utf8('key'), utf8('value'));
      backend.applied(baseAt(1));
      world.finish<Base>((callback) => backend.flush(callback));
      world.disk.powerCut();
      const again = world.finish<MemoryBackend>((callback) =>
        MemoryBackend.open({ disk: world.disk, directory: 'state', initial: baseAt(0) }, callback),
      );
      if (again.error !== undefined || again.value.base().position.index !== 1) lost++;
    }
    expect(lost).toBeGreaterThan(0);
  },
);

function withoutSync(disk: SimulatedDisk): Disk {
  const wrapped = Object.create(disk) as SimulatedDisk;
  wrapped.open = (path, mode, callback) =>
    disk.open(path, mode, (error, file) => {
      if (error !== undefined) return callback(error, undefined);
      file.sync = (done) => disk.free(() => done(undefined));
      callback(undefined, file);
    });
  return bound(wrapped, disk);
}

function withoutDirectorySync(disk: SimulatedDisk): Disk {
  const wrapped = Object.create(disk) as SimulatedDisk;
  wrapped.syncDirectory = (_path, callback) => disk.free(() => callback(undefined));
  return bound(wrapped, disk);
}

/** Methods that were not replaced run on the disk itself. */
function bound(wrapped: SimulatedDisk, disk: SimulatedDisk): Disk {
  for (const name of ['open', 'rename', 'remove', 'makeDirectory', 'list', 'syncDirectory', 'free'] as const)
    if (!Object.hasOwn(wrapped, name)) Object.assign(wrapped, { [name]: disk[name].bind(disk) });
  return wrapped;
}
