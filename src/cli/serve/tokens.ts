import { readFileSync } from 'node:fs';
import { type JwtKeys, jwtKeys } from '../../api/auth/jwt-keys.ts';
import { JwtTokens } from '../../api/auth/jwt-tokens.ts';
import { SimpleTokens } from '../../api/auth/simple-tokens.ts';
import { defaultTokenTtlMs, type Tokens } from '../../api/auth/tokens.ts';
import { fileProblem } from '../config/file-problem.ts';
import { parseDuration } from '../config/values.ts';
import { type CommandFailure, usageFailure } from '../exit-codes.ts';

/** How tokens are made, checked as far as can be done before anything starts. */
export type TokenOptions =
  | { readonly type: 'simple'; readonly ttlMs: number }
  | { readonly type: 'jwt'; readonly ttlMs: number; readonly keys: JwtKeys };

const optionsOf: Readonly<Record<TokenOptions['type'], readonly string[]>> = {
  simple: ['ttl'],
  jwt: ['sign-method', 'priv-key', 'pub-key', 'ttl'],
};

/** `--auth-token` as etcd takes it: `simple`, or `jwt,sign-method=RS256,priv-key=FILE,pub-key=FILE,ttl=5m`. */
export function tokenOptions(text: string): TokenOptions {
  const [type = '', ...pairs] = text.split(',');
  if (type !== 'simple' && type !== 'jwt') throw failure(`there is no "${type}"; there is simple and jwt`);
  const given = namedOptions(type, pairs);
  const ttl = given.get('ttl');
  const parsed = ttl === undefined ? undefined : parseDuration(ttl);
  if (parsed?.type === 'problem') throw failure(`ttl: ${parsed.problem}`);
  const ttlMs = parsed?.value ?? defaultTokenTtlMs;
  if (type === 'simple') return { type, ttlMs };
  const keys = jwtKeys(given.get('sign-method') ?? '', {
    privateKey: fileOf('priv-key', given),
    publicKey: fileOf('pub-key', given),
  });
  if (typeof keys === 'string') throw failure(keys);
  return { type, ttlMs, keys };
}

export function tokensOf(options: TokenOptions): Tokens {
  const { ttlMs } = options;
  return options.type === 'simple'
    ? new SimpleTokens({ ttlMs, now: Date.now })
    : new JwtTokens({ ...options.keys, ttlMs, now: Date.now });
}

function namedOptions(type: TokenOptions['type'], pairs: readonly string[]): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const pair of pairs) {
    const [name = '', ...rest] = pair.split('=');
    if (!optionsOf[type].includes(name)) {
      throw failure(`"${name}" is no option of ${type} tokens; there is ${optionsOf[type].join(', ')}`);
    }
    given.set(name, rest.join('='));
  }
  return given;
}

function fileOf(name: string, given: ReadonlyMap<string, string>): Uint8Array | undefined {
  const path = given.get(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (error) {
    throw failure(`${name}: ${path} cannot be read: ${fileProblem(error)}`);
  }
}

const failure = (problem: string): CommandFailure => usageFailure(`--auth-token: ${problem}.`);
