import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { requestArrivalTimeoutMs } from '../limits.ts';
import { certificateName } from '../rpc/certificate.ts';
import type { CallConnection } from '../rpc/grpc-call.ts';
import { tooSlow } from '../rpc/rpc.ts';
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
import type { HttpStreams } from './streams.ts';

/** Serves one plain HTTP request over an HTTP/2 stream, as `curl` and browsers make them over TLS. */
export function serveHttp2(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handle: HttpHandler,
  { budget, window }: CallConnection,
  streams: HttpStreams,
): void {
  const body = new HttpBody(budget);
  let answered = false;
  let held = 0;
  const answer = (wanted: HttpResponse | HttpStreamResponse): void => {
    if (answered || stream.closed || stream.destroyed) return;
    answered = true;
    if ('start' in wanted) {
      stream.respond({ ':status': wanted.status, 'content-type': wanted.contentType });
      return streams.serve(stream, wanted);
    }
    const length = Buffer.byteLength(wanted.body);
    const room = window.hold(length);
    if (room) held = length;
    const response = room ? wanted : unreadAnswers;
    const bytes = Buffer.from(response.body);
    stream.respond({
      ':status': response.status,
      'content-type': response.contentType,
      'content-length': bytes.length,
      ...response.headers,
    });
    stream.end(headers[':method'] === 'HEAD' ? undefined : bytes);
    if (!stream.readableEnded) stream.close();
  };
  const late = (): void => answer(text(408, `${tooSlow.message}\n`, tooSlow.trailers));
  const impatience = setTimeout(late, requestArrivalTimeoutMs).unref();
  stream.on('data', (part: Buffer) => {
    if (answered) return;
    const refusal = body.add(part);
    if (refusal !== undefined) answer(refusal);
  });
  stream.on('close', () => {
    clearTimeout(impatience);
    body.discard();
    window.release(held);
  });
  stream.on('end', () => {
    clearTimeout(impatience);
    if (answered) return;
    const target = parseTarget(headers[':path'] ?? '');
    if (target === undefined) return answer(text(400, 'malformed request target\n'));
    const method = headers[':method'] ?? 'GET';
    void handle({
      method,
      ...target,
      body: body.take(),
      certificateName: certificateName(stream.session?.socket),
      get cancelled() {
        return stream.closed || stream.destroyed;
      },
      header: (name) => headerValue(headers, name),
    }).then(answer);
  });
}
