import { expect, test } from 'vitest';
import { maxPasswordHashBytes } from '../../core/limits.ts';
import { Passwords } from './passwords.ts';

const passwords = new Passwords();
const work = { user: 'alice', call: { cancelled: false, remainingMs: () => undefined } };

async function kept(password: string): Promise<Uint8Array> {
  const bytes = await passwords.hash(password, work);
  if (typeof bytes === 'symbol') throw new Error('not hashed');
  return bytes;
}

test('what is kept is no password, is never the same, and fits', async () => {
  const [one, two] = [await kept('secret'), await kept('secret')];
  expect(Buffer.from(one).includes('secret')).toBe(false);
  expect(one).not.toEqual(two);
  expect(one.length).toBeLessThanOrEqual(maxPasswordHashBytes);
  expect(await passwords.matches('secret', one, work)).toBe(true);
  expect(await passwords.matches('secret', two, work)).toBe(true);
  expect(await passwords.matches('Secret', one, work)).toBe(false);
});

test('the same text in another form of Unicode is the same password', async () => {
  expect(await passwords.matches('e\u0301', await kept('\u00e9'), work)).toBe(true);
});

test('nothing matches nothing', async () => {
  const bytes = await kept('');
  for (const other of [
    undefined,
    new Uint8Array(0),
    bytes.subarray(1),
    Uint8Array.of(9, ...bytes.subarray(1)),
  ])
    expect(await passwords.matches('', other, work)).toBe(false);
  expect(await passwords.matches('', bytes, work)).toBe(true);
});
