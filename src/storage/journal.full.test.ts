import { expect, test } from 'vitest';
import { at, directory, live, pass, plain, Scheduler } from '../../test/support/journal-life.ts';
import { Random } from '../core/random.ts';
import { SimulatedDisk } from '../simulator/disk.ts';

const segmentBytes = 8192;
const reserve = segmentBytes / 4;
/** Room that a new segment leaves to others. */
const left = segmentBytes / 4;

function setUp(capacity: number) {
  const scheduler = new Scheduler();
  const disk = new SimulatedDisk({
    schedule: (delay, run) => scheduler.schedule(delay, run),
    random: Random.fromSeed('full'),
    capacity: capacity + left,
  });
  return { scheduler, disk, segmentBytes };
}

const filler = (length: number): string => 'x'.repeat(length);

function namesIn(disk: SimulatedDisk, scheduler: Scheduler): string[] {
  let names: string[] = [];
  disk.list(directory, (_, found) => {
    names = found ?? [];
  });
  pass(scheduler, 1);
  return names;
}

test('an empty journal on a full disk does not open, and leaves nothing behind', () => {
  const { scheduler, disk } = setUp(segmentBytes - 1);
  const life = live({ scheduler, disk, segmentBytes });
  expect(life.refused).toMatchObject({ code: 'DISK_ERROR', kind: 'full' });
  expect(namesIn(disk, scheduler)).toEqual([]);
});

test('says so while a whole segment is still free, and again when there is room', () => {
  const { scheduler, disk } = setUp(2 * segmentBytes);
  const life = live({ scheduler, disk, segmentBytes });
  pass(scheduler, 10);
  expect(life.room).toEqual([]);
  // The step into the second segment finds no room for a third.
  for (let number = 1; number <= 5; number++) {
    life.append(number, at(number, filler(1900)));
    pass(scheduler, 10);
  }
  expect(life.room).toEqual([true]);
  expect(life.durable).toBe(5);
  expect(namesIn(disk, scheduler).length).toBe(2);
  life.append(6, at(6, filler(1000)), plain('a vote'));
  pass(scheduler, 10);
  expect(life.durable).toBe(6);
  disk.setCapacity(3 * segmentBytes + left);
  pass(scheduler, 1_100);
  expect(life.room).toEqual([true, false]);
  for (let number = 7; number <= 8; number++) life.append(number, at(number, filler(1900)));
  pass(scheduler, 10);
  expect(life.durable).toBe(8);
  expect(life.failure).toBeUndefined();
});

test('votes are written from the reserve, entries wait for room, and nothing is acknowledged out of order', () => {
  const { scheduler, disk } = setUp(segmentBytes);
  let life = live({ scheduler, disk, segmentBytes });
  pass(scheduler, 10);
  expect(life.room).toEqual([true]);
  let number = 0;
  while (life.durable === number) {
    number++;
    life.append(number, at(number, filler(1000)));
    pass(scheduler, 10);
    if (number > 100) throw new Error('the reserve was given to entries');
  }
  // The last one waits. Up to here entries have kept clear of the reserve.
  expect(life.durable).toBe(number - 1);
  expect(life.journal.bytes()).toBeLessThanOrEqual(segmentBytes - reserve);
  life.end(disk, 'powerCut');

  life = live({ scheduler, disk, segmentBytes });
  expect(life.records.length).toBe(number - 1);
  for (let vote = 1; vote <= 5; vote++) {
    life.append(vote, plain(`vote ${vote}`));
    pass(scheduler, 10);
    expect(life.durable).toBe(vote);
  }
  life.append(6, at(number, filler(1500)));
  pass(scheduler, 5_000);
  expect(life.durable).toBe(5);
  expect(life.failure).toBeUndefined();
  expect(life.journal.queuedBytes()).toBeGreaterThan(1500);
  disk.setCapacity(2 * segmentBytes + left);
  pass(scheduler, 1_100);
  expect(life.durable).toBe(6);
  expect(life.journal.queuedBytes()).toBe(0);
  life.end(disk, 'powerCut');
  life = live({ scheduler, disk, segmentBytes });
  expect(life.records.slice(-2)).toEqual(['vote 5', filler(1500)]);
});

test('compaction works on a full disk, and makes room, also from behind entries that wait', () => {
  const { scheduler, disk } = setUp(2 * segmentBytes);
  const life = live({ scheduler, disk, segmentBytes });
  let number = 0;
  while (life.durable === number) {
    number++;
    life.append(number, at(number, filler(900)));
    pass(scheduler, 10);
  }
  expect(life.room).toEqual([true]);
  const waiting = number;
  life.compact(waiting, plain('head'));
  pass(scheduler, 10);
  expect(life.durable).toBe(waiting);
  expect(namesIn(disk, scheduler)).not.toContain('0000000000000001.segment');
  pass(scheduler, 1_100);
  expect(life.room).toEqual([true, false]);
  life.append(waiting + 1, at(waiting + 1, filler(900)));
  pass(scheduler, 10);
  expect(life.durable).toBe(waiting + 1);
  life.end(disk, 'powerCut');
  const after = live({ scheduler, disk, segmentBytes });
  expect(after.records.slice(-3).map((text) => text.slice(0, 4))).toEqual(['xxxx', 'head', 'xxxx']);
});

test('closing does not wait for room that may never come', () => {
  const { scheduler, disk } = setUp(segmentBytes);
  const life = live({ scheduler, disk, segmentBytes });
  pass(scheduler, 10);
  for (let number = 1; number <= 20; number++) life.append(number, at(number, filler(1000)));
  let closed = false;
  life.journal.close(() => {
    closed = true;
  });
  pass(scheduler, 100);
  expect(closed).toBe(true);
  expect(life.durable).toBeLessThan(20);
});

test('opens on a full disk with what it has', () => {
  const { scheduler, disk } = setUp(2 * segmentBytes);
  let life = live({ scheduler, disk, segmentBytes });
  life.append(1, at(1, 'a'));
  pass(scheduler, 10);
  disk.fill(true);
  life.end(disk, 'powerCut');
  life = live({ scheduler, disk, segmentBytes });
  expect(life.records).toEqual(['a']);
  life.append(2, at(2, 'b'));
  pass(scheduler, 10);
  expect(life.durable).toBe(2);
});
