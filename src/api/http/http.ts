/** Requests of plain HTTP, whichever version carried them; bodies are small and whole. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Uint8Array;
}

export interface HttpResponse {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers a request. Never rejects. */
export type HttpHandler = (request: HttpRequest) => Promise<HttpResponse>;

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

/** Splits a request target; undefined when it is none. */
export function parseTarget(target: string): { path: string; query: URLSearchParams } | undefined {
  if (!target.startsWith('/')) return undefined;
  const mark = target.indexOf('?');
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}
