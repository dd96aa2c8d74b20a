import { utf8, utf8Text } from '../../src/core/bytes.ts';
import type { Clock, Timer } from '../../src/core/clock.ts';
import { index, type Millis, millis, token } from '../../src/core/ids.ts';
import type { JournalRecord } from '../../src/protocol/index.ts';
import type { SimulatedDisk } from '../../src/simulator/disk.ts';
import { Scheduler } from '../../src/simulator/scheduler.ts';
import type { Disk, DiskError } from '../../src/storage/disk.ts';
import { type BatchObservation, Journal, type OpenedJournal } from '../../src/storage/journal.ts';
import type { JournalError } from '../../src/storage/journal-errors.ts';

export const directory = 'journal';
export const storageId: Uint8Array = new Uint8Array(16).fill(7);

export const plain = (text: string): JournalRecord => ({ index: undefined, bytes: utf8(text) });
export const at = (place: number, text: string): JournalRecord => ({
  index: index(place),
  bytes: utf8(text),
});
export const texts = (records: readonly Uint8Array[]): string[] => records.map(utf8Text);

export interface LifeOptions {
  readonly disk: Disk;
  readonly scheduler: Scheduler;
  readonly segmentBytes?: number;
  readonly storageId?: Uint8Array;
}

/** One process with a journal: from its start to its death. */
export class JournalLife {
  readonly scheduler: Scheduler;
  /** The last token that was called durable. */
  durable = 0;
  /** Every token that was, in order. */
  readonly tokens: number[] = [];
  readonly room: boolean[] = [];
  readonly batches: BatchObservation[] = [];
  failure: DiskError | undefined;
  refused: JournalError | undefined;
  opened: OpenedJournal | undefined;
  onDurable: (upTo: number) => void = () => undefined;
  readonly #alive = { now: true };

  constructor(options: LifeOptions) {
    this.scheduler = options.scheduler;
    Journal.open(
      {
        disk: options.disk,
        clock: processClock(options.scheduler, this.#alive),
        directory,
        storageId: options.storageId ?? storageId,
        segmentBytes: options.segmentBytes ?? 4096,
        onDurable: (upTo) => {
          this.durable = upTo;
          this.tokens.push(upTo);
          this.onDurable(upTo);
        },
        onRoom: (shortage) => this.room.push(shortage !== undefined),
        onFailure: (error) => {
          if (this.failure !== undefined) throw new Error('a failure is reported once');
          this.failure = error;
        },
        observe: (batch) => this.batches.push(batch),
      },
      (error, opened) => {
        this.refused = error;
        this.opened = opened;
      },
    );
  }

  get journal(): Journal {
    return this.#open().journal;
  }

  get records(): string[] {
    return texts(this.#open().records);
  }

  append(number: number, ...records: JournalRecord[]): void {
    this.journal.append(token(number), records);
  }

  compact(below: number, ...head: JournalRecord[]): void {
    this.journal.compact(index(below), head);
  }

  /** No callback and no timer of this process runs any more. */
  end(disk: SimulatedDisk, how: 'kill' | 'powerCut'): void {
    this.#alive.now = false;
    if (how === 'kill') disk.kill();
    else disk.powerCut();
  }

  #open(): OpenedJournal {
    if (this.opened === undefined) throw this.refused ?? new Error('the journal is not open yet');
    return this.opened;
  }
}

/** Starts a process and waits until its journal is open or refused. */
export function live(options: LifeOptions): JournalLife {
  const life = new JournalLife(options);
  while (life.opened === undefined && life.refused === undefined) {
    if (!options.scheduler.runNext(Number.MAX_SAFE_INTEGER)) throw new Error('opening never ends');
  }
  return life;
}

/** Runs everything that happens within the next milliseconds. */
export function pass(scheduler: Scheduler, milliseconds: number): void {
  scheduler.runUntil(scheduler.now + milliseconds * 1000);
}

export { Scheduler };

function processClock(scheduler: Scheduler, alive: { now: boolean }): Clock {
  const guard = (callback: () => void) => (): void => {
    if (alive.now) callback();
  };
  return {
    now: (): Millis => millis(Math.floor(scheduler.now / 1000)),
    setTimer: (when, callback): Timer =>
      scheduler.scheduleAt(Math.max(when * 1000, scheduler.now), guard(callback)),
    defer: (callback) => {
      scheduler.schedule(0, guard(callback));
    },
  };
}
