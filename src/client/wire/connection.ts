import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import {
  Client as Channel,
  type ChannelCredentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { diagnose, type Obstacle, speaksTls } from './diagnosis.ts';
import type { ServerAddress, TlsOptions } from './server-address.ts';

export type Answer =
  | { readonly type: 'bytes'; readonly bytes: Uint8Array }
  | { readonly type: 'error'; readonly error: ServiceError };

/** Why there is no connection. */
export interface Hindrance {
  readonly obstacle: Obstacle | undefined;
  /** For people. */
  readonly detail: string;
}

/** What can end a call when the port speaks another language than we do. */
const maybeMisunderstood: ReadonlySet<status> = new Set([
  status.PERMISSION_DENIED,
  status.UNAVAILABLE,
  status.INTERNAL,
  status.DEADLINE_EXCEEDED,
]);
/** How the texts of those begin that understood us. */
const ownWords = /^(etcdserver|quorate): /;
const diagnosisMs = 1_000;

const identity = (bytes: Buffer): Buffer => bytes;
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const channelOptions = {
  // A large answer to a write must not look like a failed write.
  'grpc.max_receive_message_length': -1,
  // A second sending of a write is the caller's to decide.
  'grpc.enable_retries': 0,
  // Coordination goes straight to its servers, whatever proxies the environment names for the web.
  'grpc.enable_http_proxy': 0,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // A server that went without a word is noticed although nothing is sent to it. More often than every 5 s is impolite.
  'grpc.keepalive_time_ms': 8_000,
  'grpc.keepalive_timeout_ms': 4_000,
};

/** One server. Deadlines are in milliseconds of `Date.now()`. */
export class Connection {
  readonly endpoint: string;
  readonly #server: ServerAddress;
  readonly #channel: Channel;
  #speaksTls: Promise<boolean> | undefined;
  /** It has answered a call, so it speaks our language. */
  #understood = false;

  constructor(server: ServerAddress) {
    this.#server = server;
    this.endpoint = server.address;
    const ip = server.tls === undefined ? undefined : ipOf(server.address);
    this.#channel = new Channel(
      server.address,
      channelCredentials(server.tls, ip),
      ip === undefined
        ? channelOptions
        : { ...channelOptions, 'grpc.ssl_target_name_override': noServerName },
    );
  }

  /** Waits for the connection; the reason when there is none. Nothing of a call is sent before it stands. */
  async unreachable(deadline: number): Promise<Hindrance | undefined> {
    const channel = this.#channel.getChannel();
    let state = channel.getConnectivityState(true);
    while (state !== connectivityState.READY) {
      if (state === connectivityState.TRANSIENT_FAILURE) return this.#whyNot(deadline);
      if (state === connectivityState.SHUTDOWN)
        return { obstacle: undefined, detail: 'the client is closed' };
      const known = state;
      const timedOut = await new Promise<boolean>((resolve) => {
        channel.watchConnectivityState(known, deadline, (error) => resolve(error !== undefined));
      });
      if (timedOut) return this.#hindrance('no connection in time');
      state = channel.getConnectivityState(true);
    }
    return undefined;
  }

  /** `method`: `/package.Service/Method`. */
  call(
    method: string,
    request: Uint8Array,
    { deadline, signal }: { readonly deadline: number; readonly signal?: AbortSignal | undefined },
    metadata = new Metadata(),
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const abort = (): void => call.cancel();
      const call = this.#channel.makeUnaryRequest(
        method,
        asBuffer,
        identity,
        request,
        metadata,
        { deadline },
        (error, bytes) => {
          signal?.removeEventListener('abort', abort);
          if (error === null) this.#understood = true;
          resolve(
            error === null ? { type: 'bytes', bytes: bytes ?? new Uint8Array(0) } : { type: 'error', error },
          );
        },
      );
      if (signal?.aborted === true) abort();
      else signal?.addEventListener('abort', abort, { once: true });
    });
  }

  stream(method: string, request: Uint8Array, metadata = new Metadata()): ClientReadableStream<Uint8Array> {
    return this.#channel.makeServerStreamRequest(method, asBuffer, identity, request, metadata);
  }

  /** Both sides send. */
  duplex(method: string, metadata: Metadata): ClientDuplexStream<Uint8Array, Uint8Array> {
    return this.#channel.makeBidiStreamRequest(method, asBuffer, identity, metadata);
  }

  close(): void {
    this.#channel.close();
  }

  /**
   * True when a call of ours certainly went nowhere, because it was plaintext and the port speaks TLS. Some servers open
   * such a connection only to say so, and the library then fails the call in one way or another.
   */
  async wasMisunderstood({ code, details }: ServiceError): Promise<boolean> {
    if (ownWords.test(details)) this.#understood = true;
    if (this.#server.tls !== undefined || this.#understood || !maybeMisunderstood.has(code)) return false;
    // A port does not change its language, so it is asked once.
    this.#speaksTls ??= speaksTls(this.#server.address, diagnosisMs);
    return this.#speaksTls;
  }

  /** The library tells the cause of a failed connection only to a call; this one changes nothing. */
  async #whyNot(deadline: number): Promise<Hindrance | undefined> {
    const answer = await this.call('/grpc.health.v1.Health/Check', new Uint8Array(0), {
      deadline: Math.min(deadline, Date.now() + 1000),
    });
    if (answer.type === 'bytes' || answer.error.code === status.UNIMPLEMENTED) return undefined;
    return this.#hindrance(readableCause(answer.error.details));
  }

  async #hindrance(detail: string): Promise<Hindrance> {
    if (networkTrouble.test(detail)) return { obstacle: undefined, detail };
    const obstacle = await diagnose(this.#server, diagnosisMs);
    return { obstacle, detail: obstacle === undefined ? detail : obstacleTexts[obstacle] };
  }
}

/** Nobody is there: there is nothing to find out by dialling again. */
const networkTrouble = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|Name resolution failed/;

const obstacleTexts: Readonly<Record<Obstacle, string>> = {
  tlsDemanded: 'this port speaks TLS',
  noTls: 'no TLS there',
  untrusted: "the server's certificate is signed by nobody that is trusted here",
  certificateDemanded: 'the server demands a client certificate that it trusts',
  foreign: 'no quorate there',
};

export const misunderstood: Hindrance = { obstacle: 'tlsDemanded', detail: obstacleTexts.tlsDemanded };

/** The cause inside the library's sentence; what OpenSSL says, without its places in the source. */
function readableCause(details: string): string {
  const cause = /Last error: ([\s\S]*?)(\. Resolution note:[\s\S]*)?$/.exec(details)?.[1] ?? details;
  const tls = /SSL routines:[^:]*:([^:]+)/.exec(cause)?.[1];
  return tls === undefined ? cause.trim().replace(/^Error: /, '') : `TLS: ${tls}`;
}

/** The IP address that a server is named by; undefined for a host name. */
function ipOf(address: string): string | undefined {
  const host = address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? undefined : host;
}

/**
 * TLS has no server names that are IP addresses (RFC 6066), and Node.js warns of one in the program that uses us; the
 * library always sends some name. Whether the certificate is for the address is checked all the same.
 */
const noServerName = 'address.invalid';

const identityOf =
  (ip: string) =>
  (_host: string, certificate: PeerCertificate): Error | undefined =>
    checkServerIdentity(ip, certificate);

function channelCredentials(tls: TlsOptions | undefined, ip: string | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const buffer = (pem: Uint8Array | undefined): Buffer | null => (pem === undefined ? null : asBuffer(pem));
  const check = ip === undefined ? {} : { checkServerIdentity: identityOf(ip) };
  return credentials.createSsl(buffer(tls.ca), buffer(tls.key), buffer(tls.cert), check);
}
