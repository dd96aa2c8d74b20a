import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AuthState } from '../../machine/index.ts';
import { maxRememberedTokens } from '../limits.ts';
import { type JwtKeys, jwtKeys, signMethods } from './jwt-keys.ts';
import { JwtTokens } from './jwt-tokens.ts';
import { SimpleTokens } from './simple-tokens.ts';

const ttlMs = 60_000;
let time: number;
const now = (): number => time;

beforeEach(() => {
  time = 1_000_000_000;
});

const rules = (but: Partial<AuthState> = {}): AuthState => ({
  enabled: true,
  revision: 7n,
  secret: Buffer.from('the secret of the cluster'),
  users: 1,
  roles: 1,
  ...but,
});
const ofAlice = { type: 'claims', claims: { user: 'alice', revision: 7n } };
const invalid = { type: 'invalid' };
const call = {};

describe('simple tokens', () => {
  const issuer = (): SimpleTokens => new SimpleTokens({ ttlMs, now });

  test('one replica takes what another has issued', async () => {
    const token = await issuer().issue('alice', rules());
    expect(issuer().verify(token, rules({ revision: 9n }))).toMatchObject(ofAlice);
  });

  test('no two are the same', async () => {
    const tokens = issuer();
    expect(await tokens.issue('alice', rules())).not.toBe(await tokens.issue('alice', rules()));
  });

  test('not one bit of it can be another', async () => {
    const token = await issuer().issue('alice', rules());
    for (let at = 0; at < token.length; at++) {
      for (const other of ['A', 'Q', '.', '']) {
        const forged = token.slice(0, at) + other + token.slice(at + 1);
        if (forged === token) continue;
        // One that claims to be of newer rules waits until those are here, and fails then.
        const verified = issuer().verify(forged, rules({ revision: 2n ** 50n }));
        expect(['invalid', 'ahead']).toContain(verified.type);
      }
    }
  });

  test('there is one spelling of it: what base64 passes over makes it another one, which is none', async () => {
    const tokens = issuer();
    const token = await tokens.issue('alice', rules());
    for (const other of [`!${token}`, token.replace('.', '=.'), `${token}=`, `${token}\n`])
      expect(tokens.verify(other, rules())).toEqual(invalid);
    expect(tokens.verify(token, rules())).toMatchObject(ofAlice);
  });

  test.each(['', '.', 'a.b.c', 'x', 'AQ.AQ', 'ß.ß', '\0'])('%j is none', (token) => {
    expect(issuer().verify(token, rules())).toEqual(invalid);
  });

  test('a token of another secret, or of newer rules', async () => {
    const tokens = issuer();
    const token = await tokens.issue('alice', rules());
    expect(tokens.verify(token, rules())).toMatchObject(ofAlice);
    expect(tokens.verify(token, rules({ secret: randomBytes(32) }))).toEqual(invalid);
    expect(tokens.verify(token, rules({ revision: 6n }))).toEqual({ type: 'ahead' });
  });

  test('of the tokens that were seen those that were not used for longest are forgotten', async () => {
    const tokens = issuer();
    const first = await tokens.issue('alice', rules());
    const second = await tokens.issue('alice', rules());
    tokens.verify(first, rules());
    tokens.verify(second, rules());
    time += ttlMs - 1;
    tokens.verify(first, rules());
    for (let i = 2; i < maxRememberedTokens + 1; i++)
      tokens.verify(await tokens.issue('x', rules()), rules());
    time += 2;
    expect(tokens.verify(first, rules())).toMatchObject(ofAlice);
    expect(tokens.verify(second, rules())).toEqual(invalid);
  });
});

const pem = { type: 'pkcs8', format: 'pem' } as const;
const publicPem = { type: 'spki', format: 'pem' } as const;

function keyFiles(method: string): { privateKey: Uint8Array; publicKey: Uint8Array | undefined } {
  if (method.startsWith('HS')) return { privateKey: randomBytes(64), publicKey: undefined };
  const curve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[method];
  const pair =
    curve !== undefined
      ? generateKeyPairSync('ec', { namedCurve: curve })
      : method === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    privateKey: Buffer.from(pair.privateKey.export(pem)),
    publicKey: Buffer.from(pair.publicKey.export(publicPem)),
  };
}

function keysOf(method: string, files: Parameters<typeof jwtKeys>[1]): JwtKeys {
  const keys = jwtKeys(method, files);
  if (typeof keys === 'string') throw new Error(keys);
  return keys;
}

describe('JSON Web Tokens', () => {
  test.each(signMethods)('%s: what one replica signs another takes', async (method) => {
    const files = keyFiles(method);
    const signer = new JwtTokens({ ...keysOf(method, files), ttlMs, now });
    const token = (await signer.issue('alice', rules())) ?? '';
    expect(decodeProtectedHeader(token).alg).toBe(method);
    expect(decodeJwt(token)).toEqual({ username: 'alice', revision: 7, exp: (time + ttlMs) / 1000 });
    expect(
      await new JwtTokens({ ...keysOf(method, files), ttlMs, now }).verify(token, rules(), call),
    ).toMatchObject(ofAlice);
    if (files.publicKey === undefined) return;
    const reader = new JwtTokens({
      ...keysOf(method, { privateKey: undefined, publicKey: files.publicKey }),
      ttlMs,
      now,
    });
    expect(await reader.verify(token, rules(), call)).toMatchObject(ofAlice);
    expect(reader.verify(token, rules(), call)).toMatchObject(ofAlice);
    expect(await reader.issue('alice', rules())).toBeUndefined();
  });

  test('expire, also when they were seen before', async () => {
    const tokens = new JwtTokens({ ...keysOf('EdDSA', keyFiles('EdDSA')), ttlMs, now });
    const token = (await tokens.issue('alice', rules())) ?? '';
    expect(await tokens.verify(token, rules(), call)).toMatchObject(ofAlice);
    time += ttlMs;
    expect(await tokens.verify(token, rules(), call)).toEqual(invalid);
    expect(await tokens.verify(token, rules(), call)).toEqual(invalid);
  });

  test('a call that is there still keeps what was found, whatever others show meanwhile', async () => {
    const files = { privateKey: randomBytes(64), publicKey: undefined };
    const tokens = new JwtTokens({ ...keysOf('HS256', files), ttlMs, now });
    const issue = async (user: string): Promise<string> => (await tokens.issue(user, rules())) ?? '';
    const [first, second] = [await issue('alice'), await issue('bob')];
    await tokens.verify(first, rules(), call);
    await tokens.verify(second, rules(), {});
    for (let i = 0; i < maxRememberedTokens; i++) await tokens.verify(await issue(`user ${i}`), rules(), {});
    expect(tokens.verify(first, rules(), call)).toMatchObject(ofAlice);
    expect(tokens.verify(second, rules(), call)).toBeInstanceOf(Promise);
    time += ttlMs;
    expect(tokens.verify(first, rules(), call)).toEqual(invalid);
  });

  test('with another key, another method, none, or other claims are not taken', async () => {
    const files = keyFiles('RS256');
    const keys = keysOf('RS256', files);
    const tokens = new JwtTokens({ ...keys, ttlMs, now });
    const exp = time / 1000 + 60;
    const signed = (claims: Record<string, unknown>, alg: string, key = keys.signingKey): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ alg }).sign(key ?? Buffer.alloc(32));
    const claims = { username: 'alice', revision: 7, exp };
    expect(await tokens.verify(await signed(claims, 'RS256'), rules(), call)).toMatchObject(ofAlice);
    const other = keysOf('RS256', keyFiles('RS256')).signingKey;
    const secret = keysOf('HS256', { privateKey: files.publicKey, publicKey: undefined }).signingKey;
    const unsigned = [{ alg: 'none' }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    );
    for (const token of [
      await signed(claims, 'RS256', other),
      await signed(claims, 'PS256'),
      await signed(claims, 'HS256', secret),
      await signed({ ...claims, username: 7 }, 'RS256'),
      await signed({ ...claims, revision: '7' }, 'RS256'),
      await signed({ ...claims, revision: -1 }, 'RS256'),
      await signed({ ...claims, revision: 1.5 }, 'RS256'),
      await signed({ ...claims, exp: undefined }, 'RS256'),
      await signed({ ...claims, exp: time / 1000 - 1 }, 'RS256'),
      await signed({ ...claims, nbf: exp }, 'RS256'),
      `${unsigned.join('.')}.`,
      'nonsense',
    ])
      expect(await tokens.verify(token, rules(), call)).toEqual(invalid);
  });
});

describe('keys', () => {
  const rsa = keyFiles('RS256');
  const ec = keyFiles('ES256');
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });

  test.each([
    ['no such method', 'XS256', rsa, 'there is no sign-method "XS256"'],
    ['a property of all objects', 'constructor', rsa, 'there is no sign-method'],
    ['no key', 'RS256', { privateKey: undefined, publicKey: undefined }, 'needs priv-key'],
    ['no secret', 'HS256', { privateKey: undefined, publicKey: rsa.publicKey }, 'needs priv-key'],
    ['a short secret', 'HS256', { privateKey: Buffer.alloc(31), publicKey: undefined }, '32 bytes or more'],
    ['another kind', 'RS256', ec, 'one for ec'],
    ['another curve', 'ES384', ec, 'secp384r1'],
    ['not PEM', 'RS256', { privateKey: Buffer.from('x'), publicKey: undefined }, 'must be PEM'],
    ['two pairs', 'RS256', { ...rsa, publicKey: keyFiles('RS256').publicKey }, 'do not belong together'],
    [
      'a weak one',
      'RS256',
      { privateKey: Buffer.from(weak.privateKey.export(pem)), publicKey: undefined },
      '2048 bits or more',
    ],
  ] as const)('%s', (_name, method, files, expected) => {
    expect(jwtKeys(method, files)).toContain(expected);
  });
});
