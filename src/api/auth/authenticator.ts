import type { ReadStore } from '../../core/store.ts';
import { type AuthState, type Identity, machineView, readAuthState, readUser } from '../../machine/index.ts';
import type { ReplicaHandle } from '../../replica/types.ts';
import { requestTimeoutMs } from '../limits.ts';
import type { Call } from '../rpc/rpc.ts';
import type { Tokens, Verified } from './tokens.ts';

/** The token of a call is none, or no longer one. */
export const invalidAuthToken = Symbol('invalid auth token');

/** Who asks: undefined for nobody in particular, which is all that is known while users are not asked for. */
export type Caller = Identity | undefined | typeof invalidAuthToken;

const bearer = /^Bearer /i;

/** Tells who makes a call: by its token, or else by the certificate of its client. */
export class Authenticator {
  readonly tokens: Tokens;
  readonly #replica: ReplicaHandle;
  readonly #certificateNames: boolean;
  #state: AuthState | undefined;
  /** From which revision of the rules on tokens of a user count, by the rules of `#credentialsAt`. */
  readonly #credentials = new Map<string, bigint | undefined>();
  #credentialsAt = 0n;

  /** `certificateNames`: the common name of a client's certificate is a user. */
  constructor(replica: ReplicaHandle, tokens: Tokens, certificateNames: boolean) {
    this.#replica = replica;
    this.tokens = tokens;
    this.#certificateNames = certificateNames;
    // So that calls cost nothing while nothing changes: the state is read once after what was applied.
    replica.onApplied(() => {
      this.#state = undefined;
    });
  }

  /** Whether users are asked for, and by which rules, as this replica has applied it. */
  get state(): AuthState {
    if (this.#state !== undefined) return this.#state;
    const store = this.#replica.peek();
    // A replica that does not run refuses everything by itself; whoever asks it is then nobody.
    const state = readAuthState(store === undefined ? nothing : machineView(store));
    if (store !== undefined) this.#state = state;
    return state;
  }

  /** Who makes the call. At once, but for tokens that were not seen before. */
  identify(call: Call): Caller | Promise<Caller> {
    const state = this.state;
    if (!state.enabled) return undefined;
    const token = tokenOf(call);
    if (token === undefined) return this.#certified(call, state);
    const verified = this.tokens.verify(token, state);
    if (verified instanceof Promise) return verified.then((found) => this.#judge(found, token));
    return this.#judge(verified, token);
  }

  /** The same at once: a token must have been seen before, as that of a stream was when it was opened. */
  identifyAgain(call: Call): Caller {
    const caller = this.identify(call);
    return caller instanceof Promise ? invalidAuthToken : caller;
  }

  #certified(call: Call, state: AuthState): Identity | undefined {
    if (!this.#certificateNames) return undefined;
    const user = call.certificateName;
    return user === undefined ? undefined : { user, authRevision: state.revision };
  }

  #judge(verified: Verified, token: string): Caller | Promise<Caller> {
    if (verified.type === 'ahead') return this.#catchUp(token);
    if (verified.type === 'invalid') return invalidAuthToken;
    if (verified.claims.revision > this.state.revision) return this.#catchUp(token);
    return this.#accept(verified);
  }

  /** This replica is behind the one that issued the token. */
  async #catchUp(token: string): Promise<Caller> {
    const outcome = await this.#replica.read('linearizable', requestTimeoutMs);
    if (outcome.type === 'refused') return invalidAuthToken;
    const state = this.state;
    if (!state.enabled) return undefined;
    const verified = await this.tokens.verify(token, state);
    if (verified.type !== 'claims' || verified.claims.revision > this.state.revision) return invalidAuthToken;
    return this.#accept(verified);
  }

  #accept({ claims }: Extract<Verified, { type: 'claims' }>): Caller {
    const { revision } = this.state;
    const since = this.#credentialsSince(claims.user, revision);
    // Of a user who is not there any more, or of a password that is not valid any more.
    if (since === undefined || claims.revision < since) return invalidAuthToken;
    return { user: claims.user, authRevision: this.tokens.bound ? claims.revision : revision };
  }

  #credentialsSince(user: string, revision: bigint): bigint | undefined {
    if (this.#credentialsAt !== revision) {
      this.#credentials.clear();
      this.#credentialsAt = revision;
    }
    if (!this.#credentials.has(user)) {
      const store = this.#replica.peek();
      if (store === undefined) return undefined;
      // Only tokens that were sealed by us get here, so there are no more names than users.
      this.#credentials.set(user, readUser(machineView(store), user)?.credentialRevision);
    }
    return this.#credentials.get(user);
  }
}

/** As etcd's clients send it, and as HTTP does. */
function tokenOf(call: Call): string | undefined {
  return (call.metadata('token') ?? call.metadata('authorization'))?.replace(bearer, '');
}

const nothing: ReadStore = {
  get: () => undefined,
  scan: () => [].values(),
};
