import http2 from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { beforeEach, expect, test } from 'vitest';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { gateway } from '../http/gateway.ts';
import { Http1Endpoint } from '../http/http1.ts';
import { ReceiveBudget } from '../receive-budget.ts';
import { frame } from './framing.ts';
import { Http2Endpoint } from './http2.ts';
import { type BidiHandler, type BidiReceiver, type BidiStream, Code, Failure } from './rpc.ts';

const path = '/a/B';
/** Messages are texts. */
const text = {
  encode: (message: string) => ({ finish: () => utf8(message) }),
  decode: (bytes: Uint8Array) => Buffer.from(bytes).toString(),
} as never;

/** What the service of a test saw of its calls. */
let log: string[];
let stream: BidiStream;
/** What the service does with a message; echoes it unless a test says otherwise. */
let onMessage: (message: string) => void;
let onEnded: () => void;
let onWritable: () => void;
let budget: ReceiveBudget;
let http1: Http1Endpoint;
let endpoint: Http2Endpoint;
let port: number;
let port1: number;
let client: GrpcClient;
let faults: unknown[];

const open: BidiHandler = (opened): BidiReceiver => {
  stream = opened;
  return {
    message: (bytes) => onMessage(Buffer.from(bytes).toString()),
    ended: () => onEnded(),
    writable: () => onWritable(),
    closed: () => log.push('closed'),
  };
};

beforeEach(async () => {
  log = [];
  faults = [];
  onMessage = (message) => stream.send(utf8(message));
  onEnded = () => stream.end();
  onWritable = () => {};
  budget = new ReceiveBudget(1_000_000);
  const method = { type: 'bidi' as const, open };
  const stopping = new Failure(Code.unavailable, 'stopping');
  const services = {
    methods: new Map([[path, method]]),
    unimplemented: () => new Failure(Code.unimplemented, 'unknown'),
    stopping,
  };
  const streamMethod = {
    path,
    gatewayPaths: ['/b'],
    method,
    requestFromJson: (json: unknown) => utf8(JSON.stringify(json)),
    responseToJson: (bytes: Uint8Array) => JSON.parse(Buffer.from(bytes).toString()) as unknown,
  };
  const fault = (error: unknown): void => void faults.push(error);
  const methods = new Map([['/b', streamMethod]]);
  const handle = (request: Parameters<typeof gateway>[1]) => gateway({ methods, stopping, fault }, request);
  http1 = new Http1Endpoint(handle, budget);
  endpoint = new Http2Endpoint(services, handle, budget, fault);
  const listen = async (accept: (socket: Socket) => void) => {
    const listener = createServer(accept);
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    return { listener, port: (listener.address() as AddressInfo).port };
  };
  const two = await listen((socket) => endpoint.accept(socket));
  const one = await listen((socket) => http1.accept(socket));
  port = two.port;
  port1 = one.port;
  client = new GrpcClient(`127.0.0.1:${port}`);
  return async () => {
    await client[Symbol.asyncDispose]();
    await endpoint.close(100);
    two.listener.close();
    one.listener.close();
    expect(faults).toEqual([]);
  };
});

interface Heard {
  readonly call: ClientDuplexStream<string, string>;
  readonly messages: string[];
  readonly status: Promise<{ readonly code: number; readonly details: string }>;
}

function call(): Heard {
  const started = client.bidi<string, string>(path, text, text);
  const messages: string[] = [];
  started.on('data', (message: string) => messages.push(message));
  started.on('error', () => {});
  const status = new Promise<{ code: number; details: string }>((resolve) => started.on('status', resolve));
  return { call: started, messages, status };
}

test('messages go both ways, in order, until the client ends and the service does', async () => {
  const heard = call();
  const sent = Array.from({ length: 500 }, (_, at) => `${at}:${'x'.repeat(at)}`);
  for (const message of sent) heard.call.write(message);
  heard.call.end();
  expect((await heard.status).code).toBe(Code.ok);
  expect(heard.messages).toEqual(sent);
  await expect.poll(() => log).toEqual(['closed']);
});

test('after the client has ended the service may go on', async () => {
  onEnded = () => setTimeout(() => stream.end(new Failure(Code.aborted, 'enough')), 20);
  const heard = call();
  heard.call.write('a');
  heard.call.end();
  expect(await heard.status).toMatchObject({ code: Code.aborted, details: 'enough' });
  expect(heard.messages).toEqual(['a']);
});

test('a service may fail while the client still talks: what was sent before arrives before', async () => {
  onMessage = (message) => {
    stream.send(utf8(message));
    stream.end(new Failure(Code.unavailable, 'no leader'));
  };
  const heard = call();
  heard.call.write('a');
  heard.call.write('b');
  expect(await heard.status).toMatchObject({ code: Code.unavailable, details: 'no leader' });
  expect(heard.messages).toEqual(['a']);
});

test('a paused call takes nothing, and what the client sends waits in the client', async () => {
  const taken: string[] = [];
  onMessage = (message) => {
    taken.push(message);
    stream.pause();
  };
  const heard = call();
  const large = 'y'.repeat(100_000);
  for (let i = 0; i < 100; i++) heard.call.write(large);
  await expect.poll(() => taken.length).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const share = budget.share();
  expect(share.hold(700_000)).toBe(true);
  share.release();
  expect(taken.length).toBe(1);
  onMessage = (message) => taken.push(message);
  stream.resume();
  heard.call.end();
  expect((await heard.status).code).toBe(Code.ok);
  expect(taken.length).toBe(100);
});

test('a client that does not read is waited for', async () => {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const raw = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  raw.on('error', () => {});
  const large = utf8('z'.repeat(100_000));
  let sent = 0;
  const sendAll = (): void => {
    for (let room = true; room && sent < 100; sent++) room = stream.send(large);
  };
  onMessage = sendAll;
  onWritable = sendAll;
  raw.write(frame(utf8('go')));
  await expect.poll(() => sent).toBeGreaterThan(0);
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(sent).toBeLessThan(100);
  raw.resume();
  await expect.poll(() => sent, { timeout: 10_000 }).toBe(100);
  raw.close(http2.constants.NGHTTP2_CANCEL);
  await expect.poll(() => log).toEqual(['closed']);
  expect(stream.cancelled).toBe(true);
  expect(stream.send(large)).toBe(true);
  session.destroy();
});

test('messages in pieces, and several in one piece', async () => {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const raw = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  const taken: string[] = [];
  onMessage = (message) => taken.push(message);
  const bytes = Buffer.concat([frame(utf8('one')), frame(utf8('')), frame(utf8('three'))]);
  for (const byte of bytes) raw.write(Uint8Array.of(byte));
  raw.end(bytes);
  raw.resume();
  await new Promise((resolve) => raw.on('close', resolve));
  expect(taken).toEqual(['one', '', 'three', 'one', '', 'three']);
  session.destroy();
});

test('half a message, and one that is too large, end the call', async () => {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const statusOf = async (bytes: Uint8Array): Promise<unknown> => {
    const raw = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
    const status = new Promise((resolve) => raw.on('response', (headers) => resolve(headers['grpc-status'])));
    raw.on('error', () => {});
    raw.end(bytes);
    return status;
  };
  expect(await statusOf(frame(utf8('whole')).subarray(0, 7))).toBe(String(Code.internal));
  expect(await statusOf(Buffer.from([0, 0x7f, 0, 0, 0]))).toBe(String(Code.resourceExhausted));
  expect(await statusOf(Buffer.from([1, 0, 0, 0, 0]))).toBe(String(Code.unimplemented));
  session.destroy();
});

test('an exception in the service ends the call and is reported', async () => {
  const mistake = new Error('a mistake of ours');
  onMessage = () => {
    throw mistake;
  };
  const heard = call();
  heard.call.write('a');
  expect((await heard.status).code).toBe(Code.internal);
  expect(faults.splice(0)).toEqual([mistake]);
});

test('when the server stops, calls end with the reason', async () => {
  const heard = call();
  heard.call.write('a');
  await expect.poll(() => heard.messages).toEqual(['a']);
  await endpoint.close(10_000);
  expect(await heard.status).toMatchObject({ code: Code.unavailable, details: 'stopping' });
});

const post = (body: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${port1}/v3/b`, { method: 'POST', body });

test('the gateway: one message or several in the body, a line for each answer', async () => {
  const one = await post('{"a":"}{"}');
  expect(one.headers.get('content-type')).toBe('application/json');
  expect(await one.text()).toBe('{"result":{"a":"}{"}}\n');
  expect(await (await post(' {"a":[{}]}\n{"b":"\\"}"} ')).text()).toBe(
    '{"result":{"a":[{}]}}\n{"result":{"b":"\\"}"}}\n',
  );
  expect(await (await post('')).text()).toBe('{"result":{}}\n');
  for (const body of ['{', '{"a":1}]', '{"a":1} x']) expect((await post(body)).status).toBe(400);
});

test('the gateway: a failure is the last line', async () => {
  onEnded = () => stream.end(new Failure(Code.unavailable, 'etcdserver: no leader'));
  const lines = (await (await post('{"a":1}')).text()).split('\n');
  expect(lines.slice(0, 2).map((line) => JSON.parse(line) as unknown)).toEqual([
    { result: { a: 1 } },
    {
      error: {
        grpc_code: 14,
        http_code: 503,
        message: 'etcdserver: no leader',
        http_status: 'Service Unavailable',
      },
    },
  ]);
});

test('the gateway: lines come as they are said, and a client that goes away closes the call', async () => {
  onEnded = () => {};
  const abort = new AbortController();
  const response = await fetch(`http://127.0.0.1:${port1}/v3/b`, {
    method: 'POST',
    body: '{}',
    signal: abort.signal,
  });
  const reader = response.body?.getReader();
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('{"result":{}}\n');
  stream.send(utf8('{"later":1}'));
  expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('{"result":{"later":1}}\n');
  abort.abort();
  await expect.poll(() => log).toEqual(['closed']);
});

test('the gateway: streams end when the server stops', async () => {
  onEnded = () => {};
  const response = await post('{}');
  const closed = http1.close(10_000);
  expect(await response.text()).toContain('"message":"stopping"');
  await closed;
});

test('the gateway over HTTP/2', async () => {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const raw = session.request({ ':method': 'POST', ':path': '/v3/b' });
  let body = '';
  raw.on('data', (part: Buffer) => {
    body += part.toString();
  });
  raw.end('{"a":1}');
  await new Promise((resolve) => raw.on('close', resolve));
  expect(body).toBe('{"result":{"a":1}}\n');
  session.destroy();
});

/** Says more than a connection holds. */
function sayMuch(): void {
  const message = utf8(JSON.stringify('x'.repeat(1024 * 1024)));
  for (let sent = 0; sent < 32; sent++) stream.send(message);
}

test('a client that does not read is gone soon after the end, over HTTP/1.1 and over HTTP/2', async () => {
  onMessage = () => {
    sayMuch();
    stream.end();
  };
  const one = connect(port1, '127.0.0.1');
  one.pause();
  one.on('error', () => {});
  one.write('POST /v3/b HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n{}');
  await expect.poll(() => log, { timeout: 20_000 }).toEqual(['closed']);
  one.destroy();
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const raw = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  raw.on('error', () => {});
  raw.write(frame(utf8('go')));
  await expect.poll(() => log, { timeout: 20_000 }).toEqual(['closed', 'closed']);
  session.destroy();
}, 60_000);
