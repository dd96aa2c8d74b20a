import type { CallOptions, Coordination, Lease } from '../coordination.ts';
import type { Entry } from '../entry.ts';
import { CoordinationError, codeOf } from '../errors.ts';
import { pause } from '../pause.ts';
import { mirror } from './mirror.ts';
import { defaultTtl, retryMs } from './retry.ts';

export interface RegisterOptions extends CallOptions {
  /** Seconds that the address is listed after we have died, or are cut off. 10 by default. */
  readonly ttl?: number | undefined;
  /** Anything that JSON can say. */
  readonly metadata?: unknown;
}

/** An address that is listed until this is closed; if the lease is lost meanwhile, it is listed again as soon as that goes. */
export interface Registration extends AsyncDisposable {
  readonly address: string;
  /** False while its lease is lost and no server has taken it anew, and at the end. */
  readonly listed: boolean;
  /** Fires when it is closed, and when it will never be listed again; the reason says why. */
  readonly lost: AbortSignal;
  /** Takes the address off the list. */
  close(options?: CallOptions): Promise<void>;
}

export interface Endpoint {
  readonly address: string;
  readonly metadata: unknown;
}

/** What fails again and again is tried more and more seldom, down to this, in ms. */
const maxRetryMs = 10_000;

/**
 * Lists `address` under a service, as `service/<address>` with the JSON that etcd's own naming uses, so that gRPC resolvers
 * for etcd find it, too.
 */
export async function register(
  coordination: Coordination,
  service: string,
  address: string,
  options: RegisterOptions = {},
): Promise<Registration> {
  const listing = new Listing(coordination, service, address, options);
  await listing.open();
  return listing;
}

class Listing implements Registration {
  readonly address: string;
  readonly #coordination: Coordination;
  readonly #key: string;
  readonly #value: string;
  readonly #options: RegisterOptions;
  readonly #closed = new AbortController();
  #lease: Lease | undefined;

  constructor(coordination: Coordination, service: string, address: string, options: RegisterOptions) {
    this.address = address;
    this.#coordination = coordination;
    this.#key = `${service}/${address}`;
    this.#value = JSON.stringify({ Op: 0, Addr: address, Metadata: options.metadata ?? null });
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#list(this.#options);
    void this.#keep();
  }

  get listed(): boolean {
    return !this.#closed.signal.aborted && this.#lease?.lost.aborted === false;
  }

  get lost(): AbortSignal {
    return this.#closed.signal;
  }

  async close(options?: CallOptions): Promise<void> {
    this.#end();
    await this.#lease?.revoke(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    await this.#lease?.[Symbol.asyncDispose]();
  }

  #end(): void {
    this.#closed.abort(new CoordinationError('closed', 'refused', 'the registration was closed'));
  }

  async #list({ ttl = defaultTtl, signal, deadlineMs }: RegisterOptions): Promise<void> {
    const lease = await this.#coordination.lease(ttl, { signal, deadlineMs });
    try {
      await this.#coordination.put(this.#key, this.#value, { lease, signal, deadlineMs });
      this.#lease = lease;
    } catch (error) {
      void lease[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closed;
    let retryAfterMs = retryMs;
    while (!signal.aborted) {
      const lost = this.#lease?.lost;
      if (lost !== undefined && !lost.aborted) {
        await fired(lost);
        continue;
      }
      try {
        await this.#list({ ...this.#options, signal });
        retryAfterMs = retryMs;
        // Closed meanwhile, with an eye on the lease before this one.
        if (signal.aborted) await this.#lease?.[Symbol.asyncDispose]();
      } catch (error) {
        // Permissions, users and space come back, too.
        if (isFinal(error)) return this.#closed.abort(error);
        await pause(retryAfterMs, signal);
        retryAfterMs = Math.min(2 * retryAfterMs, maxRetryMs);
      }
    }
  }
}

function isFinal(error: unknown): boolean {
  const code = codeOf(error);
  return code === undefined || code === 'closed' || code === 'invalid';
}

const fired = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** Where a service is now. */
export async function endpoints(
  coordination: Coordination,
  service: string,
  options: CallOptions = {},
): Promise<readonly Endpoint[]> {
  const { entries } = await coordination.range({ prefix: `${service}/` }, options);
  return endpointsIn(service, entries);
}

/** Where a service is now, and after each change. */
export async function* watchEndpoints(
  coordination: Coordination,
  service: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<readonly Endpoint[], void, undefined> {
  const selection = { prefix: `${service}/` };
  for await (const { entries } of mirror(coordination, selection, options.signal)) {
    yield endpointsIn(service, entries.values());
  }
}

const endpointsIn = (service: string, entries: Iterable<Entry>): Endpoint[] =>
  [...entries].sort((a, b) => (a.name < b.name ? -1 : 1)).map((entry) => endpointOf(service, entry));

/** Whoever lists an address otherwise than in JSON has at least named it in the key. */
function endpointOf(service: string, { name, text }: Entry): Endpoint {
  const fallback = { address: name.slice(service.length + 1), metadata: undefined };
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return fallback;
    const address: unknown = Reflect.get(value, 'Addr');
    const metadata: unknown = Reflect.get(value, 'Metadata') ?? undefined;
    return { address: typeof address === 'string' ? address : fallback.address, metadata };
  } catch {
    return fallback;
  }
}
