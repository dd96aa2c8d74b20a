import { expect, test } from 'vitest';
import { maxPasswordHashBytes } from '../../core/limits.ts';
import { maxWaitingPasswords } from '../limits.ts';
import { Passwords, tooManyPasswords } from './passwords.ts';

const passwords = new Passwords();

async function kept(password: string): Promise<Uint8Array> {
  const bytes = await passwords.hash(password);
  if (bytes === tooManyPasswords) throw new Error('too many');
  return bytes;
}

test('what is kept is no password, is never the same, and fits', async () => {
  const [one, two] = [await kept('secret'), await kept('secret')];
  expect(Buffer.from(one).includes('secret')).toBe(false);
  expect(one).not.toEqual(two);
  expect(one.length).toBeLessThanOrEqual(maxPasswordHashBytes);
  expect(await passwords.matches('secret', one)).toBe(true);
  expect(await passwords.matches('secret', two)).toBe(true);
  expect(await passwords.matches('Secret', one)).toBe(false);
});

test('the same text in another form of Unicode is the same password', async () => {
  expect(await passwords.matches('e\u0301', await kept('\u00e9'))).toBe(true);
});

test('nothing matches nothing', async () => {
  const bytes = await kept('');
  for (const other of [
    undefined,
    new Uint8Array(0),
    bytes.subarray(1),
    Uint8Array.of(9, ...bytes.subarray(1)),
  ])
    expect(await passwords.matches('', other)).toBe(false);
  expect(await passwords.matches('', bytes)).toBe(true);
});

test('those that would have to wait too long are refused, and later there is room again', async () => {
  const own = new Passwords();
  const asked = Array.from({ length: maxWaitingPasswords }, () => own.matches('x', undefined));
  expect(await own.hash('x')).toBe(tooManyPasswords);
  expect(await own.matches('x', undefined)).toBe(tooManyPasswords);
  expect(new Set(await Promise.all(asked))).toEqual(new Set([false]));
  expect(await own.matches('x', undefined)).toBe(false);
});
