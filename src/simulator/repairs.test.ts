import { describe, expect, it } from 'vitest';
import { Random } from '../core/random.ts';
import { Repairs } from './repairs.ts';
import { Scheduler } from './scheduler.ts';

function made(): { repairs: Repairs; scheduler: Scheduler } {
  const scheduler = new Scheduler();
  return {
    scheduler,
    repairs: new Repairs({ scheduler, random: Random.fromSeed('repairs'), maxFaultMs: 100 }),
  };
}

describe('the repair of overlapping faults', () => {
  it('leaves broken what another fault has broken since', () => {
    const { repairs, scheduler } = made();
    const repaired: number[] = [];
    for (let fault = 0; fault < 20; fault++) {
      repairs.laterUnlessStruckAgain('disk', () => repaired.push(fault));
    }
    repairs.laterUnlessStruckAgain('clock', () => repaired.push(100));
    scheduler.runUntil(1_000_000);
    expect(repaired.sort((a, b) => a - b)).toEqual([19, 100]);
  });

  it('undoes every fault that counts for itself', () => {
    const { repairs, scheduler } = made();
    let cuts = 5;
    for (let fault = 0; fault < 5; fault++) repairs.later(() => cuts--);
    scheduler.runUntil(1_000_000);
    expect(cuts).toBe(0);
  });

  it('is not done again when everything was repaired before', () => {
    const { repairs, scheduler } = made();
    let again = 0;
    repairs.later(() => again++);
    repairs.after(10, () => again++);
    repairs.stop();
    scheduler.runUntil(1_000_000);
    expect(again).toBe(0);
  });
});
