import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls';
import { AddressError, parseAddress } from './address.ts';
import { handshakeTimeoutMs } from './dial.ts';
import { encodeFrames, frameKinds } from './framing.ts';
import { encodeReject, reject } from './handshake.ts';
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
  readonly #material: SecureContextOptions;
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
    this.#material = materialOf(options);
    this.#context = makeContext(this.#material);
  }

  listen(address: string, onConnection: (connection: Connection) => void, callback: ListenCallback): void {
    const { clientCertAuth, onRefused } = this.#options;
    const server = createServer(
      {
        ...this.#material,
        requestCert: clientCertAuth,
        // Checked below instead, where both sides can be told why.
        rejectUnauthorized: false,
        handshakeTimeout: handshakeTimeoutMs,
      },
      (socket) => {
        const name = certifiedName(socket);
        const remote = name === undefined ? remoteOf(socket) : `${remoteOf(socket)} (${name})`;
        const connection = new SocketConnection(socket, remote, noHandlers, explainTlsError);
        if (!clientCertAuth || socket.authorized) onConnection(connection);
        else onRefused(remote, turnAway(connection, socket));
      },
    );
    server.on('tlsClientError', (error, socket) => {
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

function materialOf({ cert, key, trustedCa }: TlsOptions): SecureContextOptions {
  const ca = trustedCa === undefined ? {} : { ca: Buffer.from(trustedCa) };
  return { cert: Buffer.from(cert), key: Buffer.from(key), ...ca, minVersion: 'TLSv1.2' };
}

function makeContext(material: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(material);
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
const notTls =
  /wrong.version.number|packet.length.too.long|http.request|unknown.protocol|unsupported.protocol/i;

/** What is recognised in the code or text of an error; they differ between versions and sides. */
const tlsCauses: readonly (readonly [RegExp, string])[] = [
  [/certificate.required|bad.certificate/i, 'the other side demands a client certificate that it trusts'],
  [/alert.unknown.ca|unknown.ca/i, 'the other side does not trust the authority that signed our certificate'],
  [/TLS_HANDSHAKE_TIMEOUT/, `no TLS handshake within ${handshakeTimeoutMs} ms`],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER/,
    "the other side's certificate is not signed by an authority that we trust",
  ],
  [/CERT_HAS_EXPIRED/, "the other side's certificate has expired"],
  [/CERT_NOT_YET_VALID/, "the other side's certificate is not valid yet; check the clocks"],
  [/ALTNAME_INVALID/, "the other side's certificate is not for this address"],
];

function explainTlsError(error: Error): string {
  const text = `${errorCode(error) ?? ''} ${error.message}`;
  if (notTls.test(text)) return 'the other side does not speak TLS, and we do';
  const cause = tlsCauses.find(([pattern]) => pattern.test(text));
  return cause === undefined ? explainSocketError(error) : `${cause[1]} (${error.message.trim()})`;
}

function explainRefusal(error: Error): string {
  return notTls.test(`${errorCode(error) ?? ''} ${error.message}`)
    ? 'the other side does not speak TLS, and this port demands it'
    : explainTlsError(error);
}

/** Ends a connection whose certificate we do not trust; returns why. */
function turnAway(connection: SocketConnection, socket: TLSSocket): string {
  const cause = String(socket.authorizationError);
  const shown = socket.getPeerCertificate().subject !== undefined;
  const text = shown
    ? `the dialler's certificate is not signed by an authority that this port trusts (${cause})`
    : 'this port demands a client certificate, and the dialler showed none';
  connection.write(
    encodeFrames([{ kind: frameKinds.reject, payload: encodeReject(reject('untrusted', text)) }]),
  );
  connection.end();
  return text;
}
