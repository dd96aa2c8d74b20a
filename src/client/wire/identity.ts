import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Answer, Connection } from './connection.ts';
import { methods } from './methods.ts';

/** A name with its password, for which tokens are asked as needed; or a token that was issued elsewhere. */
export type Credentials = { readonly name: string; readonly password: string } | { readonly token: string };

interface Limits {
  readonly deadline: number;
  readonly signal?: AbortSignal | undefined;
}

/** What to send along with a call, or why there is none. */
export type Pass =
  | { readonly type: 'metadata'; readonly metadata: Metadata }
  | { readonly type: 'error'; readonly error: ServiceError };

/** Texts by which a server says that a token is old, unknown to it, or missing. */
const tokenWanted =
  /^etcdserver: (invalid auth token|revision of auth store is old|user name is empty)|^auth: (invalid auth token|revision in header is old)/;
/** A token is made known to all servers, but not to all at once: the next one, or a later try, may be known. */
const maxRenewals = 3;

/** Who we are to the servers: nobody, or a user whose token is asked for when it is wanted, and again when it is not taken. */
export class Identity {
  readonly #credentials: Credentials | undefined;
  #token: string | undefined;
  #disabled = false;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  /** Throws the token away; false when there is no password to ask another one for. */
  renew(): boolean {
    this.#token = undefined;
    this.#disabled = false;
    return this.#credentials !== undefined && !('token' in this.#credentials);
  }

  /** For one call, or one stream. */
  async pass(connection: Connection, limits: Limits): Promise<Pass> {
    const metadata = new Metadata();
    if (this.#credentials === undefined || this.#disabled) return { type: 'metadata', metadata };
    if ('token' in this.#credentials) {
      metadata.set('token', this.#credentials.token);
      return { type: 'metadata', metadata };
    }
    if (this.#token === undefined) {
      const error = await this.#authenticate(this.#credentials, connection, limits);
      if (error !== undefined) return { type: 'error', error };
    }
    if (this.#token !== undefined) metadata.set('token', this.#token);
    return { type: 'metadata', metadata };
  }

  async call(connection: Connection, path: string, request: Uint8Array, limits: Limits): Promise<Answer> {
    for (let renewals = 0; ; renewals++) {
      const pass = await this.pass(connection, limits);
      if (pass.type === 'error') return pass;
      const answer = await connection.call(path, request, limits, pass.metadata);
      const old = answer.type === 'error' && tokenWanted.test(answer.error.details);
      // A call that was turned away for its token did nothing, so it may be repeated whatever it is.
      if (!old || renewals === maxRenewals || !this.renew()) return answer;
    }
  }

  async #authenticate(
    { name, password }: Extract<Credentials, { readonly name: string }>,
    connection: Connection,
    limits: Limits,
  ): Promise<ServiceError | undefined> {
    const { path, request, response } = methods.authenticate;
    const answer = await connection.call(path, request.encode({ name, password }).finish(), limits);
    if (answer.type === 'bytes') {
      this.#token = response.decode(answer.bytes).token;
      return undefined;
    }
    const { error } = answer;
    if (error.code === status.FAILED_PRECONDITION && /not enabled/.test(error.details)) {
      this.#disabled = true;
      return undefined;
    }
    // Whatever became of this call, the one that it was for was not sent.
    error.metadata = new Metadata();
    error.metadata.set('quorate-outcome', 'refused');
    return error;
  }
}
