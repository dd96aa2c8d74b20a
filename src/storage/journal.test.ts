import { describe, expect, test } from 'vitest';
import { at, directory, live, pass, plain, Scheduler } from '../../test/support/journal-life.ts';
import { crc32c } from '../core/crc32c.ts';
import { Random } from '../core/random.ts';
import { SimulatedDisk } from '../simulator/disk.ts';

function setUp(options: { capacity?: number; delayMs?: number } = {}) {
  const scheduler = new Scheduler();
  const disk = new SimulatedDisk({
    schedule: (delay, run) => scheduler.schedule(delay, run),
    random: Random.fromSeed('journal'),
    speed: { minDelayMs: options.delayMs ?? 1, maxDelayMs: options.delayMs ?? 1 },
    ...(options.capacity === undefined ? {} : { capacity: options.capacity }),
  });
  return { scheduler, disk };
}

const filler = (length: number): string => 'x'.repeat(length);
const segments = (disk: SimulatedDisk, scheduler: Scheduler): string[] => {
  let names: string[] = [];
  disk.list(directory, (_, found) => {
    names = found ?? [];
  });
  pass(scheduler, 50);
  return names;
};

describe('batches', () => {
  test('what is appended in one turn is one write and one sync; what comes meanwhile is the next', () => {
    const { scheduler, disk } = setUp();
    const life = live({ scheduler, disk });
    pass(scheduler, 100);
    life.append(1, plain('a'), plain('b'));
    life.append(2, plain('c'));
    pass(scheduler, 1);
    for (let number = 3; number <= 10; number++) life.append(number, at(number, `entry ${number}`));
    pass(scheduler, 50);
    expect(life.tokens).toEqual([2, 10]);
    expect(life.batches.map(({ records }) => records)).toEqual([3, 8]);
    // One for the write, one for the sync.
    expect(life.batches.map(({ syncMs }) => syncMs)).toEqual([2, 2]);
  });

  test('a flush begins at once', () => {
    const { scheduler, disk } = setUp({ delayMs: 0 });
    const life = live({ scheduler, disk });
    pass(scheduler, 100);
    life.append(1, plain('a'));
    life.journal.flush();
    life.append(2, plain('b'));
    pass(scheduler, 10);
    expect(life.tokens).toEqual([1, 2]);
  });

  test('an append without records is durable when those before it are, and costs no sync', () => {
    const { scheduler, disk } = setUp();
    const life = live({ scheduler, disk });
    life.append(1);
    expect(life.tokens).toEqual([]);
    pass(scheduler, 10);
    expect(life.tokens).toEqual([1]);
    expect(life.batches).toEqual([]);
    life.append(2, plain('a'));
    pass(scheduler, 1);
    life.append(3);
    expect(life.durable).toBe(1);
    pass(scheduler, 10);
    expect(life.tokens).toEqual([1, 2, 3]);
  });

  test('an append that arrives inside of `onDurable` is not lost', () => {
    const { scheduler, disk } = setUp();
    const life = live({ scheduler, disk });
    life.onDurable = (upTo) => {
      if (upTo < 5) life.append(upTo + 1, plain(`${upTo + 1}`));
    };
    life.append(1, plain('1'));
    pass(scheduler, 200);
    expect(life.tokens).toEqual([1, 2, 3, 4, 5]);
  });
});

describe('segments', () => {
  test('many segments are read back in order', () => {
    const { scheduler, disk } = setUp();
    let life = live({ scheduler, disk });
    const written: string[] = [];
    for (let number = 1; number <= 60; number++) {
      const text = `${number}:${filler(150)}`;
      written.push(text);
      life.append(number, number % 3 === 0 ? plain(text) : at(number, text));
      if (number % 4 === 0) pass(scheduler, 20);
    }
    pass(scheduler, 500);
    expect(life.durable).toBe(60);
    expect(segments(disk, scheduler).length).toBeGreaterThan(3);
    life.end(disk, 'powerCut');
    life = live({ scheduler, disk });
    expect(life.records).toEqual(written);
    expect(life.opened?.cut).toBeUndefined();
  });

  test('the next segment is there before it is needed', () => {
    const { scheduler, disk } = setUp();
    live({ scheduler, disk });
    pass(scheduler, 100);
    expect(segments(disk, scheduler)).toEqual(['0000000000000001.segment', '0000000000000002.segment']);
  });

  test('an append larger than a segment gets one of its own and is read back whole', () => {
    const { scheduler, disk } = setUp();
    let life = live({ scheduler, disk });
    pass(scheduler, 100);
    life.append(1, plain('before'));
    life.append(2, plain(filler(20_000)), at(1, filler(5_000)));
    life.append(3, plain('after'));
    pass(scheduler, 500);
    expect(life.durable).toBe(3);
    life.append(4, plain('later'));
    pass(scheduler, 100);
    life.end(disk, 'powerCut');
    life = live({ scheduler, disk });
    expect(life.records).toEqual(['before', filler(20_000), filler(5_000), 'after', 'later']);
  });

  test('compaction removes whole segments below the index, and keeps the head', () => {
    const { scheduler, disk } = setUp();
    let life = live({ scheduler, disk });
    life.append(1, plain('vote 1'));
    for (let number = 2; number <= 40; number++) {
      life.append(number, at(number, `${number}:${filler(200)}`));
      pass(scheduler, 10);
    }
    pass(scheduler, 100);
    const before = life.journal.bytes();
    life.compact(30, plain('vote 2'));
    life.append(41, plain('vote 3'));
    pass(scheduler, 200);
    expect(life.journal.bytes()).toBeLessThan(before);
    expect(segments(disk, scheduler)).not.toContain('0000000000000001.segment');
    life.end(disk, 'powerCut');
    life = live({ scheduler, disk });
    const records = life.records;
    expect(records).not.toContain('vote 1');
    expect(records.slice(-2)).toEqual(['vote 2', 'vote 3']);
    const kept = records.filter((text) => !text.startsWith('vote')).map((text) => Number(text.split(':')[0]));
    expect(kept.at(-1)).toBe(40);
    expect(kept[0]).toBeLessThanOrEqual(30);
    expect(kept).toEqual(Array.from(kept, (_, i) => (kept[0] ?? 0) + i));
  });

  test('a compaction that frees no segment writes nothing', () => {
    const { scheduler, disk } = setUp();
    let life = live({ scheduler, disk });
    life.append(1, at(1, 'a'));
    pass(scheduler, 10);
    life.compact(100, plain('head'));
    pass(scheduler, 100);
    life.end(disk, 'powerCut');
    life = live({ scheduler, disk });
    expect(life.records).toEqual(['a']);
  });

  test('what was appended after a compaction is kept although it waits in the same queue', () => {
    const { scheduler, disk } = setUp();
    let life = live({ scheduler, disk });
    for (let number = 1; number <= 30; number++) life.append(number, at(number, filler(250)));
    pass(scheduler, 500);
    life.append(31, plain('before'));
    life.compact(31, plain('head'));
    life.append(32, plain('after'));
    pass(scheduler, 500);
    life.end(disk, 'powerCut');
    life = live({ scheduler, disk });
    expect(life.records.slice(-3)).toEqual(['before', 'head', 'after']);
  });
});

describe('identity and format', () => {
  test('a segment of another data directory is refused', () => {
    const { scheduler, disk } = setUp();
    live({ scheduler, disk });
    const foreign = live({ scheduler, disk, storageId: new Uint8Array(16).fill(9) });
    expect(foreign.refused).toMatchObject({ code: 'JOURNAL_FOREIGN' });
    expect(foreign.refused?.message).toContain('0707');
  });

  test('a segment of a later format is refused', () => {
    const { scheduler, disk } = setUp();
    const life = live({ scheduler, disk });
    pass(scheduler, 100);
    life.end(disk, 'kill');
    setFormatVersion(disk, `${directory}/0000000000000001.segment`, 2);
    const later = live({ scheduler, disk });
    expect(later.refused).toMatchObject({ code: 'JOURNAL_UNSUPPORTED' });
  });
});

describe('failure', () => {
  test('a failed sync is final: reported once, never tried again, nothing later is durable', () => {
    const { scheduler, disk } = setUp();
    const life = live({ scheduler, disk });
    pass(scheduler, 100);
    disk.failNextSync();
    life.append(1, plain('a'));
    pass(scheduler, 10);
    expect(life.failure?.kind).toBe('io');
    life.append(2, plain('b'));
    pass(scheduler, 5_000);
    expect(life.tokens).toEqual([]);
  });

  test('what a failed sync left in the page cache is written again at the next open', () => {
    for (let seed = 0; seed < 20; seed++) {
      const scheduler = new Scheduler();
      const disk = new SimulatedDisk({
        schedule: (d, run) => scheduler.schedule(d, run),
        random: Random.fromSeed(`${seed}`),
      });
      let life = live({ scheduler, disk });
      pass(scheduler, 10);
      disk.failNextSync();
      life.append(1, plain('a'));
      pass(scheduler, 10);
      life.end(disk, 'kill');
      life = live({ scheduler, disk });
      const seen = life.records;
      expect(seen).toEqual(['a']);
      life.end(disk, 'powerCut');
      life = live({ scheduler, disk });
      expect(life.records).toEqual(seen);
    }
  });

  test('closing writes what is queued and lets go of the files', () => {
    const { scheduler, disk } = setUp();
    let life = live({ scheduler, disk });
    for (let number = 1; number <= 50; number++) life.append(number, plain(filler(300)));
    let closed = 0;
    life.journal.close((error) => {
      expect(error).toBeUndefined();
      closed++;
    });
    expect(closed).toBe(0);
    pass(scheduler, 2_000);
    expect(closed).toBe(1);
    expect(life.durable).toBe(50);
    life.end(disk, 'powerCut');
    life = live({ scheduler, disk });
    expect(life.records.length).toBe(50);
  });
});

function setFormatVersion(disk: SimulatedDisk, path: string, version: number): void {
  const before = disk.contents(path);
  const header = before.slice(0, 512);
  new DataView(header.buffer).setUint32(8, version);
  new DataView(header.buffer).setUint32(4, crc32c(header.subarray(8, 52)));
  for (let bit = 0; bit < 512 * 8; bit++) {
    const differs = ((before[bit >> 3] as number) ^ (header[bit >> 3] as number)) & (1 << (bit & 7));
    if (differs !== 0) disk.flipBit(path, bit);
  }
}
