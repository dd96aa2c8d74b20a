import { describe, expect, test } from 'vitest';
import { shortened, table } from './output.ts';

describe('tables', () => {
  test('line up by what a terminal shows, not by characters', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['日本', '1'],
          ['e\u0301', '2'],
          ['abcd', '3'],
        ],
      ),
    ).toBe('A     B\n日本  1\ne\u0301     2\nabcd  3\n');
  });
});

describe('a long text', () => {
  test.each([
    ['abcde', 5, 'abcde'],
    ['abcdef', 5, 'abcd…'],
    ['日本語', 5, '日本…'],
    ['日本', 4, '日本'],
    ['', 5, ''],
  ])('%s in %d columns', (text, width, expected) => {
    expect(shortened(text, width)).toBe(expected);
  });
});
