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
  /** Whether the common name of a client's certificate is a user. */
  readonly certificateNames: boolean;
  readonly #replica: ReplicaHandle;
  #state: AuthState | undefined;
  /** From which revision of the rules on tokens of a user count, by the rules of `#credentialsAt`. */
  readonly #credentials = new Map<string, bigint>();
  #credentialsAt = 0n;
  #reading: Promise<boolean> | undefined;
  /** Begins when the one under way has ended. */
  #nextRead: Promise<boolean> | undefined;

  constructor(replica: ReplicaHandle, tokens: Tokens, certificateNames: boolean) {
    this.#replica = replica;
    this.tokens = tokens;
    this.certificateNames = certificateNames;
    // So that calls cost nothing while nothing changes: the state is read once after what was applied.
    replica.onApplied(() => {
      this.#state = undefined;
    });
  }

  /** Whether users are asked for, and by which rules, as this replica has applied it; undefined when it does not run. */
  get state(): AuthState | undefined {
    if (this.#state !== undefined) return this.#state;
    const store = this.#replica.peek();
    if (store !== undefined) this.#state = readAuthState(machineView(store));
    return this.#state;
  }

  /** Who makes the call. At once, but for tokens that were not seen before. */
  identify(call: Call): Caller | Promise<Caller> {
    const { state } = this;
    // A replica that does not run refuses everything by itself.
    if (state === undefined || !state.enabled) return undefined;
    const token = tokenOf(call);
    if (token === undefined) return this.#certified(call, state);
    const verified = this.tokens.verify(token, state, call);
    if (verified instanceof Promise) return verified.then((found) => this.#judge(found, token, call));
    return this.#judge(verified, token, call);
  }

  /** The same at once: a token must have been seen before, as that of a stream was when it was opened. */
  identifyAgain(call: Call): Caller {
    const caller = this.identify(call);
    return caller instanceof Promise ? invalidAuthToken : caller;
  }

  #certified(call: Call, state: AuthState): Identity | undefined {
    if (!this.certificateNames) return undefined;
    const user = call.certificateName;
    return user === undefined ? undefined : { user, authRevision: state.revision };
  }

  #judge(verified: Verified, token: string, call: Call): Caller | Promise<Caller> {
    if (verified.type === 'ahead') return this.#catchUp(token, call);
    if (verified.type === 'invalid') return invalidAuthToken;
    return this.#accept(verified) ?? this.#catchUp(token, call);
  }

  /** This replica is behind the one that issued the token. */
  async #catchUp(token: string, call: Call): Promise<Caller> {
    if (!(await this.#readAfterNow())) return invalidAuthToken;
    const { state } = this;
    if (state === undefined) return invalidAuthToken;
    if (!state.enabled) return undefined;
    const verified = await this.tokens.verify(token, state, call);
    return (verified.type === 'claims' && this.#accept(verified)) || invalidAuthToken;
  }

  /**
   * Whether this replica has now got what was agreed upon when it was asked. Anybody can make up tokens that claim to be
   * newer: one read at a time is under way for all of them, and those who come meanwhile share the next one.
   */
  #readAfterNow(): Promise<boolean> {
    if (this.#nextRead !== undefined) return this.#nextRead;
    if (this.#reading === undefined) return this.#read();
    const next = (): Promise<boolean> => {
      this.#nextRead = undefined;
      return this.#read();
    };
    this.#nextRead = this.#reading.then(next, next);
    return this.#nextRead;
  }

  #read(): Promise<boolean> {
    const reading = this.#replica
      .read('linearizable', requestTimeoutMs)
      .then(({ type }) => type === 'readable')
      .finally(() => {
        this.#reading = undefined;
      });
    this.#reading = reading;
    return reading;
  }

  /** Undefined when the token is of newer rules than ours. */
  #accept({ claims }: Extract<Verified, { type: 'claims' }>): Identity | typeof invalidAuthToken | undefined {
    const { state } = this;
    if (state === undefined || claims.revision > state.revision) return undefined;
    const since = this.#credentialsSince(claims.user, state.revision);
    // Of a user who is not there any more, or of a password that is not valid any more.
    if (since === undefined || claims.revision < since) return invalidAuthToken;
    return { user: claims.user, authRevision: this.tokens.bound ? claims.revision : state.revision };
  }

  #credentialsSince(user: string, revision: bigint): bigint | undefined {
    if (this.#credentialsAt !== revision) {
      this.#credentials.clear();
      this.#credentialsAt = revision;
    }
    const known = this.#credentials.get(user);
    const store = known === undefined ? this.#replica.peek() : undefined;
    if (store === undefined) return known;
    const since = readUser(machineView(store), user)?.credentialRevision;
    if (since !== undefined) this.#credentials.set(user, since);
    return since;
  }
}

/** As etcd's clients send it, and as HTTP does. */
function tokenOf(call: Call): string | undefined {
  return (call.metadata('token') ?? call.metadata('authorization'))?.replace(bearer, '');
}
