import { status } from '@grpc/grpc-js';
import { Client } from './client.ts';
import { CoordinationError } from './errors.ts';
import { EtcdDriver } from './etcd/driver.ts';
import { codeForText, coordinationError } from './etcd/failures.ts';
import { HomeCluster } from './etcd/home-cluster.ts';
import { deadlineOf, defaultDeadlineMs } from './validation.ts';
import { Cluster } from './wire/cluster.ts';
import { ClientFailure } from './wire/failure.ts';
import { methods } from './wire/methods.ts';
import type { ServerAddress } from './wire/server-address.ts';

/** PEM texts. Without `ca`, the authorities of the machine are trusted; `cert` and `key` are the client's own. */
export interface ClientTls {
  readonly ca?: string | Uint8Array | undefined;
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
}

export interface ConnectOptions {
  /** `host:port`, or with `http://` or `https://` before it; several as a list, or with commas between. */
  readonly endpoints: string | readonly string[];
  /** TLS to all endpoints but those with `http://`. */
  readonly tls?: ClientTls | undefined;
  readonly auth?: { readonly name: string; readonly password: string } | undefined;
  /** Milliseconds for a call that does not say otherwise. 5,000 by default. */
  readonly deadlineMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Resolves when a server has answered; rejects with code `unreachable` when none did within `deadlineMs`. */
export async function connect(options: ConnectOptions): Promise<Client> {
  requireEndpoints(options);
  const { signal } = options;
  const deadlineMs = deadlineOf(options.deadlineMs ?? defaultDeadlineMs);
  const cluster = openCluster(options);
  const home = new HomeCluster();
  try {
    // Asked of a single server, which answers without the others: a cluster that looks for its leader can be connected to.
    const limits = { deadline: Date.now() + deadlineMs, signal, patient: true };
    const { header } = await cluster.call(methods.status, 'read', {}, limits);
    if (header !== undefined) home.check(header.clusterId, 'refused');
  } catch (error) {
    if (!isAnswer(error, options)) {
      cluster.close();
      throw coordinationError(error, signal);
    }
  }
  return new Client(new EtcdDriver(cluster, home), deadlineMs);
}

/** Connects nowhere yet. */
function openCluster(options: ConnectOptions): Cluster {
  const addresses = servers(options);
  try {
    return new Cluster(addresses, options.auth);
  } catch (cause) {
    throw new CoordinationError('invalid', 'refused', 'the certificates or the key in `tls` cannot be read', {
      cause,
    });
  }
}

/** Refused by somebody who is there, for lack of a permission that is not needed for what follows. */
function isAnswer(error: unknown, { auth }: ConnectOptions): boolean {
  if (!(error instanceof ClientFailure) || error.type !== 'refused') return false;
  if (error.status === status.PERMISSION_DENIED) return true;
  return auth === undefined && codeForText(error.message) === 'unauthenticated';
}

/** For programs without types. */
function requireEndpoints(options: Partial<ConnectOptions> | undefined): void {
  const endpoints: unknown = options?.endpoints;
  const listed = Array.isArray(endpoints) && endpoints.every((each) => typeof each === 'string');
  if (typeof endpoints !== 'string' && !listed) {
    throw invalid('`endpoints` is missing: give "host:port", or a list of such texts');
  }
}

function servers({ endpoints, tls }: ConnectOptions): ServerAddress[] {
  const list = typeof endpoints === 'string' ? endpoints.split(',') : endpoints;
  const files = { ca: pem(tls?.ca), cert: pem(tls?.cert), key: pem(tls?.key) };
  const parsed = list.map((endpoint) => parseEndpoint(endpoint.trim()));
  if (parsed.length === 0) throw invalid('no endpoints were given');
  return parsed.map(({ address, scheme }) => {
    const secure = scheme === 'https' || (scheme === undefined && tls !== undefined);
    return { address, tls: secure ? files : undefined };
  });
}

function parseEndpoint(endpoint: string): { readonly address: string; readonly scheme: string | undefined } {
  const match = /^(?:(https?):\/\/)?(\[[0-9a-fA-F:.%]+\]|[^\s:/]+):(\d{1,5})\/?$/.exec(endpoint);
  if (match === null || Number(match[3]) > 65_535) {
    throw invalid(`"${endpoint}" is no endpoint: they are like 127.0.0.1:2379 or https://db1.example:2379`);
  }
  return { address: `${match[2]}:${match[3]}`, scheme: match[1] };
}

const invalid = (message: string): CoordinationError => new CoordinationError('invalid', 'refused', message);

const pem = (text: string | Uint8Array | undefined): Uint8Array | undefined =>
  typeof text === 'string' ? new TextEncoder().encode(text) : text;
