import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { equalBytes } from '../../core/bytes.ts';
import { decode, Malformed, Writer } from '../../core/codec.ts';
import type { AuthState } from '../../machine/key-space/index.ts';
import { maxRememberedTokens } from '../limits.ts';
import { type Claims, invalidToken, type Tokens, tokenAhead, type Verified } from './tokens.ts';

export interface SimpleTokenOptions {
  readonly ttlMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Payload extends Claims {
  /** Milliseconds since 1970. */
  readonly expires: number;
}

interface Remembered {
  readonly verified: Verified;
  validUntil: number;
}

/** Told apart at once from tokens of later forms. */
const version = 1;
const nonceBytes = 9;

/**
 * Opaque tokens, sealed with the secret of the cluster, which every replica has: so each of them takes what any other has
 * issued. A token lives for its time to live after it was issued, and at a replica that it is shown to also after each
 * use, as in etcd. The secret goes when users are no longer asked for, and all tokens with it.
 */
export class SimpleTokens implements Tokens {
  readonly bound = false;
  readonly #options: SimpleTokenOptions;
  /** Seals that were checked, those used last at the end. */
  readonly #remembered = new Map<string, Remembered>();
  #secret: Uint8Array = new Uint8Array(0);

  constructor(options: SimpleTokenOptions) {
    this.#options = options;
  }

  async issue(user: string, state: AuthState): Promise<string> {
    const payload = new Writer(128)
      .u8(version)
      .uint(Number(state.revision))
      .uint(this.#options.now() + this.#options.ttlMs)
      .raw(randomBytes(nonceBytes))
      .string(user)
      .finish();
    return `${text(payload)}.${text(seal(payload, state.secret))}`;
  }

  verify(token: string, state: AuthState): Verified {
    if (!equalBytes(this.#secret, state.secret)) this.#forget(state.secret);
    const now = this.#options.now();
    const remembered = this.#remembered.get(token);
    if (remembered === undefined) return this.#read(token, state, now);
    this.#remembered.delete(token);
    if (remembered.validUntil <= now) return invalidToken;
    remembered.validUntil = Math.max(remembered.validUntil, now + this.#options.ttlMs);
    this.#remembered.set(token, remembered);
    return remembered.verified;
  }

  #read(token: string, state: AuthState, now: number): Verified {
    const [body = '', mac = '', ...rest] = token.split('.');
    const payload = Buffer.from(body, 'base64url');
    const claims = decodePayload(payload);
    if (claims === undefined || rest.length > 0) return invalidToken;
    const found = Buffer.from(mac, 'base64url');
    // What base64 passes over would make endless spellings of one token, each to be remembered.
    if (text(payload) !== body || text(found) !== mac) return invalidToken;
    // Its secret may not have got here yet either.
    if (claims.revision > state.revision) return tokenAhead;
    const expected = seal(payload, state.secret);
    if (found.length !== expected.length || !timingSafeEqual(found, expected)) return invalidToken;
    if (claims.expires <= now) return invalidToken;
    const verified: Verified = { type: 'claims', claims };
    this.#remember(token, { verified, validUntil: Math.max(claims.expires, now + this.#options.ttlMs) });
    return verified;
  }

  #remember(token: string, remembered: Remembered): void {
    if (this.#remembered.size >= maxRememberedTokens) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest);
        break;
      }
    }
    this.#remembered.set(token, remembered);
  }

  #forget(secret: Uint8Array): void {
    this.#remembered.clear();
    this.#secret = secret;
  }
}

function decodePayload(bytes: Uint8Array): Payload | undefined {
  const payload = decode(bytes, (reader) => {
    if (reader.u8() !== version) throw new Malformed('not a token of this version');
    const revision = BigInt(reader.uint());
    const expires = reader.uint();
    reader.raw(nonceBytes);
    return { revision, expires, user: reader.string() };
  });
  return payload instanceof Malformed ? undefined : payload;
}

const seal = (payload: Uint8Array, secret: Uint8Array): Buffer =>
  createHmac('sha256', secret).update(payload).digest();

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
