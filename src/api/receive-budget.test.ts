import http2 from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { text } from './http/http.ts';
import { Http1Endpoint } from './http/http1.ts';
import { requestArrivalTimeoutMs } from './limits.ts';
import { ReceiveBudget } from './receive-budget.ts';
import { Http2Endpoint } from './rpc/http2.ts';
import { Code, Failure, type Method, nobody } from './rpc/rpc.ts';

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0).reverse()) close();
});

/** Both endpoints over one budget of 1,000 bytes; answers with the length of the body. */
async function serve(): Promise<{ port1: number; port2: number; held: () => Promise<boolean> }> {
  const budget = new ReceiveBudget(1_000);
  const handle = async ({ body }: { body: Uint8Array }) => text(200, `${body.length}`);
  const services = {
    methods: new Map<string, Method>([
      ['/a/B', { type: 'unary', handle: (request) => request }],
      ['/a/C', { type: 'bidi', open: () => nobody }],
    ]),
    unimplemented: () => new Failure(Code.unimplemented, 'unknown'),
    stopping: new Failure(Code.unavailable, 'stopping'),
  };
  const http1 = new Http1Endpoint(handle, budget);
  const fault = (error: unknown): void => expect.unreachable(String(error));
  const http2Endpoint = new Http2Endpoint(services, handle, budget, fault);
  const listen = async (accept: (socket: Socket) => void): Promise<number> => {
    const listener = createServer(accept);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    opened.push(() => listener.close());
    return (listener.address() as AddressInfo).port;
  };
  const held = async (): Promise<boolean> => {
    const share = budget.share();
    const fits = share.hold(500);
    share.release();
    return !fits;
  };
  return {
    port1: await listen((socket) => http1.accept(socket)),
    port2: await listen((socket) => http2Endpoint.accept(socket)),
    held,
  };
}

/** A request of 700 bytes of which the last one does not come. */
function stalled(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  opened.push(() => socket.destroy());
  socket.write(`POST /v3/kv/put HTTP/1.1\r\nhost: a\r\ncontent-length: 700\r\n\r\n${'x'.repeat(699)}`);
  return socket;
}

const post = (port: number): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/v3/kv/put`, { method: 'POST', body: 'y'.repeat(700) });

/** The status of plain HTTP, or of gRPC, for a body of 700 bytes over HTTP/2. */
async function overHttp2(port: number, contentType: string, path: string): Promise<string> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  opened.push(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': contentType });
  stream.on('error', () => undefined);
  return new Promise((resolve) => {
    stream.on('response', (headers) => {
      const grpc = headers['grpc-status'];
      stream.on('trailers', (trailers) => resolve(`grpc ${trailers['grpc-status']}`));
      if (contentType === 'application/grpc' && grpc === undefined) stream.resume();
      else resolve(grpc === undefined ? `${headers[':status']}` : `grpc ${grpc}`);
    });
    const message = Buffer.alloc(700);
    message.writeUInt32BE(695, 1);
    stream.end(message);
  });
}

test('plain HTTP of either version and gRPC share one budget, and what is refused or gone gives back what it held', async () => {
  const { port1, port2, held } = await serve();
  const slow = stalled(port1);
  await expect.poll(held).toBe(true);
  const refused = await post(port1);
  expect(refused.status).toBe(429);
  expect(refused.headers.get('quorate-outcome')).toBe('refused');
  expect(await overHttp2(port2, 'application/json', '/v3/kv/put')).toBe('429');
  expect(await overHttp2(port2, 'application/grpc', '/a/B')).toBe(`grpc ${Code.resourceExhausted}`);
  slow.destroy();
  await expect.poll(held).toBe(false);
  const taken = await post(port1);
  expect([taken.status, await taken.text()]).toEqual([200, '700']);
  expect(await overHttp2(port2, 'application/json', '/v3/kv/put')).toBe('200');
  expect(await overHttp2(port2, 'application/grpc', '/a/B')).toBe('grpc 0');
  expect(await held()).toBe(false);
});

test('a connection has a part of the budget, which counts for the whole', () => {
  const whole = new ReceiveBudget(100);
  const parts = [whole.part(60), whole.part(60)].map((part) => part.share());
  const [first, second] = parts;
  expect(first?.hold(60)).toBe(true);
  expect(first?.hold(1)).toBe(false);
  first?.release();
  expect(first?.hold(60)).toBe(true);
  expect(second?.hold(41)).toBe(false);
  first?.release();
  expect(second?.hold(1)).toBe(true);
  second?.release();
  expect(whole.share().hold(100)).toBe(true);
});

test.each([
  ['application/grpc', '/a/B', { 'grpc-status': `${Code.deadlineExceeded}` }],
  ['application/grpc', '/a/C', { 'grpc-status': `${Code.deadlineExceeded}` }],
  ['application/json', '/v3/kv/put', { ':status': 408 }],
])(
  'over HTTP/2 a request that does not end is refused after a while: %s %s',
  async (type, path, expected) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    opened.push(() => vi.useRealTimers());
    const { port2, held } = await serve();
    const session = http2.connect(`http://127.0.0.1:${port2}`);
    opened.push(() => session.destroy());
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': type });
    stream.on('error', () => undefined);
    const answered = new Promise((resolve) => stream.on('response', resolve));
    const message = Buffer.alloc(699);
    message.writeUInt32BE(695, 1);
    stream.write(message);
    // Fake time stands still meanwhile, also for `expect.poll`.
    while (!(await held())) await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(requestArrivalTimeoutMs);
    expect(await answered).toMatchObject({ ...expected, 'quorate-outcome': 'refused' });
    while (await held()) await new Promise((resolve) => setImmediate(resolve));
  },
);
