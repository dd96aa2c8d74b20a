import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandFailure } from '../exit-codes.ts';
import { tokenOptions } from './tokens.ts';

let directory: string;
let key: string;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'quorate-tokens-'));
  key = path.join(directory, 'key.pem');
  const { privateKey } = generateKeyPairSync('ed25519');
  writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }));
});

afterAll(() => rmSync(directory, { recursive: true }));

function failureOf(text: string): CommandFailure {
  try {
    tokenOptions(text);
  } catch (error) {
    if (error instanceof CommandFailure) return error;
    throw error;
  }
  throw new Error('expected a failure');
}

test('simple, for five minutes or as long as is said', () => {
  expect(tokenOptions('simple')).toEqual({ type: 'simple', ttlMs: 300_000 });
  expect(tokenOptions('simple,ttl=10s')).toEqual({ type: 'simple', ttlMs: 10_000 });
});

test('jwt, with the options of etcd', () => {
  const options = tokenOptions(`jwt,priv-key=${key},sign-method=EdDSA,ttl=10m`);
  expect(options).toMatchObject({ type: 'jwt', ttlMs: 600_000, keys: { signMethod: 'EdDSA' } });
});

test.each([
  ['', 'there is no ""'],
  ['bearer', 'there is simple and jwt'],
  ['simple,sign-method=RS256', '"sign-method" is no option of simple tokens'],
  ['simple,ttl=soon', 'ttl: "soon" is not a duration'],
  ['jwt', 'there is no sign-method ""'],
  ['jwt,sign-method=RS256', 'RS256 needs priv-key'],
  ['jwt,sign-method=RS256,priv-key=/nowhere/key.pem', '/nowhere/key.pem cannot be read: it does not exist'],
])('%s', (text, expected) => {
  const failure = failureOf(text);
  expect(failure.message).toContain(expected);
  expect(failure.exitCode).toBe(2);
});

test('a key of another kind', () => {
  expect(failureOf(`jwt,sign-method=RS256,priv-key=${key}`).message).toContain('one for ed25519');
});
