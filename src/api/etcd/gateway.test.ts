import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { SingleReplica } from '../../../test/support/single-replica.ts';
import { SimpleTokens } from '../auth/simple-tokens.ts';
import { etcdDoor } from './services.ts';

let server: TestServer;

beforeEach(async () => {
  server = await serveClients();
  return async () => {
    expect(server.faults).toEqual([]);
    await server[Symbol.asyncDispose]();
  };
});

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const request = (path: string, body: unknown): Promise<Response> =>
  fetch(`http://${server.server.address}/v3${path}`, { method: 'POST', body: JSON.stringify(body) });

/** The answer, as JSON without its header. */
async function post(path: string, body: unknown): Promise<Record<string, unknown>> {
  const response = await request(path, body);
  expect(response.status).toBe(200);
  const { header: _, ...rest } = (await response.json()) as Record<string, unknown>;
  return rest;
}

/** The first so many lines of a streamed answer. */
async function lines(path: string, body: unknown, count: number): Promise<Record<string, unknown>[]> {
  const response = await request(path, body);
  const got: Record<string, unknown>[] = [];
  let text = '';
  if (response.body === null) throw new Error('no body');
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n')) {
      got.push(JSON.parse(text.slice(0, end)));
      text = text.slice(end + 1);
      if (got.length === count) return got;
    }
  }
  throw new Error(`ended after ${got.length} lines`);
}

test('every path that etcd’s gateway has is here', () => {
  const { gateway } = etcdDoor({
    replica: new SingleReplica(),
    schemes: { peer: 'http', client: 'http' },
    tokens: new SimpleTokens({ ttlMs: 1000, now: () => 0 }),
    certificateNames: false,
    quotaBytes: undefined,
    progressIntervalMs: 600_000,
    fault: () => undefined,
  });
  const paths = {
    kv: ['range', 'put', 'deleterange', 'txn', 'compaction'],
    'kv/lease': ['revoke', 'timetolive', 'leases'],
    lease: ['grant', 'revoke', 'keepalive', 'timetolive', 'leases'],
    cluster: ['member/add', 'member/remove', 'member/update', 'member/list', 'member/promote'],
    maintenance: [
      ...['alarm', 'status', 'defragment', 'hash', 'hashkv', 'snapshot'],
      ...['transfer-leadership', 'downgrade'],
    ],
    auth: [
      ...['enable', 'disable', 'status', 'authenticate'],
      ...['user/add', 'user/get', 'user/list', 'user/delete', 'user/changepw', 'user/grant', 'user/revoke'],
      ...['role/add', 'role/get', 'role/list', 'role/delete', 'role/grant', 'role/revoke'],
    ],
    lock: ['lock', 'unlock'],
    election: ['campaign', 'proclaim', 'leader', 'observe', 'resign'],
  };
  const expected = Object.entries(paths).flatMap(([under, names]) =>
    names.map((name) => `/${under}/${name}`),
  );
  expect([...gateway.keys()].sort()).toEqual([...expected, '/watch'].sort());
});

describe('over plain HTTP and JSON', () => {
  test('a lease: granted, used, looked at, kept alive and revoked, by either path', async () => {
    expect(await post('/lease/grant', { ID: '7', TTL: '60' })).toEqual({ ID: '7', TTL: '60' });
    await post('/kv/put', { key: base64('a'), lease: '7' });
    const left = { ID: '7', TTL: '60', grantedTTL: '60', keys: [base64('a')] };
    for (const path of ['/lease/timetolive', '/kv/lease/timetolive'])
      expect(await post(path, { ID: '7', keys: true })).toEqual(left);
    for (const path of ['/lease/leases', '/kv/lease/leases'])
      expect(await post(path, {})).toEqual({ leases: [{ ID: '7' }] });
    expect(await lines('/lease/keepalive', { ID: '7' }, 1)).toMatchObject([
      { result: { ID: '7', TTL: '60' } },
    ]);
    await post('/kv/lease/revoke', { ID: '7' });
    expect(await post('/kv/range', { key: base64('a') })).toEqual({});
    const gone = await request('/lease/revoke', { ID: '7' });
    expect(gone.status).toBe(404);
    expect(await gone.json()).toMatchObject({ code: 5, message: 'etcdserver: requested lease not found' });
  });

  test('compaction and alarms', async () => {
    await post('/kv/put', { key: base64('a') });
    expect(await post('/kv/compaction', { revision: '2' })).toEqual({});
    expect((await request('/kv/compaction', { revision: '2' })).status).toBe(400);
    const alarm = { memberID: '7', alarm: 'NOSPACE' };
    expect(await post('/maintenance/alarm', { action: 'ACTIVATE', ...alarm })).toEqual({ alarms: [alarm] });
    expect((await request('/kv/put', { key: base64('a') })).status).toBe(429);
    expect(await post('/maintenance/alarm', { action: 'DEACTIVATE', ...alarm })).toEqual({ alarms: [alarm] });
  });

  test('an election that is observed', async () => {
    await post('/lease/grant', { ID: '7', TTL: '60' });
    const name = base64('e');
    const { leader } = await post('/election/campaign', { name, lease: '7', value: base64('me') });
    expect(leader).toEqual({ name, key: base64('e/7'), rev: '2', lease: '7' });
    const [line] = await lines('/election/observe', { name }, 1);
    expect(line).toMatchObject({ result: { kv: { key: base64('e/7'), value: base64('me') } } });
    await post('/election/proclaim', { leader, value: base64('still me') });
    expect(await post('/election/leader', { name })).toMatchObject({ kv: { value: base64('still me') } });
    await post('/election/resign', { leader });
    expect((await request('/election/leader', { name })).status).toBe(500);
  });

  test('a snapshot, in lines', async () => {
    const [line] = await lines('/maintenance/snapshot', {}, 1);
    expect(line).toMatchObject({ result: { blob: expect.any(String) } });
  });
});
