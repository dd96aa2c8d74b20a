import { expect, test } from 'vitest';
import { SendBudget } from './send-budget.ts';

const long = 60_000;

test('who waits is called once there is room, once, and not when he is gone', () => {
  const budget = new SendBudget(100, long);
  const called: string[] = [];
  const [slow, a, b] = [budget.share(() => {}), budget.share(() => {}), budget.share(() => {})];
  slow.hold(80);
  expect(budget.exhausted).toBe(false);
  slow.hold(80);
  expect(budget.exhausted).toBe(true);
  a.whenRoom(() => called.push('a'));
  b.whenRoom(() => called.push('b'));
  b.close();
  a.release();
  expect(called).toEqual([]);
  slow.release();
  expect(budget.exhausted).toBe(false);
  slow.release();
  expect(called).toEqual(['a']);
});

test('those who have read nothing for a while have to go, the oldest first, and no more than needed', async () => {
  const budget = new SendBudget(100, 20);
  const evicted: string[] = [];
  const share = (name: string) => {
    const own = budget.share(() => {
      evicted.push(name);
      own.close();
    });
    return own;
  };
  share('idle');
  share('oldest').hold(60);
  share('second').hold(30);
  share('third').hold(40);
  await expect.poll(() => evicted).toEqual(['oldest']);
  expect(budget.exhausted).toBe(false);
});
