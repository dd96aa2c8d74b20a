import http2 from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { maxUnreadAnswerBytes, unreadAnswerPatienceMs } from '../limits.ts';
import { ReceiveBudget } from '../receive-budget.ts';
import { Http2Endpoint } from '../rpc/http2.ts';
import { Code, Failure } from '../rpc/rpc.ts';
import { text } from './http.ts';
import { Http1Endpoint } from './http1.ts';

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0).reverse()) close();
});

const budget = new ReceiveBudget(1_000);
const large = 'x'.repeat(maxUnreadAnswerBytes / 2 + 1);
const handle = async ({ path }: { path: string }) => text(200, path === '/large' ? large : 'small');

async function listen(accept: (socket: Socket) => void): Promise<number> {
  const listener = createServer(accept);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  opened.push(() => listener.close());
  return (listener.address() as AddressInfo).port;
}

test('over HTTP/1.1: answers that nobody reads are bounded over all connections, and their clients are not waited for', async () => {
  const endpoint = new Http1Endpoint(handle, budget);
  const accepted: Socket[] = [];
  const port = await listen((socket) => {
    accepted.push(socket);
    endpoint.accept(socket);
  });
  const get = async (path: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
    await response.arrayBuffer();
    return response.status;
  };
  const slow = connect(port, '127.0.0.1');
  opened.push(() => slow.destroy());
  slow.on('error', () => undefined);
  slow.pause();
  slow.write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n');
  await expect.poll(() => accepted[0]?.timeout).toBe(unreadAnswerPatienceMs);
  expect(await get('/large')).toBe(503);
  expect(await get('/small')).toBe(200);
  // What the socket does by itself when nothing has happened for so long.
  accepted[0]?.emit('timeout');
  await expect.poll(() => accepted[0]?.closed).toBe(true);
  expect(await get('/large')).toBe(200);
  expect(await get('/large')).toBe(200);
}, 60_000);

test('over HTTP/2: over each connection', async () => {
  const services = {
    methods: new Map(),
    unimplemented: () => new Failure(Code.unimplemented, 'unknown'),
    stopping: new Failure(Code.unavailable, 'stopping'),
  };
  const fault = (error: unknown): void => expect.unreachable(String(error));
  const waiting: (() => void)[] = [];
  const late: typeof handle = async (request) => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return handle(request);
  };
  const endpoint = new Http2Endpoint(services, late, budget, fault);
  const port = await listen((socket) => endpoint.accept(socket));
  const session = http2.connect(`http://127.0.0.1:${port}`);
  opened.push(() => session.destroy());
  // Both have begun before either is answered: those that come later wait for the memory of the session.
  const statuses = ['/large', '/large', '/small'].map((path) => {
    const stream = session.request({ ':path': path });
    stream.on('error', () => undefined);
    return new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'])));
  });
  await expect.poll(() => waiting.length).toBe(3);
  for (const begin of waiting.splice(0)) begin();
  expect(await Promise.all(statuses)).toEqual([200, 503, 200]);
});
