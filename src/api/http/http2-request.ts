import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { maxHttpBodyBytes } from '../limits.ts';
import { type HttpHandler, type HttpResponse, parseTarget, text } from './http.ts';

/** Serves one plain HTTP request over an HTTP/2 stream, as `curl` and browsers make them over TLS. */
export function serveHttp2(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handle: HttpHandler,
): void {
  const parts: Buffer[] = [];
  let length = 0;
  let answered = false;
  const answer = (response: HttpResponse): void => {
    if (answered || stream.closed || stream.destroyed) return;
    answered = true;
    const body = Buffer.from(response.body);
    stream.respond({
      ':status': response.status,
      'content-type': response.contentType,
      'content-length': body.length,
      ...response.headers,
    });
    stream.end(headers[':method'] === 'HEAD' ? undefined : body);
    if (!stream.readableEnded) stream.close();
  };
  stream.on('data', (part: Buffer) => {
    if (answered) return;
    length += part.length;
    if (length > maxHttpBodyBytes) return answer(text(413, 'the request is too large\n'));
    parts.push(part);
  });
  stream.on('end', () => {
    const target = parseTarget(headers[':path'] ?? '');
    if (target === undefined) return answer(text(400, 'malformed request target\n'));
    const method = headers[':method'] ?? 'GET';
    void handle({ method, ...target, body: Buffer.concat(parts, length) }).then(answer);
  });
}
