import { expect, test } from 'vitest';
import { CommandFailure } from '../exit-codes.ts';
import { loadFailure } from './open-files.ts';

test.each([
  ['EMFILE', Number.POSITIVE_INFINITY],
  ['ENFILE', 65_536],
  ['ERR_MODULE_NOT_FOUND', 80],
])('%s with a limit of %s open files is a lack of file descriptors', (code, limit) => {
  const failure = loadFailure(Object.assign(new Error('not loaded'), { code }), limit);
  expect(failure).toBeInstanceOf(CommandFailure);
  expect(failure).toMatchObject({ exitCode: 1, message: expect.stringContaining('ulimit -n') });
});

test('what is missing for another reason stays what it is', () => {
  const missing = Object.assign(new Error('not there'), { code: 'ERR_MODULE_NOT_FOUND' });
  expect(loadFailure(missing, 1024)).toBe(missing);
  const other = new Error('of another kind');
  expect(loadFailure(other)).toBe(other);
});
