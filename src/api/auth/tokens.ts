import type { AuthState } from '../../machine/key-space/index.ts';

/** What a token says, as far as it can be believed. */
export type Verified =
  | { readonly type: 'claims'; readonly claims: Claims }
  | { readonly type: 'invalid' }
  /** It is of newer rules than this replica has got, and cannot be judged by the older ones. */
  | { readonly type: 'ahead' };

export interface Claims {
  readonly user: string;
  /** Revision of the rules when it was issued. */
  readonly revision: bigint;
}

/** Makes tokens for users who have shown their password, and reads them again. */
export interface Tokens {
  /**
   * Whether a token counts for the rules of its time only, so that every change of users, roles or permissions ends it
   * for all but administration.
   */
  readonly bound: boolean;
  /** A token for a user; undefined when this replica can only read them. */
  issue(user: string, state: AuthState): Promise<string | undefined>;
  /**
   * Checks the seal or signature of tokens that were not seen before. `call`: who shows it; while there is the call, what
   * was found is not forgotten, so that a stream that is open may go on.
   */
  verify(token: string, state: AuthState, call: object): Verified | Promise<Verified>;
}

export const invalidToken: Verified = { type: 'invalid' };
export const tokenAhead: Verified = { type: 'ahead' };

/** How long a token lives when nobody has said, in ms; etcd's. */
export const defaultTokenTtlMs = 300_000;
