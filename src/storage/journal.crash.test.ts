import { describe, expect, test } from 'vitest';
import { at, type JournalLife, live, plain, Scheduler } from '../../test/support/journal-life.ts';
import { Random } from '../core/random.ts';
import type { JournalRecord } from '../protocol/index.ts';
import { SimulatedDisk } from '../simulator/disk.ts';
import { type Disk, DiskError } from './disk.ts';
import { type DiskMutant, diskMutants } from './mutants.ts';

/** What was asked of the journal, in order, and still has to be there or may be. */
interface Asked {
  readonly number: number;
  readonly texts: readonly string[];
  /** The highest index of its records; 0 when it has none with an index. */
  readonly maxIndex: number;
  /** Of a compaction. */
  readonly below: number | undefined;
}

class WrongRecovery extends Error {}

/**
 * Appends and compacts at random, kills the process or cuts the power at a random boundary between two operations of the
 * disk, recovers, and compares what is there with what was promised. Throws `WrongRecovery` when a promise was broken.
 */
class CrashRun {
  readonly #random: Random;
  readonly #scheduler = new Scheduler();
  readonly #disk: SimulatedDisk;
  readonly #through: Disk;
  readonly #segmentBytes: number;
  #asked: Asked[] = [];
  /** The last number that must survive. */
  #promised = 0;
  #number = 0;
  #index = 0;
  compactions = 0;
  cuts = 0;

  constructor(seed: string, mutate: (disk: Disk) => Disk) {
    this.#random = Random.fromSeed(seed);
    this.#disk = new SimulatedDisk({
      schedule: (delay, run) => this.#scheduler.schedule(delay, run),
      random: this.#random.stream('disk'),
      speed: { minDelayMs: 0, maxDelayMs: this.#random.pick([0, 1, 10]) },
    });
    this.#through = mutate(this.#disk);
    this.#segmentBytes = this.#random.pick([4096, 6000, 16_384]);
  }

  run(lives: number): void {
    for (let count = 0; count < lives; count++) {
      const options = { disk: this.#through, scheduler: this.#scheduler, segmentBytes: this.#segmentBytes };
      const life = live(options);
      if (life.refused instanceof DiskError) {
        // A sync that was to fail hit the opening, or the disk is full before there is a first segment.
        life.end(this.#disk, 'kill');
        this.#disk.fill(false);
        continue;
      }
      if (life.refused !== undefined) throw new WrongRecovery(`refused: ${life.refused.message}`);
      if (life.opened?.cut !== undefined) this.cuts++;
      this.#compare(life.records);
      this.#work(life);
      life.end(this.#disk, this.#random.chance(2, 3) ? 'powerCut' : 'kill');
    }
  }

  #work(life: JournalLife): void {
    life.onDurable = (upTo) => {
      this.#promised = upTo;
    };
    for (let turns = this.#random.below(30); turns > 0 && life.failure === undefined; turns--) {
      for (let appends = this.#random.below(4); appends > 0; appends--) this.#append(life);
      if (this.#random.chance(1, 8)) this.#compact(life);
      if (this.#random.chance(1, 20)) this.#disk.failNextSync();
      if (this.#random.chance(1, 10)) this.#disk.fill(this.#random.chance(1, 2));
      // Whole operations of the disk, so that the end comes at any boundary between two of them.
      for (let events = this.#random.below(12); events > 0; events--) {
        this.#scheduler.runNext(this.#scheduler.now + 1_000_000);
      }
    }
  }

  #append(life: JournalLife): void {
    const number = ++this.#number;
    const records: JournalRecord[] = [];
    const texts: string[] = [];
    let maxIndex = 0;
    for (let count = this.#random.below(4); count > 0; count--) {
      const text = `${number}.${count}:${'r'.repeat(this.#random.below(this.#random.pick([10, 300, 1500])))}`;
      texts.push(text);
      if (this.#random.chance(1, 4)) {
        records.push(plain(text));
      } else {
        maxIndex = ++this.#index;
        records.push(at(maxIndex, text));
      }
    }
    this.#asked.push({ number, texts, maxIndex, below: undefined });
    life.append(number, ...records);
  }

  #compact(life: JournalLife): void {
    const below = this.#random.below(this.#index + 1);
    const text = `head ${++this.#number}`;
    this.#asked.push({ number: this.#number, texts: [text], maxIndex: 0, below });
    life.compact(below, plain(text));
  }

  #compare(recovered: readonly string[]): void {
    const heads = new Set(recovered.filter((text) => text.startsWith('head')));
    const found = new Set(recovered);
    const lastThere =
      this.#asked.findLast((asked) => asked.texts.some((text) => found.has(text)))?.number ?? 0;
    const reached = Math.max(lastThere, this.#promised);
    const expected: string[] = [];
    const kept: Asked[] = [];
    for (const asked of this.#asked.filter(({ number }) => number <= reached)) {
      if (asked.below !== undefined && !heads.has(asked.texts[0] as string)) continue;
      const wanted = asked.texts.some((text) => found.has(text)) || !this.#coveredByHead(asked, heads);
      if (!wanted) continue;
      expected.push(...asked.texts);
      kept.push(asked);
    }
    if (expected.join('\n') !== recovered.join('\n')) {
      throw new WrongRecovery(`expected ${brief(expected)}, found ${brief(recovered)}`);
    }
    this.compactions += heads.size;
    this.#asked = kept;
    // What recovery hands out is relied on from now on.
    this.#promised = reached;
  }

  /** Whether a compaction that is there allows these records to be gone. */
  #coveredByHead(asked: Asked, heads: ReadonlySet<string>): boolean {
    return this.#asked.some(
      ({ number, below, texts }) =>
        below !== undefined &&
        number > asked.number &&
        asked.maxIndex < below &&
        heads.has(texts[0] as string),
    );
  }
}

const brief = (texts: readonly string[]): string => texts.map((text) => text.slice(0, 12)).join(' ');

function breakOf(seed: string, mutate: (disk: Disk) => Disk, lives: number): string | undefined {
  try {
    new CrashRun(seed, mutate).run(lives);
    return undefined;
  } catch (error) {
    if (error instanceof WrongRecovery) return error.message;
    throw error;
  }
}

const sound = (disk: Disk): Disk => disk;

test('nothing acknowledged is ever lost, whenever the process or the power goes', () => {
  let [compactions, cuts] = [0, 0];
  for (let seed = 0; seed < 100; seed++) {
    const run = new CrashRun(`sound ${seed}`, sound);
    run.run(20);
    compactions += run.compactions;
    cuts += run.cuts;
  }
  expect(compactions).toBeGreaterThan(100);
  expect(cuts).toBeGreaterThan(100);
});

describe('each mistake is found', () => {
  const bound = 20;
  test.each(Object.keys(diskMutants) as DiskMutant[])('%s', (name) => {
    let finding: string | undefined;
    for (let seed = 0; seed < bound && finding === undefined; seed++) {
      finding = breakOf(`sound ${seed}`, diskMutants[name], 20);
    }
    expect(finding).toBeDefined();
  });
});
