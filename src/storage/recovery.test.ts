import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  at,
  directory,
  type JournalLife,
  live,
  pass,
  plain,
  Scheduler,
} from '../../test/support/journal-life.ts';
import { Random } from '../core/random.ts';
import { SimulatedDisk } from '../simulator/disk.ts';
import { segmentHeaderBytes } from './segment.ts';

/** The segments of a journal that was closed, and what is in them. */
interface Image {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly records: readonly string[];
  /** Records of all batches but the last. */
  readonly before: readonly string[];
  /** Where the last batch lies. */
  readonly last: { readonly path: string; readonly offset: number; readonly end: number };
}

const path = (sequence: number): string => `${directory}/${String(sequence).padStart(16, '0')}.segment`;

function setUp(seed: string) {
  const scheduler = new Scheduler();
  const disk = new SimulatedDisk({
    schedule: (delay, run) => scheduler.schedule(delay, run),
    random: Random.fromSeed(seed),
  });
  return { scheduler, disk };
}

/** Three segments of 4 KiB: batches of one to three records, the last batch alone in view. */
function makeImage(): Image {
  const { scheduler, disk } = setUp('image');
  const life = live({ scheduler, disk });
  const records: string[] = [];
  let before: string[] = [];
  let last = { path: '', offset: 0, end: 0 };
  for (let number = 1; number <= 22; number++) {
    before = [...records];
    const texts = Array.from({ length: 1 + (number % 3) }, (_, i) => `${number}.${i}:${'y'.repeat(200)}`);
    records.push(...texts);
    life.append(number, ...texts.map((text, i) => (i === 1 ? plain(text) : at(number, text))));
    pass(scheduler, 10);
    last = lastBatch(disk, records.length);
  }
  return { files: readAll(disk, scheduler), records, before, last };
}

function lastBatch(disk: SimulatedDisk, count: number): Image['last'] {
  for (let sequence = count; sequence > 0; sequence--) {
    let bytes: Uint8Array;
    try {
      bytes = disk.contents(path(sequence));
    } catch {
      continue;
    }
    const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
    if (end <= segmentHeaderBytes) continue;
    const view = new DataView(bytes.buffer);
    let offset = segmentHeaderBytes;
    for (let next = offset; next < end; next += 32 + view.getUint32(next + 24)) offset = next;
    return { path: path(sequence), offset, end };
  }
  throw new Error('the journal is empty');
}

function readAll(disk: SimulatedDisk, scheduler: Scheduler): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  disk.list(directory, (_, names) => {
    for (const name of names ?? []) files.set(`${directory}/${name}`, disk.contents(`${directory}/${name}`));
  });
  pass(scheduler, 10);
  return files;
}

/** The same files, with one changed, and a journal opened on them. */
function openWith(image: Image, changes: ReadonlyMap<string, Uint8Array | undefined>) {
  const { scheduler, disk } = setUp('reopened');
  disk.makeDirectory(directory, () => undefined);
  pass(scheduler, 1);
  for (const [name, bytes] of new Map([...image.files, ...changes])) {
    if (bytes === undefined) continue;
    disk.open(name, 'create', (_, file) => file?.write(0, [bytes], () => file.sync(() => undefined)));
  }
  pass(scheduler, 1);
  disk.syncDirectory(directory, () => undefined);
  disk.syncDirectory('', () => undefined);
  pass(scheduler, 1);
  return { scheduler, disk, life: live({ scheduler, disk }) };
}

function changed(bytes: Uint8Array | undefined, change: (copy: Uint8Array) => void): Uint8Array {
  if (bytes === undefined) throw new Error('no such file');
  const copy = bytes.slice();
  change(copy);
  return copy;
}

type Finding = 'whole' | 'cut' | 'refused';

/** The one of the three that recovery may do; anything else is a wrong answer. */
function findingOf(image: Image, life: JournalLife): Finding {
  if (life.refused !== undefined) {
    expect(life.refused).toMatchObject({ code: 'JOURNAL_DAMAGED' });
    return 'refused';
  }
  if (life.opened?.cut === undefined) {
    expect(life.records).toEqual(image.records);
    return 'whole';
  }
  // The cut may have taken away nothing but what decay has added behind the last batch.
  const cutRecords = life.records.length === image.records.length ? image.records : image.before;
  expect(life.records).toEqual(cutRecords);
  return 'cut';
}

let image: Image;
beforeAll(() => {
  image = makeImage();
});

test('an unharmed journal is read whole', () => {
  const { life } = openWith(image, new Map());
  expect(findingOf(image, life)).toBe('whole');
  expect(image.files.size).toBeGreaterThan(3);
});

describe('any single bit flipped', () => {
  test('in the last batch: that batch is cut, and nothing else', () => {
    const { path: name, offset, end } = image.last;
    for (let bit = offset * 8; bit < end * 8; bit++) {
      const bytes = changed(image.files.get(name), (copy) => {
        copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      });
      const { life } = openWith(image, new Map([[name, bytes]]));
      expect([bit, findingOf(image, life)]).toEqual([bit, 'cut']);
      expect(life.records).toEqual(image.before);
      expect(life.opened?.cut).toMatchObject({ segment: name, offset });
    }
  });

  test('in an earlier batch: the journal is refused, and says where', () => {
    const random = Random.fromSeed('flips');
    for (const [name, original] of image.files) {
      const end =
        name === image.last.path ? image.last.offset : original.findLastIndex((byte) => byte !== 0) + 1;
      if (end <= segmentHeaderBytes) continue;
      for (let at = segmentHeaderBytes; at < end; at++) {
        const bytes = changed(original, (copy) => {
          copy[at] = (copy[at] as number) ^ (1 << random.below(8));
        });
        const { life } = openWith(image, new Map([[name, bytes]]));
        expect([name, at, findingOf(image, life)]).toEqual([name, at, 'refused']);
        expect(life.refused?.message).toContain(name);
      }
    }
  });

  test('anywhere at all: whole, cut or refused, never wrong', () => {
    const names = [...image.files.keys()];
    fc.assert(
      fc.property(fc.nat(names.length - 1), fc.nat(4096 * 8 - 1), (which, bit) => {
        const name = names[which] as string;
        const bytes = changed(image.files.get(name), (copy) => {
          copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
        });
        findingOf(image, openWith(image, new Map([[name, bytes]])).life);
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });
});

describe('cut at every byte', () => {
  test('a last batch of which only a beginning was written is cut, and never comes back', () => {
    const { path: name, offset, end } = image.last;
    for (let length = offset + 1; length < end; length++) {
      const bytes = changed(image.files.get(name), (copy) => copy.fill(0, length));
      const { life, scheduler, disk } = openWith(image, new Map([[name, bytes]]));
      const finding = findingOf(image, life);
      // Trailing bytes of the batch may have been zeros.
      expect([length, finding]).toEqual([length, bytes[length - 1] === 0 ? finding : 'cut']);
      if (finding !== 'cut' || length % 16 !== 0) continue;
      life.append(23, plain('after'));
      pass(scheduler, 10);
      life.end(disk, 'powerCut');
      expect(live({ scheduler, disk }).records).toEqual([...image.before, 'after']);
    }
  });

  test('a last batch of which only an end was written is cut', () => {
    const { path: name, offset, end } = image.last;
    for (let from = offset + 1; from < end; from += 7) {
      const bytes = changed(image.files.get(name), (copy) => copy.fill(0, offset, from));
      const { life } = openWith(image, new Map([[name, bytes]]));
      expect([from, findingOf(image, life)]).toEqual([from, 'cut']);
      expect(life.records).toEqual(image.before);
    }
  });

  test('a file that has become shorter is refused at every length', () => {
    for (const [name, original] of image.files) {
      for (
        let length = 0;
        length < original.length;
        length += original === image.files.get(image.last.path) ? 1 : 61
      ) {
        const { life } = openWith(image, new Map([[name, original.slice(0, length)]]));
        expect([name, length, findingOf(image, life)]).toEqual([name, length, 'refused']);
      }
    }
  });
});

describe('segments that are missing', () => {
  test('any but the unused ones: refused', () => {
    for (const [name, bytes] of image.files) {
      const used = bytes.findLastIndex((byte) => byte !== 0) + 1 > segmentHeaderBytes;
      const { life } = openWith(image, new Map([[name, undefined]]));
      if (name === image.last.path) continue;
      expect([name, findingOf(image, life)]).toEqual([name, used ? 'refused' : 'whole']);
    }
  });

  test('two that were exchanged: refused', () => {
    const [first, second] = [path(1), path(2)];
    const swapped = new Map([
      [first, image.files.get(second)],
      [second, image.files.get(first)],
    ]);
    expect(findingOf(image, openWith(image, swapped).life)).toBe('refused');
  });
});

describe('what a client wrote', () => {
  test('an image of the journal inside of a record is never taken for batches', () => {
    const { scheduler, disk } = setUp('nested');
    let life = live({ scheduler, disk, segmentBytes: 65_536 });
    const nested = { index: undefined, bytes: (image.files.get(path(1)) as Uint8Array).slice(0, 3_000) };
    life.append(1, plain('before'));
    pass(scheduler, 10);
    life.append(2, nested, plain('end'));
    pass(scheduler, 10);
    life.end(disk, 'kill');
    const [name] = [path(1)];
    const end = disk.contents(name).findLastIndex((byte) => byte !== 0);
    disk.flipBit(name, end * 8);
    life = live({ scheduler, disk, segmentBytes: 65_536 });
    expect(life.opened?.cut?.reason).toContain('checksum');
    expect(life.records).toEqual(['before']);
  });
});

test('decay of a batch is not taken for a torn one when the next one was begun', () => {
  const { scheduler, disk } = setUp('begun');
  let life = live({ scheduler, disk });
  life.append(1, plain('acknowledged'));
  pass(scheduler, 10);
  const end = disk.contents(path(1)).findLastIndex((byte) => byte !== 0) + 1;
  life.append(2, plain('next'));
  pass(scheduler, 10);
  life.end(disk, 'kill');
  // The record of the first decays; of the second, whose header never reached the disk, some bytes did.
  disk.flipBit(path(1), (end - 3) * 8);
  for (let at = end; at < end + 32; at++) {
    const byte = disk.contents(path(1))[at] as number;
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) disk.flipBit(path(1), at * 8 + bit);
  }
  life = live({ scheduler, disk });
  expect(life.refused).toMatchObject({ code: 'JOURNAL_DAMAGED' });
});
