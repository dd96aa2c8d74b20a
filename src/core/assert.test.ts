import { expect, test } from 'vitest';
import { assert } from './assert.ts';

test('an assertion states what must hold, and its error that it does not', () => {
  assert(1 < 2, 'one is less than two');
  expect(() => assert(2 < 1, 'two is less than one')).toThrow(/^assertion failed: two is less than one$/);
});
