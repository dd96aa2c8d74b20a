import type { Socket } from 'node:net';
import { connect, createSecureContext, createServer, type SecureContext, type TLSSocket } from 'node:tls';
import { AddressError, parseAddress } from './address.ts';
import { handshakeTimeoutMs } from './dial.ts';
import type { Connection, ConnectionHandlers, ListenCallback, Network } from './network.ts';
import {
  errorCode,
  explainSocketError,
  listenAt,
  noHandlers,
  remoteOf,
  SocketConnection,
  stillborn,
} from './socket.ts';

/** PEM, as read from files. */
export interface TlsOptions {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  /** Who may sign the certificates of others; undefined: the authorities that Node.js trusts. */
  readonly trustedCa: string | Uint8Array | undefined;
  /** Whether diallers must show a certificate that `trustedCa` signed. */
  readonly clientCertAuth: boolean;
  /** A connection to our port did not get through the TLS handshake. */
  readonly onRefused: (remote: string, reason: string) => void;
}

export class TlsConfigurationError extends Error {
  override readonly name = 'TlsConfigurationError';
  readonly code = 'TLS_CONFIGURATION';
}

/** TCP under TLS 1.2 or later, both sides with the same certificate and authority. */
export class TlsNetwork implements Network {
  readonly #context: SecureContext;
  readonly #options: TlsOptions;

  /** Throws `TlsConfigurationError` when certificate, key or authority cannot be used. */
  constructor(options: TlsOptions) {
    if (options.clientCertAuth && options.trustedCa === undefined) {
      throw new TlsConfigurationError(
        'client certificates can only be checked against a trusted CA: give its file',
      );
    }
    this.#options = options;
    this.#context = makeContext(options);
  }

  listen(address: string, onConnection: (connection: Connection) => void, callback: ListenCallback): void {
    const { clientCertAuth, onRefused } = this.#options;
    const server = createServer(
      {
        secureContext: this.#context,
        requestCert: clientCertAuth,
        rejectUnauthorized: clientCertAuth,
        handshakeTimeout: handshakeTimeoutMs,
      },
      (socket) => {
        const name = certifiedName(socket);
        const remote = name === undefined ? remoteOf(socket) : `${remoteOf(socket)} (${name})`;
        onConnection(new SocketConnection(socket, remote, noHandlers, explainTlsError));
      },
    );
    server.on('tlsClientError', (error, socket: Socket) => {
      onRefused(remoteOf(socket), explainRefusal(error));
      socket.destroy();
    });
    listenAt(server, address, callback);
  }

  connect(address: string, handlers: ConnectionHandlers): Connection {
    const parsed = parseAddress(address);
    if (parsed instanceof AddressError) return stillborn(address, parsed, handlers);
    const socket = connect({ ...parsed, secureContext: this.#context });
    socket.once('secureConnect', () => handlers.open());
    return new SocketConnection(socket, address, handlers, explainTlsError);
  }
}

function makeContext({ cert, key, trustedCa }: TlsOptions): SecureContext {
  try {
    return createSecureContext({
      cert: Buffer.from(cert),
      key: Buffer.from(key),
      ...(trustedCa === undefined ? {} : { ca: Buffer.from(trustedCa) }),
      minVersion: 'TLSv1.2',
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new TlsConfigurationError(
      `certificate, key or CA cannot be used (${text}): they must be PEM, and the key must be the certificate's`,
    );
  }
}

function certifiedName(socket: TLSSocket): string | undefined {
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? name : undefined;
}

/** What OpenSSL calls bytes that are no TLS record, by their first bytes. */
const notTls: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_UNKNOWN_PROTOCOL',
  'ERR_SSL_UNSUPPORTED_PROTOCOL',
]);

const tlsCauses: Readonly<Record<string, string>> = {
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the other side demands a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the other side does not trust the authority that signed our certificate',
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: 'the other side showed no client certificate',
  ERR_TLS_HANDSHAKE_TIMEOUT: `no TLS handshake within ${handshakeTimeoutMs} ms`,
  SELF_SIGNED_CERT_IN_CHAIN: "the other side's certificate is signed by an authority that we do not trust",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the other side's certificate is signed by itself, which we do not trust",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the other side's certificate is signed by an authority that we do not trust",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the other side's certificate is signed by an authority that we do not trust",
  CERT_HAS_EXPIRED: "the other side's certificate has expired",
};

function explainTlsError(error: Error): string {
  const code = errorCode(error) ?? '';
  if (notTls.has(code)) return 'the other side does not speak TLS, and we do';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the certificate is not for this address: ${error.message}`;
  return tlsCauses[code] ?? explainSocketError(error);
}

function explainRefusal(error: Error): string {
  const code = errorCode(error) ?? '';
  return notTls.has(code)
    ? 'the other side does not speak TLS, and this port demands it'
    : explainTlsError(error);
}
