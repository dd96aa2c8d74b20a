import type { IncomingHttpHeaders } from 'node:http';

/** Requests of plain HTTP, whichever version carried them; bodies are small and whole. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
  /** Common name of the certificate that the client has shown; undefined when the port does not ask for one. */
  readonly certificateName: string | undefined;
  /** The client went away: nobody reads the answer. */
  readonly cancelled: boolean;
  /** The first value of a header, by its name in lower case. */
  header(name: string): string | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer that goes on for as long as there is something to say. */
export interface HttpStreamResponse {
  readonly status: number;
  readonly contentType: string;
  /** Called once, when the answer can begin. */
  readonly start: (sink: HttpSink) => HttpSource;
}

/** Where a streamed answer goes. */
export interface HttpSink {
  /** False when the client is behind: the next should wait for `writable`. Dropped when the client is gone. */
  write(text: string): boolean;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  end(): void;
}

export interface HttpSource {
  writable(): void;
  /** The server stops: the answer is to end soon. */
  stop(): void;
  /** The answer has ended, or its client is gone. Called once, last. */
  closed(): void;
}

/** Answers a request. Never rejects. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse | HttpStreamResponse>;

export function json(
  status: number,
  value: unknown,
  headers?: Readonly<Record<string, string>>,
): HttpResponse {
  const body = `${JSON.stringify(value)}\n`;
  return { status, contentType: 'application/json', body, ...(headers && { headers }) };
}

export function text(status: number, body: string, headers?: Readonly<Record<string, string>>): HttpResponse {
  return { status, contentType: 'text/plain; charset=utf-8', body, ...(headers && { headers }) };
}

/** Instead of an answer for which there is no room, since others have not been read. */
export const unreadAnswers = text(503, 'too many answers have not been read: read them first\n', {
  'quorate-outcome': 'unknown',
});

/** The first value of a header. */
export function headerValue(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** Splits a request target; undefined when it is none. */
export function parseTarget(target: string): { path: string; query: URLSearchParams } | undefined {
  if (!target.startsWith('/')) return undefined;
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
