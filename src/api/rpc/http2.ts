import http2, { type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { HttpHandler } from '../http/http.ts';
import { serveHttp2 } from '../http/http2-request.ts';
import { HttpStreams } from '../http/streams.ts';
import {
  firstBytesTimeoutMs,
  http2ConnectionWindowBytes,
  http2StreamWindowBytes,
  maxPendingConnectionBytes,
  maxSessionMebibytes,
  maxStreamsPerConnection,
} from '../limits.ts';
import type { ReceiveBudget } from '../receive-budget.ts';
import { AnswerWindow } from './answer-window.ts';
import type { BidiCall } from './bidi-call.ts';
import { type CallConnection, GrpcCall } from './grpc-call.ts';
import type { FaultReport, Services } from './rpc.ts';

/**
 * The HTTP/2 side of the client port: gRPC calls to the services, everything else to the HTTP handler. Unary calls over
 * `node:http2` directly take about a third less processor time than over a gRPC library.
 */
export class Http2Endpoint {
  readonly #server = http2.createServer({
    maxSessionMemory: maxSessionMebibytes,
    settings: { maxConcurrentStreams: maxStreamsPerConnection, initialWindowSize: http2StreamWindowBytes },
  });
  readonly #sessions = new Map<ServerHttp2Session, CallConnection>();
  readonly #bidiCalls = new Set<BidiCall>();
  readonly #httpStreams = new HttpStreams();
  readonly #services: Services;
  readonly #budget: ReceiveBudget;

  constructor(services: Services, http: HttpHandler, budget: ReceiveBudget, fault: FaultReport) {
    this.#services = services;
    this.#budget = budget;
    const host = { services, fault, bidiCalls: this.#bidiCalls };
    this.#server.on('session', (session) => this.#track(session));
    // A client that breaks the protocol loses its connection; there is nothing else to do about it.
    this.#server.on('sessionError', () => {});
    this.#server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', ignoreStreamError);
      const connection = this.#sessions.get(stream.session as ServerHttp2Session);
      // Without one the session has ended meanwhile, and its streams with it.
      if (connection === undefined) return;
      if (isGrpc(headers['content-type'])) GrpcCall.serve(stream, headers, host, connection);
      else serveHttp2(stream, headers, http, connection, this.#httpStreams);
    });
  }

  /** Takes over a connection on which the HTTP/2 preface has been seen, but not consumed. */
  accept(socket: Duplex): void {
    this.#server.emit('connection', socket);
  }

  /** Lets calls that are under way finish, takes no new ones, and ends what is left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closing = [...this.#sessions.keys()].map(
      (session) =>
        new Promise<void>((resolve) => {
          // The callback of `close` is never called for a session that is closing already.
          session.once('close', resolve);
          session.close();
        }),
    );
    this.#httpStreams.stop();
    for (const call of this.#bidiCalls) call.end(this.#services.stopping);
    const impatience = setTimeout(() => {
      for (const session of this.#sessions.keys()) session.destroy();
    }, graceMs);
    await Promise.all(closing);
    clearTimeout(impatience);
  }

  #track(session: ServerHttp2Session): void {
    const budget = this.#budget.part(maxPendingConnectionBytes);
    this.#sessions.set(session, { window: new AnswerWindow(), budget });
    // What no client begins with, such as settings that are too long, leaves `node:http2` reading nothing more, not even the end.
    const impatience = setTimeout(() => session.destroy(), firstBytesTimeoutMs);
    session.once('remoteSettings', () => clearTimeout(impatience));
    session.on('close', () => {
      clearTimeout(impatience);
      this.#sessions.delete(session);
    });
    session.setLocalWindowSize(http2ConnectionWindowBytes);
  }
}

/** gRPC-Web, which begins alike, is another protocol. */
function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc($|[+;])/.test(contentType);
}

// The `close` of the stream tells the call; the reason is the client's.
function ignoreStreamError(): void {}
