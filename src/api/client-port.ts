import { createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import tls, { type TLSSocket } from 'node:tls';
import { assert } from '../core/assert.ts';
import { formatAddress } from '../transport/address.ts';
import { listenError } from '../transport/listen-error.ts';
import { firstBytesTimeoutMs, maxConnections } from './limits.ts';

/** Certificates of the client port, in PEM. */
export interface ClientTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** With it, clients must show a certificate that it signed. */
  readonly trustedCa?: string | Buffer;
  /** Clients must show a certificate; signed by `trustedCa`, or by a public authority when that is absent. */
  readonly clientCertAuth?: boolean;
}

export interface ClientPortOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly tls?: ClientTls | undefined;
  /** Takes over a connection that begins with the HTTP/2 preface; nothing has been consumed. */
  readonly http2: (socket: Duplex) => void;
  /** Takes over a connection that begins otherwise; nothing has been consumed. */
  readonly http1: (socket: Duplex) => void;
  /** For operators: connections that were turned away, and why. */
  readonly onRejected?: (remote: string, reason: string) => void;
}

/** The certificate, key or authority of the client port cannot be used; nothing is listening. */
export class ClientTlsError extends Error {
  override readonly name = 'ClientTlsError';
  readonly code = 'CLIENT_TLS';
}

/** How HTTP/2 connections begin, and no method of HTTP/1. */
const http2Preface = 'PRI';
const tlsHandshake = 0x16;
const speaksTls = 'this port speaks TLS: use https:// and, where asked for, a client certificate';
const speaksPlain = 'this port speaks plaintext: use http://';

/**
 * One TCP port for gRPC over HTTP/2 and for HTTP/1.1, each in plaintext or, with certificates, over TLS. It looks at the
 * first bytes of a connection and hands the connection on.
 */
export class ClientPort {
  readonly #options: ClientPortOptions;
  readonly #listener: Server;
  readonly #tls: tls.Server | undefined;
  readonly #sockets = new Set<Socket>();
  #address = '';

  private constructor(options: ClientPortOptions) {
    this.#options = options;
    this.#tls = options.tls && this.#createTls(options.tls);
    this.#listener = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 },
      (socket) => this.#accept(socket),
    );
    this.#listener.maxConnections = maxConnections;
    this.#listener.on('drop', (dropped) => {
      options.onRejected?.(dropped?.remoteAddress ?? '', `there are ${maxConnections} connections already`);
    });
  }

  /** Rejects with `ListenError` or `ClientTlsError`. */
  static async listen(options: ClientPortOptions): Promise<ClientPort> {
    const port = new ClientPort(options);
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(listenError(options, error));
      port.#listener.once('error', failed);
      port.#listener.listen({ host: options.host, port: options.port }, () => {
        port.#listener.off('error', failed);
        port.#address = boundAddress(port.#listener.address());
        // Failures to accept (no file descriptors) pass; the connections that are there go on.
        port.#listener.on('error', (error) => options.onRejected?.('', error.message));
        resolve();
      });
    });
    return port;
  }

  /** host:port as bound, with the port that was chosen when 0 was asked for. */
  get address(): string {
    return this.#address;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Takes no new connections; those that were handed on are left to their takers. */
  stopListening(): void {
    this.#listener.close();
  }

  /** Ends every connection that is left. */
  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', ignoreSocketError);
    this.#peek(socket, (first) => {
      const secure = first[0] === tlsHandshake;
      if (this.#tls !== undefined) {
        if (secure) this.#tls.emit('connection', socket);
        else this.#reject(socket, first, speaksTls);
      } else if (secure) this.#reject(socket, first, speaksPlain);
      else this.#route(socket, first);
    });
  }

  #createTls(options: ClientTls): tls.Server {
    // As in etcd: naming an authority is asking for certificates that it signed.
    const authenticate = options.clientCertAuth === true || options.trustedCa !== undefined;
    let server: tls.Server;
    try {
      server = tls.createServer({
        cert: options.cert,
        key: options.key,
        ...(options.trustedCa !== undefined && { ca: options.trustedCa }),
        requestCert: authenticate,
        rejectUnauthorized: authenticate,
        minVersion: 'TLSv1.2',
        ALPNProtocols: ['h2', 'http/1.1'],
        handshakeTimeout: firstBytesTimeoutMs,
      });
    } catch (error) {
      throw new ClientTlsError(`the certificate or key cannot be used: ${(error as Error).message}`);
    }
    server.on('secureConnection', (secure: TLSSocket) => {
      secure.on('error', ignoreSocketError);
      this.#peek(secure, (first) => this.#route(secure, first));
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, secure: TLSSocket) => {
      this.#options.onRejected?.(secure.remoteAddress ?? '', handshakeProblem(error));
      secure.destroy();
    });
    return server;
  }

  #route(socket: Socket, first: Buffer): void {
    if (!isHttp2(first)) return this.#options.http1(socket);
    const negotiated = 'alpnProtocol' in socket ? socket.alpnProtocol : 'h2';
    if (negotiated !== 'h2')
      return this.#reject(socket, first, 'HTTP/2 over TLS has to be negotiated by ALPN');
    this.#options.http2(socket);
  }

  /** Waits for the first bytes, at least as many as tell the protocols apart, and puts them back. */
  #peek(socket: Socket, then: (first: Buffer) => void): void {
    const impatience = setTimeout(() => {
      this.#options.onRejected?.(socket.remoteAddress ?? '', 'nothing was sent');
      socket.destroy();
    }, firstBytesTimeoutMs);
    let seen: Buffer = Buffer.alloc(0);
    const onData = (part: Buffer): void => {
      seen = seen.length === 0 ? part : Buffer.concat([seen, part]);
      if (seen.length < http2Preface.length && http2Preface.startsWith(seen.toString('latin1'))) return;
      clearTimeout(impatience);
      socket.off('data', onData);
      socket.pause();
      socket.unshift(seen);
      then(seen);
    };
    socket.on('data', onData);
    socket.once('close', () => clearTimeout(impatience));
  }

  /** Says why in the client's own protocol, as far as that can be told, and closes. */
  #reject(socket: Socket, first: Buffer, reason: string): void {
    this.#options.onRejected?.(socket.remoteAddress ?? '', reason);
    socket.end(refusal(first, reason));
    socket.resume();
    setTimeout(() => socket.destroy(), 1_000).unref();
  }
}

/** OpenSSL's words name places in its source. */
function handshakeProblem({ code, message }: NodeJS.ErrnoException): string {
  return code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE'
    ? 'the client showed no certificate, and this port demands one'
    : `TLS handshake failed: ${message}`;
}

function isHttp2(first: Buffer): boolean {
  return first.subarray(0, http2Preface.length).toString('latin1') === http2Preface;
}

function refusal(first: Buffer, reason: string): Buffer {
  if (first[0] === tlsHandshake) {
    // Alert, fatal, protocol_version: what a TLS client understands.
    return Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);
  }
  if (isHttp2(first)) {
    const debug = Buffer.from(reason);
    const goAway = Buffer.alloc(9 + 8);
    goAway.writeUIntBE(8 + debug.length, 0, 3);
    goAway[3] = 0x7;
    goAway.writeUInt32BE(0xc, 13); // INADEQUATE_SECURITY
    const settings = Buffer.from([0, 0, 0, 0x4, 0, 0, 0, 0, 0]);
    return Buffer.concat([settings, goAway, debug]);
  }
  const body = `${reason}\n`;
  const head = 'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n';
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

function boundAddress(bound: ReturnType<Server['address']>): string {
  assert(bound !== null && typeof bound !== 'string', 'a TCP server listens on an address');
  return formatAddress({ host: bound.address, port: bound.port });
}

// `close` follows, and is what counts.
function ignoreSocketError(): void {}
