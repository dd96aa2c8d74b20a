import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { requestArrivalTimeoutMs } from '../limits.ts';
import type { ReceiveBudget } from '../receive-budget.ts';
import { certificateName } from '../rpc/certificate.ts';
import { tooSlow } from '../rpc/rpc.ts';
import { HttpBody } from './body.ts';
import {
  type HttpHandler,
  type HttpResponse,
  type HttpStreamResponse,
  headerValue,
  parseTarget,
  text,
} from './http.ts';
import type { HttpStreams } from './streams.ts';

/** Serves one plain HTTP request over an HTTP/2 stream, as `curl` and browsers make them over TLS. */
export function serveHttp2(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  handle: HttpHandler,
  budget: ReceiveBudget,
  streams: HttpStreams,
): void {
  const body = new HttpBody(budget);
  let answered = false;
  const answer = (response: HttpResponse | HttpStreamResponse): void => {
    if (answered || stream.closed || stream.destroyed) return;
    answered = true;
    if ('start' in response) {
      stream.respond({ ':status': response.status, 'content-type': response.contentType });
      return streams.serve(stream, response);
    }
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
