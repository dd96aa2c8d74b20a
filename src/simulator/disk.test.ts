import { beforeEach, describe, expect, test } from 'vitest';
import { utf8, utf8Text } from '../core/bytes.ts';
import { Random } from '../core/random.ts';
import type { DiskError, DiskFile } from '../storage/disk.ts';
import { SimulatedDisk } from './disk.ts';
import { Scheduler } from './scheduler.ts';

let scheduler: Scheduler;
beforeEach(() => {
  scheduler = new Scheduler();
});

function makeDisk(seed: string): SimulatedDisk {
  return new SimulatedDisk({
    schedule: (delay, run) => scheduler.schedule(delay, run),
    random: Random.fromSeed(seed),
    speed: { minDelayMs: 0.1, maxDelayMs: 2 },
  });
}

const settle = (): void => scheduler.runUntil(scheduler.now + 10_000_000);

function create(disk: SimulatedDisk, path: string): DiskFile {
  let made: DiskFile | undefined;
  disk.open(path, 'create', (_, file) => {
    made = file;
  });
  settle();
  if (made === undefined) throw new Error(`${path} was not made`);
  return made;
}

function write(file: DiskFile, offset: number, bytes: Uint8Array): void {
  file.write(offset, [bytes], () => undefined);
  settle();
}

function sync(file: DiskFile): DiskError | undefined {
  let outcome: DiskError | undefined;
  file.sync((error) => {
    outcome = error;
  });
  settle();
  return outcome;
}

function syncRoot(disk: SimulatedDisk): void {
  disk.syncDirectory('', () => undefined);
  settle();
}

function namesIn(disk: SimulatedDisk): string[] {
  let names: string[] = [];
  disk.list('', (_, found) => {
    names = found ?? [];
  });
  settle();
  return names;
}

/** What different seeds make of the same story. */
function fates(story: (disk: SimulatedDisk) => string): Set<string> {
  return new Set(Array.from({ length: 100 }, (_, seed) => story(makeDisk(`fate ${seed}`))));
}

/** A file `a` with a durable name and these durable bytes. */
function durableFile(disk: SimulatedDisk, bytes: Uint8Array): DiskFile {
  const file = create(disk, 'a');
  write(file, 0, bytes);
  sync(file);
  syncRoot(disk);
  return file;
}

describe('power cut', () => {
  test('what was synced survives, whatever the seed', () => {
    const found = fates((disk) => {
      durableFile(disk, utf8('kept'));
      disk.powerCut();
      return utf8Text(disk.contents('a'));
    });
    expect(found).toEqual(new Set(['kept']));
  });

  test('what was not synced is lost, kept or torn, by prefix and by sector', () => {
    const shapes = fates((disk) => {
      const file = durableFile(disk, new Uint8Array(2048));
      write(file, 0, new Uint8Array(2048).fill(1));
      disk.powerCut();
      const bytes = disk.contents('a');
      const ones = bytes.filter((byte) => byte === 1).length;
      if (ones === 0) return 'lost';
      if (ones === 2048) return 'whole';
      return bytes.subarray(0, ones).every((byte) => byte === 1) ? 'prefix' : 'sectors';
    });
    expect([...shapes].sort()).toEqual(['lost', 'prefix', 'sectors', 'whole']);
  });

  test('a later write may survive an earlier one', () => {
    const found = fates((disk) => {
      const file = durableFile(disk, utf8('..'));
      write(file, 0, utf8('1'));
      write(file, 1, utf8('2'));
      disk.powerCut();
      return utf8Text(disk.contents('a'));
    });
    expect(found).toEqual(new Set(['..', '1.', '.2', '12']));
  });

  test('a sync covers what was completed before it, not what came after', () => {
    const found = fates((disk) => {
      const file = durableFile(disk, utf8('..'));
      write(file, 0, utf8('1'));
      file.sync(() => undefined);
      file.write(1, [utf8('2')], () => undefined);
      settle();
      disk.powerCut();
      return utf8Text(disk.contents('a'));
    });
    expect(found).toEqual(new Set(['1.', '12']));
  });

  test('names are lost one by one, also of files whose bytes were synced', () => {
    const found = fates((disk) => {
      for (const name of ['a', 'b']) sync(create(disk, name));
      disk.powerCut();
      return namesIn(disk).join();
    });
    expect(found).toEqual(new Set(['', 'a', 'b', 'a,b']));
  });

  test('a rename leaves the old name or the new one', () => {
    const found = fates((disk) => {
      durableFile(disk, utf8('x'));
      disk.rename('a', 'b', () => undefined);
      settle();
      disk.powerCut();
      return namesIn(disk).join();
    });
    expect(found).toEqual(new Set(['a', 'b']));
  });

  test('a removal comes true by syncing the directory', () => {
    const story = (synced: boolean) => (disk: SimulatedDisk) => {
      durableFile(disk, utf8('x'));
      disk.remove('a', () => undefined);
      settle();
      if (synced) syncRoot(disk);
      disk.powerCut();
      return namesIn(disk).join();
    };
    expect(fates(story(false))).toEqual(new Set(['', 'a']));
    expect(fates(story(true))).toEqual(new Set(['']));
  });

  test('a directory that was not synced takes its files with it', () => {
    const found = fates((disk) => {
      disk.makeDirectory('d', () => undefined);
      settle();
      sync(create(disk, 'd/a'));
      disk.syncDirectory('d', () => undefined);
      settle();
      disk.powerCut();
      return namesIn(disk).join();
    });
    expect(found).toEqual(new Set(['', 'd']));
  });
});

describe('the death of a process', () => {
  test('keeps what it wrote, and nothing reaches it any more', () => {
    const disk = makeDisk('kill');
    const file = create(disk, 'a');
    let reached = false;
    file.write(0, [utf8('written')], () => {
      reached = true;
    });
    disk.kill();
    settle();
    expect(reached).toBe(false);
    expect(utf8Text(disk.contents('a'))).toBe('written');
  });
});

describe('faults', () => {
  test('after a failed sync what is visible may be gone after a power cut, although a later sync succeeds', () => {
    const found = fates((disk) => {
      const file = durableFile(disk, utf8('old'));
      write(file, 0, utf8('new'));
      disk.failNextSync();
      expect(sync(file)?.kind).toBe('io');
      expect(utf8Text(disk.contents('a'))).toBe('new');
      expect(sync(file)).toBeUndefined();
      disk.powerCut();
      return utf8Text(disk.contents('a'));
    });
    expect(found).toContain('old');
    expect(found).toContain('new');
  });

  test('a full disk refuses to grow and takes overwriting', () => {
    const disk = makeDisk('full');
    const file = durableFile(disk, utf8('1234'));
    disk.fill(true);
    const kinds: (string | undefined)[] = [];
    file.write(2, [utf8('xyz')], (error) => kinds.push(error?.kind));
    file.allocate(10, (error) => kinds.push(error?.kind));
    file.write(0, [utf8('abcd')], (error) => kinds.push(error?.kind));
    settle();
    expect(kinds.sort()).toEqual(['full', 'full', undefined]);
    expect(utf8Text(disk.contents('a'))).toBe('abcd');
    disk.fill(false);
    disk.setCapacity(6);
    let free: number | undefined;
    disk.free((_, bytes) => {
      free = bytes;
    });
    settle();
    expect(free).toBe(2);
  });

  test('a flipped bit is read back, before and after a power cut', () => {
    const disk = makeDisk('flip');
    durableFile(disk, utf8('a'));
    disk.flipBit('a', 1);
    expect(utf8Text(disk.contents('a'))).toBe('c');
    disk.powerCut();
    expect(utf8Text(disk.contents('a'))).toBe('c');
  });
});

describe('what a disk tells of itself', () => {
  test('one process can blame it for what it did to that process only', () => {
    const disk = makeDisk('blame');
    const file = durableFile(disk, utf8('1234'));
    let failed = 0;
    disk.failNextSync(() => failed++);
    expect(disk.failings).toEqual({ sync: false, space: false, rot: false });
    expect(failed).toBe(0);
    sync(file);
    expect(failed).toBe(1);
    disk.fill(true);
    write(file, 2, utf8('xyz'));
    disk.flipBit('a', 9);
    expect(disk.failings).toEqual({ sync: true, space: true, rot: false });
    file.read(0, 1, () => undefined);
    settle();
    expect(disk.failings.rot).toBe(false);
    file.read(0, 2, () => undefined);
    settle();
    expect(disk.failings).toEqual({ sync: true, space: true, rot: true });
    disk.kill();
    expect(disk.failings).toEqual({ sync: false, space: false, rot: false });
  });

  test('a process that asks for room and is told of none can blame it', () => {
    const disk = makeDisk('asked');
    const ask = (): void => disk.free(() => undefined);
    ask();
    settle();
    expect(disk.failings.space).toBe(false);
    disk.fill(true);
    ask();
    settle();
    expect(disk.failings.space).toBe(true);
  });

  test('a write counts as lost at a power cut when it is not whole', () => {
    const counted = fates((disk) => {
      const file = durableFile(disk, utf8('old'));
      write(file, 0, utf8('new'));
      disk.powerCut();
      return `${utf8Text(disk.contents('a'))} ${disk.lostWrites}`;
    });
    expect(counted).toContain('new 0');
    expect(counted).toContain('old 1');
    expect(counted).not.toContain('new 1');
    expect(counted).not.toContain('old 0');
  });
});

test('the same seed gives the same story', () => {
  const story = (disk: SimulatedDisk): string => {
    const file = durableFile(disk, new Uint8Array(4096));
    for (let i = 0; i < 10; i++) write(file, i * 300, new Uint8Array(700).fill(i + 1));
    disk.powerCut();
    return `${scheduler.now} ${disk.contents('a').join()}`;
  };
  const first = story(makeDisk('same'));
  scheduler = new Scheduler();
  expect(story(makeDisk('same'))).toBe(first);
});
