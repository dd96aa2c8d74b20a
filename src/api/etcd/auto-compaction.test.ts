import { expect, test } from 'vitest';
import { SingleReplica } from '../../../test/support/single-replica.ts';
import { utf8 } from '../../core/bytes.ts';
import type { Clock } from '../../core/clock.ts';
import { type Millis, millis } from '../../core/ids.ts';
import { compactedRevision, encodeCommand, machineView, putOf } from '../../machine/index.ts';
import { AutoCompaction, type Retention } from './auto-compaction.ts';

const minute = 60_000;

/** A clock that goes by hand, one timer after the other. */
class HandClock implements Clock {
  #now = 0;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): Millis {
    return millis(this.#now);
  }

  setTimer(at: Millis, callback: () => void): { cancel(): void } {
    const timer = { at, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  defer(): void {}

  get waiting(): number {
    return this.#timers.length;
  }

  async pass(ms: number): Promise<void> {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((other) => other !== due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
      await new Promise(setImmediate);
    }
    this.#now = until;
  }
}

function start(retention: Retention) {
  const clock = new HandClock();
  const replica = new SingleReplica();
  const compacted: bigint[] = [];
  const compaction = new AutoCompaction({
    replica,
    clock,
    retention,
    onCompacted: (revision) => compacted.push(revision),
  });
  const put = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) await replica.propose(encodeCommand(putOf(utf8('a'), utf8(String(i)))));
  };
  const reached = (): bigint => compactedRevision(machineView(replica.store));
  return { clock, replica, compacted, compaction, put, reached };
}

test('by revisions: so many are kept', async () => {
  const { clock, compacted, put, reached } = start({ type: 'revision', revisions: 10n });
  await put(5);
  await clock.pass(5 * minute);
  expect(compacted).toEqual([]);
  await put(20);
  await clock.pass(5 * minute);
  expect(compacted).toEqual([16n]);
  expect(reached()).toBe(16n);
  await clock.pass(30 * minute);
  expect(compacted).toEqual([16n]);
});

test('by time: what was the present so long ago is the oldest that can be read', async () => {
  const { clock, compacted, put } = start({ type: 'periodic', ms: 60 * minute });
  await put(1);
  await clock.pass(59 * minute);
  await put(10);
  await clock.pass(5 * minute);
  expect(compacted).toEqual([]);
  await clock.pass(5 * minute);
  expect(compacted).toEqual([2n]);
  await clock.pass(49 * minute);
  expect(compacted).toEqual([2n]);
  await clock.pass(10 * minute);
  expect(compacted).toEqual([2n, 12n]);
});

test('the leader compacts alone, and a new one goes on from what it has seen', async () => {
  const { clock, replica, compacted, put } = start({ type: 'periodic', ms: 10 * minute });
  replica.troubles = { role: 'follower' };
  await put(3);
  await clock.pass(30 * minute);
  expect(compacted).toEqual([]);
  replica.troubles = {};
  await clock.pass(minute);
  expect(compacted).toEqual([4n]);
});

test('nothing is left when it is closed', () => {
  const { clock, compaction } = start({ type: 'periodic', ms: minute });
  expect(clock.waiting).toBe(1);
  compaction.close();
  expect(clock.waiting).toBe(0);
});
