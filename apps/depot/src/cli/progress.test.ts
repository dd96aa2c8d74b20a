import { expect, it } from 'vitest';
import { Progress } from './progress.ts';

function watched(isTTY: boolean): {
  progress: Progress;
  written: () => string;
  wait: (seconds: number) => void;
} {
  let [written, nowMs] = ['', 0];
  const stderr = { isTTY, write: (chunk: string) => (written += chunk) };
  const progress = new Progress(stderr, () => nowMs);
  const wait = (seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      nowMs += 1000;
      progress.tick();
    }
  };
  return { progress, written: () => written, wait };
}

it('says for how long a solve has been going on, more and more rarely where lines stay', () => {
  const { progress, written, wait } = watched(false);
  progress.show('planning', 0);
  wait(45);
  progress.show('planning', 0.3);
  wait(5);
  progress.end();
  expect(written().split('\n')).toEqual([
    'planning 0 %',
    'planning 0 %, 10 s so far',
    'planning 0 %, 20 s so far',
    'planning 0 %, 40 s so far',
    'planning 30 %',
    '',
  ]);
});

it('counts the seconds on a terminal, and takes its line away', () => {
  const { progress, written, wait } = watched(true);
  progress.show('planning', 0.3);
  wait(2);
  progress.end();
  expect(written().split('\r\u001b[K')).toEqual([
    '',
    'planning 30 %',
    'planning 30 %, 1 s so far',
    'planning 30 %, 2 s so far',
    '',
  ]);
});
