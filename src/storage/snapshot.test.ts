import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concatBytes, hex, utf8 } from '../core/bytes.ts';
import { PairDigest } from '../core/digest.ts';
import { clusterTime, epoch, index, nodeId } from '../core/ids.ts';
import { Random } from '../core/random.ts';
import { type Base, votersOnly } from '../protocol/index.ts';
import { SimulatedDisk } from '../simulator/disk.ts';
import { Scheduler } from '../simulator/scheduler.ts';
import type { PinnedView } from './backend.ts';
import { type Pair, type SnapshotOrigin, snapshotFrames } from './snapshot.ts';
import { verifySnapshotFile } from './snapshot-file.ts';
import { type SnapshotFault, SnapshotReader, type SnapshotSummary } from './snapshot-reader.ts';
import { type ReceiveOutcome, SnapshotReceiver } from './snapshot-receiver.ts';

const base: Base = {
  position: { index: index(77), epoch: epoch(5), time: clusterTime(123_456) },
  configuration: votersOnly([
    {
      id: nodeId(7),
      name: 'n1',
      address: '127.0.0.1:2380',
      storageId: new Uint8Array(0),
      publicKey: new Uint8Array(0),
    },
    {
      id: nodeId(9),
      name: 'n2',
      address: '127.0.0.1:3380',
      storageId: new Uint8Array(0),
      publicKey: Uint8Array.of(1),
    },
  ]),
};
const origin: SnapshotOrigin = {
  clusterId: 0xfeed_0000_0000_0001n,
  protocol: 'raft',
  machine: 'key-space',
  featureLevel: 2,
  snapshotId: Uint8Array.from({ length: 16 }, (_, i) => i),
};

function viewOf(pairs: readonly Pair[]): PinnedView {
  const digest = new PairDigest();
  for (const [key, value] of pairs) digest.add(key, value);
  return {
    base,
    digest: digest.bytes(),
    entries: () => pairs.values(),
    release: () => undefined,
  };
}

const numbered = (count: number, valueBytes: number): Pair[] =>
  Array.from({ length: count }, (_, i) => [
    utf8(`key ${String(i).padStart(6, '0')}`),
    new Uint8Array(valueBytes).fill(i),
  ]);

/** Everything that a reader makes of the pieces: the pairs, and how it ended. */
function read(pieces: Iterable<Uint8Array>): { pairs: string[]; end: SnapshotSummary | SnapshotFault } {
  const reader = new SnapshotReader();
  const pairs: string[] = [];
  for (const piece of pieces) {
    const events = reader.push(piece);
    if ('reason' in events) return { pairs, end: events };
    for (const event of events)
      if (event.type === 'pairs')
        pairs.push(...event.pairs.map(([key, value]) => `${hex(key)}=${hex(value)}`));
  }
  return { pairs, end: reader.finish() };
}

const reasonOf = (pieces: Iterable<Uint8Array>): string => {
  const { end } = read(pieces);
  return 'reason' in end ? end.reason : 'whole';
};

test('there and back, in pieces of any size', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 8 }), { selector: hex, maxLength: 40 }),
      fc.infiniteStream(fc.oneof(fc.nat({ max: 40 }), fc.constant(40_000))),
      fc.integer({ min: 1, max: 5000 }),
      (keys, sizes, pieceBytes) => {
        const pairs = keys
          .sort((a, b) => (hex(a) < hex(b) ? -1 : 1))
          .map((key): Pair => [key, new Uint8Array(sizes.next().value).fill(key.length)]);
        const view = viewOf(pairs);
        const bytes = concatBytes([...snapshotFrames(view, origin)]);
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += pieceBytes)
          pieces.push(bytes.subarray(at, at + pieceBytes));
        const { pairs: found, end } = read(pieces);
        expect(found).toEqual(pairs.map(([key, value]) => `${hex(key)}=${hex(value)}`));
        expect(end).toEqual({
          header: { ...origin, base, digest: view.digest },
          pairs: pairs.length,
          bytes: bytes.length,
        });
      },
    ),
    { numRuns: 60 },
  );
});

test('a value larger than a frame has one to itself', () => {
  const frames = [...snapshotFrames(viewOf(numbered(3, 200_000)), origin)];
  expect(frames).toHaveLength(5);
  expect(reasonOf(frames)).toBe('whole');
});

test('any flipped bit is refused', () => {
  const bytes = concatBytes([...snapshotFrames(viewOf(numbered(30, 9)), origin)]);
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    bytes[bit >>> 3] = (bytes[bit >>> 3] as number) ^ (1 << (bit & 7));
    expect(reasonOf([bytes])).not.toBe('whole');
    bytes[bit >>> 3] = (bytes[bit >>> 3] as number) ^ (1 << (bit & 7));
  }
  expect(reasonOf([bytes])).toBe('whole');
});

test('cut at any byte it is truncated, and one byte more is one too many', () => {
  const bytes = concatBytes([...snapshotFrames(viewOf(numbered(30, 9)), origin)]);
  for (let length = 0; length < bytes.length; length++)
    expect(reasonOf([bytes.subarray(0, length)])).toBe('truncated');
  expect(reasonOf([bytes, new Uint8Array(1)])).toBe('trailingBytes');
});

test('frames that are lost, repeated, exchanged or from another snapshot are refused', () => {
  const frames = [...snapshotFrames(viewOf(numbered(20, 20_000)), origin)];
  const other = [...snapshotFrames(viewOf(numbered(20, 20_000)), { ...origin, featureLevel: 3 })];
  expect(frames.length).toBeGreaterThan(5);
  const without = frames.toSpliced(2, 1);
  const repeated = frames.toSpliced(2, 0, frames[2] as Uint8Array);
  const exchanged = frames.toSpliced(2, 2, frames[3] as Uint8Array, frames[2] as Uint8Array);
  for (const pieces of [without, repeated, exchanged]) expect(reasonOf(pieces)).toBe('outOfOrder');
  expect(reasonOf(frames.toSpliced(2, 1, other[2] as Uint8Array))).toBe('checksum');
  expect(reasonOf([utf8('SQLite format 3 and so on')])).toBe('notASnapshot');
  const later = concatBytes(frames);
  later[11] = 2;
  expect(reasonOf([later])).toBe('unknownVersion');
});

test('pairs that are not those of the view are refused although every frame is whole', () => {
  const view = viewOf(numbered(5, 5));
  const wrongDigest = { ...view, digest: viewOf(numbered(4, 5)).digest };
  expect(reasonOf(snapshotFrames(wrongDigest, origin))).toBe('digest');
  const unsorted = { ...view, entries: () => numbered(5, 5).reverse().values() };
  expect(reasonOf(snapshotFrames(unsorted, origin))).toBe('malformed');
});

test('garbage is refused without an exception', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 })), fc.boolean(), (pieces, plausible) => {
      const first = [...snapshotFrames(viewOf([]), origin)][0] as Uint8Array;
      expect(reasonOf(plausible ? [first, ...pieces] : pieces)).not.toBe('whole');
    }),
  );
});

class Receiving {
  readonly scheduler = new Scheduler();
  readonly disk = new SimulatedDisk({
    schedule: (delayMs, callback) => this.scheduler.schedule(delayMs, callback),
    random: Random.fromSeed('receiver'),
  });
  readonly receiver: SnapshotReceiver;

  constructor(expected: SnapshotOrigin = origin) {
    const options = { disk: this.disk, path: 'received', expected };
    this.receiver = this.finish((done) => SnapshotReceiver.open(options, (_error, value) => done(value)));
  }

  finish<T>(start: (done: (value: T | undefined) => void) => void): T {
    let outcome: T | undefined;
    start((value) => {
      outcome = value;
    });
    expect(outcome).toBeUndefined();
    while (this.scheduler.runNext(Number.MAX_SAFE_INTEGER));
    expect(outcome).toBeDefined();
    return outcome as T;
  }

  write(piece: Uint8Array): ReceiveOutcome {
    return this.finish((done) => this.receiver.write(piece, done));
  }
}

test('a receiver takes a stream that is cut again and again, and what it has survives a power cut', () => {
  const whole = concatBytes([...snapshotFrames(viewOf(numbered(40, 20_000)), origin)]);
  const receiving = new Receiving();
  const random = Random.fromSeed('cuts');
  let outcome: ReceiveOutcome = { type: 'more' };
  let cuts = 0;
  let cutFrames = 0;
  while (outcome.type === 'more') {
    const bytes = whole.subarray(receiving.receiver.bytes);
    const reach = Math.min(bytes.length, random.between(1, 300_000));
    for (let at = 0; at < reach && outcome.type === 'more'; at += 50_000)
      outcome = receiving.write(bytes.subarray(at, Math.min(reach, at + 50_000)));
    if (outcome.type !== 'more') break;
    cuts++;
    const written = receiving.receiver.bytes;
    const held = receiving.finish<number>((done) =>
      receiving.receiver.resume((_error, value) => done(value)),
    );
    expect(held).toBe(receiving.receiver.bytes);
    expect(held).toBeLessThanOrEqual(written);
    cutFrames += held < written ? 1 : 0;
  }
  expect(cuts).toBeGreaterThan(1);
  expect(cutFrames).toBeGreaterThan(0);
  expect(outcome).toMatchObject({ type: 'complete', snapshot: { path: 'received', base }, header: origin });
  receiving.disk.powerCut();
  const summary = receiving.finish<SnapshotSummary>((done) =>
    verifySnapshotFile(receiving.disk, 'received', (_error, value) => done(value)),
  );
  expect(summary.pairs).toBe(40);
});

test('a receiver refuses what is damaged or not what it expects, and removes what it wrote', () => {
  const frames = [...snapshotFrames(viewOf(numbered(40, 20_000)), origin)];
  const damaged = (frames[1] as Uint8Array).slice();
  damaged[100] = (damaged[100] as number) ^ 1;
  const receiving = new Receiving();
  expect(receiving.write(frames[0] as Uint8Array)).toEqual({ type: 'more' });
  expect(receiving.write(damaged)).toMatchObject({ type: 'refused', fault: { reason: 'checksum' } });
  receiving.finish((done) => receiving.receiver.discard(() => done(true)));
  const names = receiving.finish<string[]>((done) =>
    receiving.disk.list('.', (_error, value) => done(value)),
  );
  expect(names).toEqual([]);

  const foreign: SnapshotOrigin[] = [
    { ...origin, clusterId: 2n },
    { ...origin, protocol: 'zab' },
    { ...origin, machine: 'counter' },
    { ...origin, featureLevel: 1 },
    { ...origin, snapshotId: new Uint8Array(16) },
  ];
  for (const expected of foreign) {
    const refused = new Receiving(expected).write(frames[0] as Uint8Array);
    expect(refused).toMatchObject({ type: 'refused', fault: { reason: 'foreign' } });
  }
});

test('a receiver says when its disk is full', () => {
  const frames = [...snapshotFrames(viewOf(numbered(40, 20_000)), origin)];
  const receiving = new Receiving();
  receiving.disk.setCapacity(100_000);
  const outcomes = [0, 1, 2].map((at) => receiving.write(frames[at] as Uint8Array));
  expect(outcomes.at(-1)).toMatchObject({ type: 'failed', error: { kind: 'full' } });
});
