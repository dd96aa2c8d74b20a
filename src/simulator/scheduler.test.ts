import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { millis } from '../core/ids.ts';
import { Random } from '../core/random.ts';
import { Host } from './host.ts';
import { Scheduler } from './scheduler.ts';

describe('Scheduler', () => {
  it('runs events by time, then in the order of scheduling', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), fc.boolean()), { maxLength: 100 }), (events) => {
        const scheduler = new Scheduler();
        const ran: number[] = [];
        for (const [id, [delay, cancelled]] of events.entries()) {
          const event = scheduler.schedule(delay, () => ran.push(id));
          if (cancelled) event.cancel();
        }
        scheduler.runUntil(1_000_000);
        const expected = [...events.entries()]
          .filter(([, [, cancelled]]) => !cancelled)
          .sort(([a, [x]], [b, [y]]) => x - y || a - b);
        expect(ran).toEqual(expected.map(([id]) => id));
        expect(scheduler.executed).toBe(expected.length);
      }),
    );
  });

  it('stops at the limit, and time goes there', () => {
    const scheduler = new Scheduler();
    scheduler.schedule(5, () => expect.unreachable());
    expect(scheduler.runNext(4_999)).toBe(false);
    expect(scheduler.now).toBe(4_999);
  });
});

function hostOn(scheduler: Scheduler, maxDriftPpm = 0): Host {
  const random = Random.fromSeed('host');
  const host = new Host({ name: 'n1', scheduler, random, maxDriftPpm, minTurnMicros: 0, maxTurnMicros: 500 });
  host.start();
  return host;
}

describe('the clock of a host', () => {
  it('never fires early and never goes back, at any rate', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 50_000 }),
        fc.nat(100_000),
        fc.nat(10_000),
        (drift, start, wait) => {
          const scheduler = new Scheduler();
          scheduler.runUntil(start);
          const { clock } = hostOn(scheduler, drift);
          const due = millis(clock.now() + wait);
          let fired: number | undefined;
          clock.setTimer(due, () => {
            fired = clock.now();
          });
          scheduler.runUntil(start + 20_000_000);
          expect(fired).toBe(due);
        },
      ),
    );
  });

  it('runs what was deferred in order, after what is due now', () => {
    const scheduler = new Scheduler();
    const { clock } = hostOn(scheduler);
    const ran: string[] = [];
    clock.defer(() => {
      ran.push('first');
      clock.defer(() => ran.push('next turn'));
    });
    clock.defer(() => ran.push('second'));
    scheduler.schedule(0, () => ran.push('already due'));
    scheduler.runUntil(10_000);
    expect(ran.filter((name) => name !== 'already due')).toEqual(['first', 'second', 'next turn']);
  });
});

describe('a process', () => {
  it('gets what arrives while it is paused later, in order', () => {
    const scheduler = new Scheduler();
    const host = hostOn(scheduler);
    const ran: number[] = [];
    for (const id of [1, 2, 3])
      scheduler.schedule(
        id,
        host.guard(() => ran.push(id)),
      );
    scheduler.runUntil(1_000);
    host.pause();
    scheduler.runUntil(5_000);
    expect(ran).toEqual([1]);
    host.resume();
    scheduler.runUntil(6_000);
    expect(ran).toEqual([1, 2, 3]);
  });

  it('gets nothing that was meant for an earlier life', () => {
    const scheduler = new Scheduler();
    const host = hostOn(scheduler);
    scheduler.schedule(
      2,
      host.guard(() => expect.unreachable()),
    );
    host.pause();
    host.kill();
    host.start();
    scheduler.runUntil(5_000);
    expect(host.life).toBe(2);
  });
});
