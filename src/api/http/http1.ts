import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { httpRequestTimeoutMs, unreadAnswerPatienceMs } from '../limits.ts';
import type { ReceiveBudget } from '../receive-budget.ts';
import { AnswerWindow } from '../rpc/answer-window.ts';
import { certificateName } from '../rpc/certificate.ts';
import { HttpBody } from './body.ts';
import {
  type HttpHandler,
  type HttpResponse,
  type HttpStreamResponse,
  headerValue,
  parseTarget,
  text,
  unreadAnswers,
} from './http.ts';
import { HttpStreams } from './streams.ts';

/** The HTTP/1.1 side of the client port. */
export class Http1Endpoint {
  readonly #handle: HttpHandler;
  readonly #budget: ReceiveBudget;
  readonly #server = createServer((request, response) => this.#serve(request, response));
  /** The server never listens itself, so its own checks for slow clients do not run; these do. */
  readonly #impatience = new WeakMap<Duplex, NodeJS.Timeout>();
  readonly #streams = new HttpStreams();
  readonly #unread = new AnswerWindow();
  #active = 0;
  #onIdle: (() => void) | undefined;

  constructor(handle: HttpHandler, budget: ReceiveBudget) {
    this.#handle = handle;
    this.#budget = budget;
    this.#server.on('clientError', (_error, socket) => {
      socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n', () => socket.destroy());
    });
    // Tunnels and protocol upgrades are not offered.
    this.#server.on('connect', (_request, socket) => socket.destroy());
    this.#server.on('upgrade', (_request, socket) => socket.destroy());
  }

  /** Takes over a connection of which nothing has been consumed. */
  accept(socket: Duplex): void {
    this.#expectRequest(socket);
    socket.once('close', () => clearTimeout(this.#impatience.get(socket)));
    this.#server.emit('connection', socket);
    process.nextTick(() => socket.resume());
  }

  /** Waits for the answers that are under way, at most for `graceMs`; ending the connections is left to the caller. */
  async close(graceMs: number): Promise<void> {
    if (this.#active === 0) return;
    this.#streams.stop();
    await new Promise<void>((resolve) => {
      const impatience = setTimeout(resolve, graceMs);
      this.#onIdle = () => {
        clearTimeout(impatience);
        resolve();
      };
    });
  }

  #expectRequest(socket: Duplex): void {
    clearTimeout(this.#impatience.get(socket));
    this.#impatience.set(
      socket,
      setTimeout(() => socket.destroy(), httpRequestTimeoutMs),
    );
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const body = new HttpBody(this.#budget);
    const { socket } = request;
    this.#active++;
    response.on('close', () => {
      body.discard();
      if (--this.#active === 0) this.#onIdle?.();
    });
    request.on('data', (part: Buffer) => {
      if (response.headersSent) return;
      const refusal = body.add(part);
      if (refusal !== undefined) answer(request, response, refusal);
    });
    request.on('end', () => {
      clearTimeout(this.#impatience.get(socket));
      if (response.headersSent) return;
      const target = parseTarget(request.url ?? '');
      if (target === undefined) return answer(request, response, text(400, 'malformed request target\n'));
      const method = request.method ?? 'GET';
      void this.#handle({
        method,
        ...target,
        body: body.take(),
        certificateName: certificateName(socket),
        get cancelled() {
          return response.closed;
        },
        header: (name) => headerValue(request.headers, name),
      }).then((result) => this.#answer(request, response, result));
    });
    response.on('finish', () => {
      if (!socket.destroyed) this.#expectRequest(socket);
    });
    request.on('error', ignoreClientError);
    response.on('error', ignoreClientError);
  }

  #answer(
    request: IncomingMessage,
    response: ServerResponse,
    result: HttpResponse | HttpStreamResponse,
  ): void {
    if (!('start' in result)) return this.#answerWhole(request, response, result);
    if (response.headersSent || response.destroyed) return;
    response.writeHead(result.status, { 'content-type': result.contentType });
    response.flushHeaders();
    this.#streams.serve(response, result);
  }

  #answerWhole(request: IncomingMessage, response: ServerResponse, result: HttpResponse): void {
    if (response.headersSent || response.destroyed) return;
    const bytes = Buffer.byteLength(result.body);
    if (!this.#unread.hold(bytes)) return answer(request, response, unreadAnswers);
    const { socket } = request;
    // The server closes a connection at which nothing has happened for so long.
    socket.setTimeout(unreadAnswerPatienceMs);
    response.on('close', () => {
      this.#unread.release(bytes);
      socket.setTimeout(0);
    });
    answer(request, response, result);
  }
}

function answer(request: IncomingMessage, response: ServerResponse, result: HttpResponse): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(result.body);
  response.writeHead(result.status, {
    'content-type': result.contentType,
    'content-length': body.length,
    // Nobody wants to read the rest of a request that was answered before its end.
    ...(!request.complete && { connection: 'close' }),
    ...result.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

// The client is gone; its connection closes by itself.
function ignoreClientError(): void {}
