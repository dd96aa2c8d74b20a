import http2, { type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from 'node:http2';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { utf8 } from '../../core/bytes.ts';
import { PutRequest, RangeRequest } from '../etcd/gen/etcdserverpb/rpc.ts';
import { frame } from './framing.ts';
import { Code } from './rpc.ts';

let server: TestServer;
let session: ClientHttp2Session;

beforeEach(async () => {
  server = await serveClients();
  session = http2.connect(`http://${server.server.address}`);
  return async () => {
    expect(server.faults).toEqual([]);
    session.destroy();
    await server[Symbol.asyncDispose]();
  };
});

interface Answer {
  readonly status: number | undefined;
  /** Headers and trailers together. */
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

const putPath = '/etcdserverpb.KV/Put';
const grpcHeaders = {
  ':method': 'POST',
  ':path': putPath,
  'content-type': 'application/grpc',
  te: 'trailers',
};
const putMessage = frame(
  PutRequest.encode({ ...PutRequest.fromJSON({}), key: utf8('a'), value: utf8('1') }).finish(),
);

/** Sends the parts as they are, each in a frame of its own. */
function send(headers: OutgoingHttpHeaders, ...parts: readonly Uint8Array[]): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ...grpcHeaders, ...headers });
    const seen: Record<string, unknown> = {};
    const body: Buffer[] = [];
    stream.on('response', (received) => Object.assign(seen, received));
    stream.on('trailers', (received) => Object.assign(seen, received));
    stream.on('data', (part: Buffer) => body.push(part));
    stream.on('close', () =>
      resolve({ status: seen[':status'] as number | undefined, headers: seen, body: Buffer.concat(body) }),
    );
    stream.on('error', reject);
    for (const part of parts) stream.write(part);
    stream.end();
  });
}

const statusOf = ({ headers }: Answer): number => Number(headers['grpc-status']);

test('an answer: headers, one message, trailers', async () => {
  const answer = await send({}, putMessage);
  expect(answer).toMatchObject({
    status: 200,
    headers: { 'content-type': 'application/grpc', 'grpc-status': '0' },
  });
  expect(answer.body.readUInt32BE(1)).toBe(answer.body.length - 5);
});

test('gRPC-Web is not mistaken for gRPC', async () => {
  expect(await send({ 'content-type': 'application/grpc-web+proto' }, putMessage)).toMatchObject({
    status: 404,
  });
  expect(statusOf(await send({ 'content-type': 'application/grpc+proto' }, putMessage))).toBe(Code.ok);
});

test('a message in many frames is one message', async () => {
  const parts = [...putMessage].map((byte) => Uint8Array.of(byte));
  expect(statusOf(await send({}, ...parts))).toBe(Code.ok);
});

describe('requests that no client should make', () => {
  test('without a message, or with a part of one', async () => {
    expect(statusOf(await send({}))).toBe(Code.internal);
    expect(statusOf(await send({}, putMessage.subarray(0, 7)))).toBe(Code.internal);
  });

  test('with two messages', async () => {
    expect(statusOf(await send({}, putMessage, putMessage))).toBe(Code.internal);
  });

  test('compressed', async () => {
    const compressed = Buffer.from(putMessage);
    compressed[0] = 1;
    expect(statusOf(await send({ 'grpc-encoding': 'gzip' }, compressed))).toBe(Code.unimplemented);
  });

  test('that announce more than 2 MiB', async () => {
    const answer = await send({}, Buffer.from([0, 0x7f, 0, 0, 0]));
    expect(statusOf(answer)).toBe(Code.resourceExhausted);
    expect(answer.headers['grpc-message']).toBe(
      'grpc: received message larger than max (2130706432 vs. 2097152)',
    );
  });

  test('that go on after they were refused', async () => {
    const endless = Array.from({ length: 64 }, () => new Uint8Array(64 * 1024));
    const answer = await send({}, Buffer.from([0, 0x7f, 0, 0, 0]), ...endless).catch(() => undefined);
    if (answer !== undefined) expect(statusOf(answer)).toBe(Code.resourceExhausted);
    expect(statusOf(await send({}, putMessage))).toBe(Code.ok);
  });

  test('with a malformed deadline, or one that has passed', async () => {
    expect(statusOf(await send({ 'grpc-timeout': 'soon' }, putMessage))).toBe(Code.internal);
    expect(statusOf(await send({ 'grpc-timeout': '0n' }, putMessage))).toBe(Code.deadlineExceeded);
  });

  test('with GET', async () => {
    expect(statusOf(await send({ ':method': 'GET' }))).toBe(Code.internal);
  });

  test('of bytes that are no protobuf', async () => {
    const answer = await send({}, frame(Uint8Array.of(0x0a, 0xff)));
    expect(statusOf(answer)).toBe(Code.internal);
    expect(answer.headers['grpc-message']).toMatch(/^the request does not decode/);
  });

  test('of messages within messages within messages', async () => {
    let nested: Uint8Array = new Uint8Array(0);
    const wrap = (tag: number, bytes: Uint8Array): Uint8Array => {
      const length: number[] = [];
      for (let rest = bytes.length; ; rest >>>= 7) {
        length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
        if (rest <= 0x7f) break;
      }
      return Buffer.concat([Uint8Array.of(tag, ...length), bytes]);
    };
    for (let depth = 0; depth < 5_000; depth++) nested = wrap(0x12, wrap(0x22, nested));
    expect(statusOf(await send({ ':path': '/etcdserverpb.KV/Txn' }, frame(nested)))).toBe(Code.internal);
  });
});

test('random messages to every method never fail in a way that is ours', async () => {
  const paths = ['/etcdserverpb.KV/Range', putPath, '/etcdserverpb.KV/DeleteRange', '/etcdserverpb.KV/Txn'];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array({ maxLength: 60 }), async (path, message) => {
      const status = statusOf(await send({ ':path': path }, frame(message)));
      expect([Code.ok, Code.invalidArgument, Code.internal, Code.notFound, Code.outOfRange]).toContain(
        status,
      );
    }),
    { numRuns: 300 },
  );
});

test('a client that resets its call disturbs nobody', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const propose = server.replica.propose.bind(server.replica);
  server.replica.propose = (command, timeoutMs) => gate.then(() => propose(command, timeoutMs));
  const stream = session.request(grpcHeaders);
  stream.on('error', () => {});
  stream.end(putMessage);
  await expect.poll(() => server.server.connections).toBe(1);
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await new Promise((resolve) => stream.on('close', resolve));
  release();
  expect(statusOf(await send({}, putMessage))).toBe(Code.ok);
});

test('closing lets calls under way finish, and takes no new connections', async () => {
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const propose = server.replica.propose.bind(server.replica);
  let asked = false;
  server.replica.propose = (command, timeoutMs) => {
    asked = true;
    return gate.then(() => propose(command, timeoutMs));
  };
  const answer = send({}, putMessage);
  await expect.poll(() => asked).toBe(true);
  const closed = server.server.close(30_000);
  release();
  expect(statusOf(await answer)).toBe(Code.ok);
  await closed;
  await using late = new GrpcClient(server.server.address);
  expect(await late.failure(late.put({ key: utf8('a') }, { timeoutMs: 500 }))).toBeDefined();
});

test('a thousand calls at once on one connection are all answered', async () => {
  await using client = new GrpcClient(server.server.address);
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, i) => client.put({ key: utf8(`k${i}`) })),
  );
  const revisions = new Set(answers.map(({ header }) => header?.revision));
  expect(revisions.size).toBe(1000);
});

test('a client that asks and does not read is not answered without end, and gets everything when it reads', async () => {
  await using writer = new GrpcClient(server.server.address);
  const value = new Uint8Array(1024 * 1024).fill(120);
  await writer.put({ key: utf8('large'), value });
  let answered = 0;
  const read = server.replica.read.bind(server.replica);
  server.replica.read = (consistency, timeoutMs) => {
    answered++;
    return read(consistency, timeoutMs);
  };
  const message = frame(RangeRequest.encode({ ...RangeRequest.fromJSON({}), key: utf8('large') }).finish());
  const ask = (): ClientHttp2Stream => {
    const stream = session.request({ ...grpcHeaders, ':path': '/etcdserverpb.KV/Range' });
    stream.end(message);
    return stream;
  };
  // One after the other, so that each finds what the ones before it have left unread.
  const streams: ClientHttp2Stream[] = [];
  for (let call = 0; call < 60; call++) {
    streams.push(ask());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await writer.put({ key: utf8('other') });
  expect(answered).toBeLessThan(40);
  const lengths = await Promise.all(
    streams.map(async (stream) => {
      let length = 0;
      for await (const part of stream) length += (part as Buffer).length;
      return length;
    }),
  );
  expect(answered).toBe(60);
  expect(Math.min(...lengths)).toBeGreaterThan(value.length);
});
