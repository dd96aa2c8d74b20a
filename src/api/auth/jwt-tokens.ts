import type { KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { AuthState } from '../../machine/key-space/index.ts';
import { maxRememberedTokens } from '../limits.ts';
import { type Claims, invalidToken, type Tokens, type Verified } from './tokens.ts';

export interface JwtOptions {
  /** Of RFC 7518 and RFC 8037: the only one that is taken, whatever a token says of itself. */
  readonly signMethod: string;
  /** Undefined: tokens are made elsewhere. */
  readonly signingKey: KeyObject | undefined;
  readonly verifyingKey: KeyObject;
  readonly ttlMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Remembered {
  readonly token: string;
  readonly verified: Verified;
  readonly expires: number;
}

/** JSON Web Tokens with the claims `username`, `revision` and `exp`, as etcd makes and takes them. */
export class JwtTokens implements Tokens {
  readonly bound = true;
  readonly #options: JwtOptions;
  /** Signatures that were checked: each costs as much as a call. Those used last at the end. */
  readonly #remembered = new Map<string, Remembered>();
  /** Of calls that are there still: a stream looks at its token again when it asks for more. */
  readonly #shown = new WeakMap<object, Remembered>();

  constructor(options: JwtOptions) {
    this.#options = options;
  }

  async issue(username: string, state: AuthState): Promise<string | undefined> {
    const { signingKey, signMethod, ttlMs, now } = this.#options;
    if (signingKey === undefined) return undefined;
    return new SignJWT({ username, revision: Number(state.revision) })
      .setProtectedHeader({ alg: signMethod, typ: 'JWT' })
      .setExpirationTime(Math.floor((now() + ttlMs) / 1000))
      .sign(signingKey);
  }

  verify(token: string, _state: AuthState, call: object): Verified | Promise<Verified> {
    const remembered = this.#remembered.get(token) ?? this.#shownBy(call, token);
    if (remembered === undefined) return this.#check(token, call);
    this.#remembered.delete(token);
    if (remembered.expires <= this.#options.now()) return invalidToken;
    this.#remember(remembered, call);
    return remembered.verified;
  }

  #shownBy(call: object, token: string): Remembered | undefined {
    const shown = this.#shown.get(call);
    return shown?.token === token ? shown : undefined;
  }

  async #check(token: string, call: object): Promise<Verified> {
    const { verifyingKey, signMethod, now } = this.#options;
    try {
      const { payload } = await jwtVerify(token, verifyingKey, {
        algorithms: [signMethod],
        currentDate: new Date(now()),
        requiredClaims: ['exp'],
      });
      const claims = claimsOf(payload);
      if (claims === undefined) return invalidToken;
      const verified: Verified = { type: 'claims', claims };
      this.#remember({ token, verified, expires: Number(payload.exp) * 1000 }, call);
      return verified;
    } catch {
      // Whatever is wrong with it, it came from the client, who is told no more than that.
      return invalidToken;
    }
  }

  #remember(remembered: Remembered, call: object): void {
    if (this.#remembered.size >= maxRememberedTokens) {
      for (const oldest of this.#remembered.keys()) {
        this.#remembered.delete(oldest);
        break;
      }
    }
    this.#remembered.set(remembered.token, remembered);
    this.#shown.set(call, remembered);
  }
}

function claimsOf({ username, revision }: Record<string, unknown>): Claims | undefined {
  if (typeof username !== 'string' || !Number.isSafeInteger(revision) || Number(revision) < 0)
    return undefined;
  return { user: username, revision: BigInt(Number(revision)) };
}
