import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { encodeCommand } from '../../machine/index.ts';

let server: TestServer;

beforeEach(async () => {
  server = await serveClients();
  return async () => {
    expect(server.faults).toEqual([]);
    await server[Symbol.asyncDispose]();
  };
});

const get = (path: string, init?: RequestInit): Promise<Response> =>
  fetch(`http://${server.server.address}${path}`, init);
const post = (path: string, body: string): Promise<Response> => get(path, { method: 'POST', body });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('health', () => {
  test('healthy', async () => {
    expect(await (await get('/health')).json()).toEqual({ health: 'true', reason: '' });
    expect(await (await get('/livez')).text()).toBe('ok\n');
    expect(await (await get('/readyz?verbose')).text()).toBe(
      '[+]data_corruption ok\n[+]serializable_read ok\n[+]linearizable_read ok\n[+]non_learner ok\nok\n',
    );
  });

  test('without a leader', async () => {
    server.replica.troubles = { leader: undefined };
    const response = await get('/health');
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({ health: 'false', reason: 'RAFT NO LEADER' });
    expect((await get('/health?serializable=true')).status).toBe(200);
  });

  test('with a full disk', async () => {
    server.replica.troubles = { storageFull: true };
    expect(await (await get('/health')).json()).toEqual({ health: 'false', reason: 'ALARM NOSPACE' });
    expect((await get('/health?exclude=NOSPACE')).status).toBe(200);
  });

  test.each([
    ['noSpace', 'NOSPACE'],
    ['corrupt', 'CORRUPT'],
  ] as const)('with an alarm: %s', async (alarm, name) => {
    const raise = { type: 'alarm', action: 'activate', member: 8n, alarm } as const;
    await server.replica.propose(encodeCommand(raise));
    expect(await (await get('/health')).json()).toEqual({ health: 'false', reason: `ALARM ${name}` });
    expect((await get(`/health?exclude=${name}`)).status).toBe(200);
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(alarm === 'corrupt' ? 503 : 200);
  });

  test('when reads are refused', async () => {
    server.replica.readOutcome = { type: 'refused', reason: 'timeout' };
    expect(await (await get('/health')).json()).toEqual({ health: 'false', reason: 'RANGE ERROR:timeout' });
    const ready = await get('/readyz');
    expect(ready.status).toBe(503);
    expect(await ready.text()).toContain('[-]linearizable_read failed: timeout\n');
    expect((await get('/livez')).status).toBe(503);
  });

  test('a learner is alive but not ready', async () => {
    server.replica.troubles = { role: 'learner' };
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/readyz?exclude=non_learner')).status).toBe(200);
    expect((await get('/livez')).status).toBe(200);
  });
});

test('version and metrics', async () => {
  expect(await (await get('/version')).json()).toEqual({ etcdserver: '3.5.13', etcdcluster: '3.5.13' });
  const metrics = await get('/metrics');
  expect(metrics.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(await metrics.text()).toBe('quorate_up 1\n');
});

test('other paths and methods are answered with what there is', async () => {
  for (const path of ['/', '/v2/keys', '/constructor', '/__proto__']) {
    const missing = await get(path);
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain('/v3/kv/range');
  }
  const wrong = await get('/health', { method: 'DELETE' });
  expect(wrong.status).toBe(405);
  expect(wrong.headers.get('allow')).toBe('GET, HEAD');
  expect((await get('/health', { method: 'HEAD' })).status).toBe(200);
});

describe('the JSON gateway', () => {
  const header = { cluster_id: '3248848402', member_id: '7', raft_term: '3' };

  test('puts and ranges: bytes in base64, 64-bit numbers as strings', async () => {
    const put = await post('/v3/kv/put', JSON.stringify({ key: base64('foo'), value: base64('bar') }));
    expect(await put.json()).toEqual({ header: { ...header, revision: '2' } });
    const range = await post('/v3/kv/range', JSON.stringify({ key: base64('f'), range_end: base64('g') }));
    const pair = {
      key: base64('foo'),
      value: base64('bar'),
      create_revision: '2',
      mod_revision: '2',
      version: '1',
    };
    expect(await range.json()).toEqual({ header: { ...header, revision: '2' }, kvs: [pair], count: '1' });
  });

  test('field names may be in camel case', async () => {
    await post('/v3/kv/put', JSON.stringify({ key: base64('a') }));
    const deleted = await post(
      '/v3/kv/deleterange',
      JSON.stringify({ key: base64('a'), rangeEnd: base64('b') }),
    );
    expect(await deleted.json()).toMatchObject({ deleted: '1' });
  });

  test('transactions, with enumerations by name', async () => {
    const txn = {
      compare: [{ key: base64('a'), target: 'CREATE', result: 'EQUAL', create_revision: '0' }],
      success: [{ request_put: { key: base64('a'), value: base64('1') } }],
    };
    const response = await post('/v3/kv/txn', JSON.stringify(txn));
    expect(await response.json()).toMatchObject({
      succeeded: true,
      responses: [{ response_put: { header: { revision: '2' } } }],
    });
  });

  test('status and members', async () => {
    expect(await (await post('/v3/maintenance/status', '')).json()).toMatchObject({
      version: '3.5.13',
      leader: '7',
    });
    const members = await (await post('/v3/cluster/member/list', '{}')).json();
    expect(members).toMatchObject({ members: [{ ID: '7', name: 'n1' }, { ID: '8' }] });
  });

  test('failures have etcd’s text, the code of gRPC and a fitting status', async () => {
    const response = await post('/v3/kv/put', '{}');
    expect(response.status).toBe(400);
    const message = 'etcdserver: key is not provided';
    expect(await response.json()).toEqual({ error: message, code: 3, message });
  });

  test('an unknown outcome says so in a header', async () => {
    server.replica.writeOutcome = { type: 'unknown', reason: 'timeout' };
    const response = await post('/v3/kv/put', JSON.stringify({ key: base64('a') }));
    expect(response.status).toBe(503);
    expect(response.headers.get('quorate-outcome')).toBe('unknown');
  });

  test('and so does a refused one, whose text may be the same', async () => {
    server.replica.writeOutcome = { type: 'refused', reason: 'stopping' };
    const response = await post('/v3/kv/put', JSON.stringify({ key: base64('a') }));
    expect(response.status).toBe(503);
    expect(response.headers.get('quorate-outcome')).toBe('refused');
  });

  test.each(['{', '[]', '1', 'null', '{"lease":"x","key":"YQ=="}', '{"key":5}', '\xff'])(
    '%s is refused',
    async (body) => {
      expect((await post('/v3/kv/put', body)).status).toBe(400);
    },
  );

  test.each([
    ['/v3/kv/put', { key: '!!' }, 'key is not base64'],
    ['/v3/kv/put', { key: 12 }, 'key is not base64'],
    ['/v3/kv/put', { key: 'YQ==', value: false }, 'value is not base64'],
    ['/v3/kv/put', { key: 'YQ==', value: 'YQ=' }, undefined],
    ['/v3/kv/put', { key: 'YQ', value: '_-8' }, undefined],
    ['/v3/kv/put', { key: 'YQ==', leese: 0 }, 'leese is not a field of the request'],
    ['/v3/kv/put', { key: 'YQ==', constructor: 1 }, 'constructor is not a field of the request'],
    ['/v3/kv/put', { key: 'YQ==', lease: null, value: null }, undefined],
    [
      '/v3/kv/txn',
      { success: [{ requestPut: { key: 'YQ==', valeu: 'YQ==' } }] },
      'success.0.requestPut.valeu is not a field of the request',
    ],
    ['/v3/kv/txn', { success: [{ request_put: { key: 'a b' } }] }, 'success.0.request_put.key is not base64'],
    [
      '/v3/kv/txn',
      { compare: [{ key: 'YQ==', target: 'MOD', versoin: '1' }] },
      'compare.0.versoin is not a field',
    ],
  ])('%s %j', async (path, body, problem) => {
    const response = await post(path, JSON.stringify(body));
    if (problem === undefined) expect(response.status).toBe(200);
    else {
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ message: expect.stringContaining(problem) });
    }
  });

  test('what is not served says so', async () => {
    const response = await post('/v3/kv/rangestream', '{}');
    expect(response.status).toBe(501);
    expect(await response.json()).toMatchObject({ code: 12 });
    expect((await get('/v3/kv/range')).status).toBe(405);
  });

  test('a body that is too large is refused', async () => {
    const response = await post('/v3/kv/put', 'x'.repeat(5 * 1024 * 1024)).catch(() => undefined);
    if (response !== undefined) expect(response.status).toBe(413);
    expect((await get('/health')).status).toBe(200);
  });

  test('JSON nested without end is refused', async () => {
    const body = `${'{"success":[{"request_txn":'.repeat(20_000)}{}${'}]}'.repeat(20_000)}`;
    expect((await post('/v3/kv/txn', body)).status).toBe(400);
  });
});
