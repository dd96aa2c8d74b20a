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
/** For a token that many calls may wait for, whatever time each of them has. */
const authenticationMs = 10_000;

export const wantsToken = (details: string): boolean => tokenWanted.test(details);

/** Who we are to the servers: nobody, or a user whose token is asked for when it is wanted, and again when it is not taken. */
export class Identity {
  readonly #credentials: Credentials | undefined;
  /** One at each server: checking a password is meant to be slow. */
  readonly #asking = new Map<Connection, Promise<ServiceError | undefined>>();
  #token: string | undefined;
  #disabled = false;

  constructor(credentials: Credentials | undefined) {
    this.#credentials = credentials;
  }

  /**
   * What was sent along was not taken: the next call gets another token, unless there is a newer one already. False when
   * there is no password to ask for one with.
   */
  renew(sent: Metadata): boolean {
    if (this.#credentials === undefined || 'token' in this.#credentials) return false;
    const [token] = sent.get('token');
    if (token === undefined) this.#disabled = false;
    else if (token === this.#token) this.#token = undefined;
    return true;
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
      const error = await within(this.#authenticated(this.#credentials, connection), limits);
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
      const old = answer.type === 'error' && wantsToken(answer.error.details);
      // A call that was turned away for its token did nothing, so it may be repeated whatever it is.
      if (!old || renewals === maxRenewals || !this.renew(pass.metadata)) return answer;
    }
  }

  #authenticated(
    credentials: Extract<Credentials, { readonly name: string }>,
    connection: Connection,
  ): Promise<ServiceError | undefined> {
    const underWay = this.#asking.get(connection);
    if (underWay !== undefined) return underWay;
    const asking = this.#authenticate(credentials, connection).finally(() => this.#asking.delete(connection));
    this.#asking.set(connection, asking);
    return asking;
  }

  async #authenticate(
    { name, password }: Extract<Credentials, { readonly name: string }>,
    connection: Connection,
  ): Promise<ServiceError | undefined> {
    const { path, request, response } = methods.authenticate;
    const limits = { deadline: Date.now() + authenticationMs };
    const answer = await connection.call(path, request.encode({ name, password }).finish(), limits);
    if (answer.type === 'bytes') {
      this.#token = response.decode(answer.bytes).token;
      return undefined;
    }
    const { code, details } = answer.error;
    if (code === status.FAILED_PRECONDITION && /not enabled/.test(details)) {
      this.#disabled = true;
      return undefined;
    }
    return notSent(code, details);
  }
}

/** Whatever became of asking for a token, the call that it was for was not sent. */
function notSent(code: status, details: string): ServiceError {
  const metadata = new Metadata();
  metadata.set('quorate-outcome', 'refused');
  return Object.assign(new Error(details), { code, details, metadata });
}

/** The same for one of many who wait for it, in the time that he has. */
async function within(
  asking: Promise<ServiceError | undefined>,
  { deadline, signal }: Limits,
): Promise<ServiceError | undefined> {
  if (signal?.aborted === true) return notSent(status.CANCELLED, 'given up');
  let timer: NodeJS.Timeout | undefined;
  let stop: () => void = () => undefined;
  try {
    return await new Promise((resolve, reject) => {
      stop = () => resolve(notSent(status.CANCELLED, 'given up'));
      signal?.addEventListener('abort', stop, { once: true });
      const late = (): void => resolve(notSent(status.DEADLINE_EXCEEDED, 'no answer in time'));
      timer = setTimeout(late, deadline - Date.now());
      asking.then(resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}
