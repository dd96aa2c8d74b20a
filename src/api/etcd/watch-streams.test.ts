import { beforeEach, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { GrpcClient } from '../../../test/support/grpc-client.ts';
import { lines, WatchClient } from '../../../test/support/watch-client.ts';
import { emptyBytes, utf8 } from '../../core/bytes.ts';
import { Random } from '../../core/random.ts';
import { nodeClock } from '../../replica/node-clock.ts';
import { WatchHub } from '../../replica/watches/hub.ts';
import { maxRequestBytes, maxWatchMessageBytes } from '../limits.ts';
import { type BidiReceiver, Code, type Failure } from '../rpc/rpc.ts';
import { SendBudget } from '../send-budget.ts';
import * as pb from './gen/etcdserverpb/rpc.ts';
import { ResponseHeaders } from './header.ts';
import { WatchService } from './watch.ts';

let server: TestServer;
let client: GrpcClient;
const opened: WatchClient[] = [];

beforeEach(async () => {
  server = await serveClients({ progressIntervalMs: 100 });
  client = new GrpcClient(server.server.address);
  return async () => {
    for (const each of opened.splice(0)) each.call.cancel();
    await client[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
    expect(server.faults).toEqual([]);
  };
});

function watching(metadata?: Readonly<Record<string, string>>): WatchClient {
  const watcher = new WatchClient(client, metadata);
  opened.push(watcher);
  return watcher;
}

const key = utf8('a');
const put = (name: string, value: string): Promise<pb.PutResponse> =>
  client.put({ key: utf8(name), value: utf8(value) });

test('a stream that requires a leader ends when there is none for a while, not by an election; others go on', async () => {
  const strict = watching({ hasleader: 'true' });
  const lenient = watching();
  await strict.created({ key });
  await lenient.created({ key });
  server.replica.lead({ leader: undefined });
  server.replica.lead({});
  server.replica.lead({ leader: undefined });
  await put('a', '0');
  expect(lines([await strict.next()])).toEqual(['PUT a=0@2']);
  expect(lines([await lenient.next()])).toEqual(['PUT a=0@2']);
  expect(await strict.status).toMatchObject({ code: Code.unavailable, details: 'etcdserver: no leader' });
  server.replica.lead({});
  await put('a', '1');
  expect(lines([await lenient.next()])).toEqual(['PUT a=1@3']);
});

test('when the server stops, streams end with the reason', async () => {
  const watcher = watching();
  await watcher.created({ key });
  await server.server.close(1_000);
  expect(await watcher.status).toMatchObject({
    code: Code.unavailable,
    details: 'etcdserver: server stopped',
  });
});

test('a slow watcher keeps a revision: others go on, it gets everything when it reads', async () => {
  const slow = watching();
  const quick = watching();
  await slow.created({ key });
  await quick.created({ key });
  slow.call.pause();
  const value = new Uint8Array(100_000).fill(120);
  for (let i = 0; i < 300; i++) await client.put({ key, value });
  await expect.poll(() => lines(quick.responses).length, { timeout: 20_000 }).toBe(300);
  await expect.poll(() => server.server.watches().behind).toBe(1);
  slow.call.resume();
  await expect.poll(() => lines(slow.responses).length, { timeout: 20_000 }).toBe(300);
  expect(lines(slow.responses)).toEqual(lines(quick.responses));
  await expect.poll(() => server.server.watches()).toMatchObject({ behind: 0, blocked: 0 });
});

test('requests that no client should make end the stream, and nothing else', async () => {
  const call = client.bidi<Uint8Array, Uint8Array>(
    '/etcdserverpb.Watch/Watch',
    {
      encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
      decode: (bytes: Uint8Array) => bytes,
    } as never,
    {
      encode: (bytes: Uint8Array) => ({ finish: () => bytes }),
      decode: (bytes: Uint8Array) => bytes,
    } as never,
  );
  call.on('error', () => {});
  const status = new Promise<{ code: number }>((resolve) => call.on('status', resolve));
  call.resume();
  call.write(emptyBytes);
  call.write(Uint8Array.of(0x0a, 0xff));
  expect((await status).code).toBe(Code.internal);
});

test('a revision that is too large for one message ends the streams of those who do not want fragments', async () => {
  const watch = async (fragment: boolean): Promise<WatchClient> => {
    const watcher = watching();
    await watcher.created({ key, rangeEnd: utf8('z'), prevKv: true, fragment });
    return watcher;
  };
  const value = new Uint8Array(maxRequestBytes - 2_000);
  const count = Math.ceil(maxWatchMessageBytes / value.length);
  for (let at = 0; at < count; at++) await client.put({ key: utf8(`a${at}`), value });
  const [whole, parts] = [await watch(false), await watch(true)];
  await client.delete({ key, rangeEnd: utf8('b') });
  expect(await whole.status).toMatchObject({ code: Code.resourceExhausted });
  await expect.poll(() => lines(parts.responses).length, { timeout: 30_000 }).toBe(count);
  expect(parts.responses.filter(({ fragment }) => fragment).length).toBe(count - 1);
}, 120_000);

test('the gateway: created, then events, a line each', async () => {
  const abort = new AbortController();
  const create = { create_request: { key: Buffer.from('a').toString('base64') } };
  const response = await fetch(`http://${server.server.address}/v3/watch`, {
    method: 'POST',
    body: JSON.stringify(create),
    signal: abort.signal,
  });
  const reader = response.body?.getReader();
  const read = async (): Promise<unknown> =>
    JSON.parse(Buffer.from((await reader?.read())?.value ?? []).toString());
  expect(await read()).toMatchObject({ result: { header: { revision: '1' }, created: true } });
  await put('a', '1');
  expect(await read()).toEqual({
    result: {
      header: { cluster_id: '3248848402', member_id: '7', revision: '2', raft_term: '3' },
      events: [
        {
          kv: { key: 'YQ==', create_revision: '2', mod_revision: '2', version: '1', value: 'MQ==' },
        },
      ],
    },
  });
  abort.abort();
  await expect.poll(() => server.server.watches().streams).toBe(0);
});

test('watchers who do not read and hold what others wait for are sent away', async () => {
  const budget = new SendBudget(1_000_000, 100);
  const { replica } = server;
  const faults: unknown[] = [];
  const onFault = (error: unknown): void => void faults.push(error);
  const random = Random.fromSeed('budget');
  const hub = new WatchHub({ replica, clock: nodeClock, random, progressIntervalMs: 60_000, onFault });
  const headers = new ResponseHeaders(replica);
  const service = new WatchService({ replica, headers, hub, budget, authorize: () => undefined });
  const taken = { slow: 0, quick: 0 };
  let ended: Failure | undefined;
  const open = (name: 'slow' | 'quick', room: boolean): BidiReceiver => {
    const [method] = service.streams();
    if (method?.method.type !== 'bidi') throw new Error('watches are bidirectional');
    const receiver = method.method.open({
      method: name,
      metadata: () => undefined,
      remainingMs: () => undefined,
      cancelled: false,
      certificateName: undefined,
      get queuedBytes() {
        return taken[name];
      },
      send: (...parts) => {
        for (const part of parts) taken[name] += part.length;
        return room;
      },
      end: (failure) => {
        ended = failure;
        receiver.closed();
      },
      pause: () => {},
      resume: () => {},
    });
    const value = { ...pb.WatchCreateRequest.fromJSON({}), key };
    receiver.message(pb.WatchRequest.encode({ requestUnion: { $case: 'createRequest', value } }).finish());
    receiver.writable();
    return receiver;
  };
  open('slow', false);
  const quick = open('quick', true);
  await client.put({ key, value: new Uint8Array(1_100_000) });
  await expect.poll(() => ended).toMatchObject({ code: Code.resourceExhausted });
  await client.put({ key, value: new Uint8Array(1_100_000) });
  await expect.poll(() => taken.quick).toBeGreaterThan(2_200_000);
  expect(faults).toEqual([]);
  quick.closed();
  hub.close();
});
