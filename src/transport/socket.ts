import type { Server, Socket } from 'node:net';
import { assert } from '../core/assert.ts';
import { connectionHighWaterBytes, maxInboundConnections } from '../core/limits.ts';
import { AddressError, formatAddress, parseAddress } from './address.ts';
import { listenError } from './listen-error.ts';
import type { Connection, ConnectionHandlers, ListenCallback } from './network.ts';

/** First probe by the kernel on an idle connection; ours come earlier, this is for connections that nobody owns. */
const keepAliveDelayMs = 15_000;
/** How long an ended connection may take to send what is queued. */
const lingerMs = 5_000;

/** A `Connection` over a socket of node:net or node:tls. */
export class SocketConnection implements Connection {
  readonly remote: string;
  handlers: ConnectionHandlers;
  readonly #socket: Socket;
  #held = false;
  #reason = 'closed by the other side';

  constructor(
    socket: Socket,
    remote: string,
    handlers: ConnectionHandlers,
    explain: (error: Error) => string,
  ) {
    this.#socket = socket;
    this.remote = remote;
    this.handlers = handlers;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, keepAliveDelayMs);
    socket.on('data', (chunk) => this.handlers.data(chunk));
    socket.on('drain', () => {
      if (!this.#held) return;
      this.#held = false;
      this.handlers.drain();
    });
    socket.on('error', (error) => {
      this.#reason = explain(error);
    });
    socket.on('close', () => this.handlers.close(this.#reason));
  }

  write(parts: readonly Uint8Array[]): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
    this.#held ||= socket.writableLength >= connectionHighWaterBytes;
    return !this.#held;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    const socket = this.#socket;
    this.#reason = 'closed by us';
    socket.destroySoon();
    // What comes meanwhile is nobody's; reading on lets the other side's end arrive.
    socket.resume();
    socket.setTimeout(lingerMs, () => socket.destroy());
  }

  destroy(): void {
    this.#reason = 'closed by us';
    this.#socket.destroy();
  }
}

/** Handlers of an inbound connection until its acceptor has set its own. */
export const noHandlers: ConnectionHandlers = { open() {}, data() {}, drain() {}, close() {} };

export function remoteOf(socket: Socket): string {
  const { remoteAddress: host, remotePort: port } = socket;
  return host === undefined || port === undefined ? 'unknown' : formatAddress({ host, port });
}

/** Listens with `server` at `address`; every failure comes as an error that says what to do. */
export function listenAt(server: Server, address: string, callback: ListenCallback): void {
  const parsed = parseAddress(address);
  if (parsed instanceof AddressError) {
    setImmediate(() => callback(parsed, undefined));
    return;
  }
  server.maxConnections = maxInboundConnections;
  const failed = (error: Error): void => callback(listenError(parsed, error), undefined);
  server.once('error', failed);
  server.listen({ host: parsed.host, port: parsed.port }, () => {
    server.off('error', failed);
    // Running out of file descriptors drops one connection; it must not end the process.
    server.on('error', () => {});
    const bound = server.address();
    assert(bound !== null && typeof bound === 'object', 'a listening TCP server has an address');
    callback(undefined, {
      address: formatAddress({ host: parsed.host, port: bound.port }),
      close: () => server.close(),
    });
  });
}

const connectionCauses: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nobody listens there',
  ECONNRESET: 'connection reset by the other side',
  EPIPE: 'connection closed by the other side',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'the network is unreachable',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name could not be looked up; check the name service',
};

export const explainSocketError = (error: Error): string =>
  connectionCauses[errorCode(error) ?? ''] ?? error.message;

export function errorCode(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** A connection that could not even be tried: the address is malformed. */
export function stillborn(address: string, error: Error, handlers: ConnectionHandlers): Connection {
  setImmediate(() => handlers.close(error.message));
  return {
    remote: address,
    handlers,
    write: () => true,
    pause() {},
    resume() {},
    end() {},
    destroy() {},
  };
}
