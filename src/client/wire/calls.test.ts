import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { utf8 } from '../../core/bytes.ts';
import { Calls, ClientFailure, prefixEnd, putRequest, rangeRequest, withoutEnd } from './index.ts';

const opened: (() => void | PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function server(): Promise<TestServer> {
  const cluster = await serveClients();
  opened.push(() => cluster[Symbol.asyncDispose]());
  return cluster;
}

function client(addresses: readonly string[], timeoutMs = 5_000): Calls {
  const made = new Calls({ servers: addresses.map((address) => ({ address, tls: undefined })), timeoutMs });
  opened.push(() => made.close());
  return made;
}

/** Takes connections and treats them as told. */
async function rawServer(onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const listener: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  opened.push(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return `127.0.0.1:${(listener.address() as AddressInfo).port}`;
}

const nobody = '127.0.0.1:1';
const put = putRequest({ key: utf8('a'), value: utf8('1') });

const failureOf = async (call: Promise<unknown>): Promise<ClientFailure> => {
  const outcome = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof ClientFailure) return outcome;
  throw new Error(`expected a ClientFailure, got ${String(outcome)}`);
};

describe('where a call goes', () => {
  test('past servers that cannot be reached', async () => {
    const { server: port } = await server();
    const calls = client([nobody, port.address]);
    expect((await calls.put(put)).header?.revision).toBe(2n);
    expect((await calls.range(rangeRequest({ key: utf8('a') }))).count).toBe(1n);
  });

  test('past a server that has no leader: it certainly did nothing', async () => {
    const [lost, led] = [await server(), await server()];
    lost.replica.writeOutcome = { type: 'refused', reason: 'noLeader' };
    expect((await client([lost.server.address, led.server.address]).put(put)).header?.revision).toBe(2n);
  });

  test('again, when every server says that it cannot be done now', async () => {
    const { replica, server: port } = await server();
    replica.writeOutcome = { type: 'refused', reason: 'noLeader' };
    const call = client([port.address], 20_000).put(put);
    setTimeout(() => {
      replica.writeOutcome = undefined;
    }, 250);
    expect((await call).header?.revision).toBe(2n);
  });

  test('a read past a server that takes it and never answers', async () => {
    const stalled = await server();
    stalled.replica.read = () => new Promise(() => undefined);
    const { server: port } = await server();
    const answer = await client([stalled.server.address, port.address], 2_000).range(
      rangeRequest({ key: utf8('a') }),
    );
    expect(answer.count).toBe(0n);
  });
});

describe('what became of a call', () => {
  test('unreachable: every address and its reason', async () => {
    const failure = await failureOf(client([nobody, '127.0.0.1:2']).put(put));
    expect(failure.type).toBe('unreachable');
    expect(failure.message).toMatch(/127\.0\.0\.1:1: .*ECONNREFUSED.*; 127\.0\.0\.1:2: .*ECONNREFUSED/);
  });

  test('unreachable: a server that accepts and says nothing', async () => {
    const address = await rawServer(() => undefined);
    expect((await failureOf(client([address], 500).put(put))).type).toBe('unreachable');
  });

  test('unreachable: something that speaks another protocol', async () => {
    const address = await rawServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    expect((await failureOf(client([address], 2_000).put(put))).type).toBe('unreachable');
  });

  test('refused: the request is wrong in itself, and no other server is asked', async () => {
    const [first, second] = [await server(), await server()];
    const request = rangeRequest({ key: new Uint8Array(0) });
    const failure = await failureOf(client([first.server.address, second.server.address]).range(request));
    expect([failure.type, failure.message]).toEqual(['refused', 'etcdserver: key is not provided']);
    expect(second.replica.reads).toBe(0);
  });

  test.each(['notLeader', 'stopping', 'transferring'] as const)(
    'refused: a write that a server did not take, %s, although its text is also that of an unknown outcome',
    async (reason) => {
      const { replica, server: port } = await server();
      replica.writeOutcome = { type: 'refused', reason };
      expect((await failureOf(client([port.address], 300).put(put))).type).toBe('refused');
    },
  );

  test('refused: another server is asked, since the first one did nothing', async () => {
    const [first, second] = [await server(), await server()];
    first.replica.writeOutcome = { type: 'refused', reason: 'stopping' };
    const calls = client([first.server.address, second.server.address]);
    expect((await calls.put(put)).header?.revision).toBe(2n);
  });

  test.each(['stopped', 'timeout'] as const)(
    'unknown: the same text with the other trailer, %s',
    async (reason) => {
      const { replica, server: port } = await server();
      replica.writeOutcome = { type: 'unknown', reason };
      expect((await failureOf(client([port.address]).put(put))).type).toBe('unknown');
    },
  );

  test('unknown: a write whose server does not know, and no other server is asked', async () => {
    const [first, second] = [await server(), await server()];
    first.replica.writeOutcome = { type: 'unknown', reason: 'timeout' };
    const calls = client([first.server.address, second.server.address]);
    expect((await failureOf(calls.put(put))).type).toBe('unknown');
    expect((await client([second.server.address]).range(rangeRequest({ key: utf8('a') }))).count).toBe(0n);
  });

  test('unknown: a write whose server never answers', async () => {
    const { replica, server: port } = await server();
    replica.propose = () => new Promise(() => undefined);
    expect((await failureOf(client([port.address], 500).put(put))).type).toBe('unknown');
  });

  test('unknown: a write whose connection breaks', async () => {
    const { replica, server: port } = await server();
    replica.propose = () => {
      void port.close(0);
      return new Promise(() => undefined);
    };
    expect((await failureOf(client([port.address]).put(put))).type).toBe('unknown');
  });
});

describe('the end of a prefix', () => {
  test.each<[number[], Uint8Array]>([
    [[0x61], Uint8Array.of(0x62)],
    [[0x61, 0xff], Uint8Array.of(0x62)],
    [[0xff, 0xff], withoutEnd],
    [[], withoutEnd],
  ])('%j', (prefix, end) => {
    expect(prefixEnd(Uint8Array.from(prefix))).toEqual(end);
  });
});
