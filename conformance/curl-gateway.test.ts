import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { foreignProgram } from '../test/support/foreign.ts';
import { until } from '../test/support/processes.ts';

const curl = foreignProgram('curl');

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const text = (encoded: string): string => Buffer.from(encoded, 'base64').toString();

// With curl as etcd's own documents show it: the JSON gateway of three members.
describe.skipIf(curl === undefined)('curl', () => {
  let cluster: Cluster;
  let turn = 0;

  beforeAll(async () => {
    cluster = await Cluster.start();
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  /** Each call asks the next member. */
  const url = (path: string): string =>
    `http://${cluster.members[turn++ % cluster.members.length]?.client}${path}`;

  function run(...args: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      execFile(curl ?? '', ['--silent', '--show-error', '--max-time', '120', ...args], (error, stdout) =>
        error === null ? resolve(stdout) : reject(error),
      );
    });
  }

  const get = (path: string): Promise<string> => run(url(path));
  const post = async (path: string, body: object) =>
    JSON.parse(await run('-X', 'POST', '--data', JSON.stringify(body), url(`/v3${path}`)));

  const put = (key: string, value: string, more: object = {}) =>
    post('/kv/put', { key: base64(key), value: base64(value), ...more });

  test('put, range, delete', async () => {
    const { header } = await put('foo', 'bar');
    expect(header).toMatchObject({
      cluster_id: expect.stringMatching(/^\d+$/),
      member_id: expect.stringMatching(/^\d+$/),
      revision: expect.stringMatching(/^\d+$/),
      raft_term: expect.stringMatching(/^\d+$/),
    });
    await put('foo2', 'bar2');
    const found = await post('/kv/range', { key: base64('foo'), range_end: base64('fop') });
    expect(found.count).toBe('2');
    expect(found.kvs.map((pair: { value: string }) => text(pair.value))).toEqual(['bar', 'bar2']);
    expect(found.kvs[0]).toMatchObject({
      key: base64('foo'),
      create_revision: header.revision,
      mod_revision: header.revision,
      version: '1',
    });
    expect(await post('/kv/deleterange', { key: base64('foo'), range_end: base64('fop') })).toMatchObject({
      deleted: '2',
    });
    expect((await post('/kv/range', { key: base64('foo') })).kvs).toBeUndefined();
  });

  test('transactions, compaction and errors', async () => {
    const { header } = await put('t', 'v');
    const answer = await post('/kv/txn', {
      compare: [{ target: 'CREATE', key: base64('t'), createRevision: header.revision }],
      success: [{ requestPut: { key: base64('t'), value: base64('w') } }],
    });
    expect(answer).toMatchObject({ succeeded: true, responses: [{ response_put: {} }] });
    await post('/kv/compaction', { revision: answer.header.revision, physical: true });
    expect(await post('/kv/range', { key: base64('t'), revision: header.revision })).toMatchObject({
      error: 'etcdserver: mvcc: required revision has been compacted',
      code: 11,
    });
    expect(await post('/kv/put', {})).toMatchObject({ error: 'etcdserver: key is not provided', code: 3 });
  });

  test('a watch streams, line by line', async () => {
    const watching = new Lines(
      spawn(curl ?? '', [
        '--silent',
        '--no-buffer',
        ...['-X', 'POST', '--data', JSON.stringify({ create_request: { key: base64('w') } })],
        url('/v3/watch'),
      ]),
    );
    try {
      await watching.count(1);
      expect(watching.line(0)).toMatchObject({ result: { created: true } });
      await put('w', '1');
      await post('/kv/deleterange', { key: base64('w') });
      await watching.count(3);
      expect(watching.line(1).result.events).toMatchObject([{ kv: { value: base64('1') } }]);
      expect(watching.line(2).result.events).toMatchObject([{ type: 'DELETE' }]);
    } finally {
      await watching.end();
    }
  });

  test('leases, locks and elections', async () => {
    const { ID, TTL } = await post('/lease/grant', { TTL: 60 });
    expect(TTL).toBe('60');
    await put('l', 'x', { lease: ID });
    expect(await post('/lease/keepalive', { ID })).toMatchObject({ result: { ID, TTL: '60' } });
    expect((await post('/lease/timetolive', { ID, keys: true })).keys).toEqual([base64('l')]);
    expect((await post('/lease/leases', {})).leases).toEqual([{ ID }]);
    const { key } = await post('/lock/lock', { name: base64('a'), lease: ID });
    expect(text(key)).toBe(`a/${BigInt(ID).toString(16)}`);
    await post('/lock/unlock', { key });
    const { leader } = await post('/election/campaign', {
      name: base64('e'),
      value: base64('me'),
      lease: ID,
    });
    expect((await post('/election/leader', { name: base64('e') })).kv.value).toBe(base64('me'));
    await post('/election/proclaim', { leader, value: base64('still me') });
    expect((await post('/election/leader', { name: base64('e') })).kv.value).toBe(base64('still me'));
    await post('/election/resign', { leader });
    expect((await post('/election/leader', { name: base64('e') })).error).toBe('election: no leader');
    await post('/lease/revoke', { ID });
    expect((await post('/kv/range', { key: base64('l') })).count).toBeUndefined();
  });

  test('members, status, alarms, hashes and users', async () => {
    const { members } = await post('/cluster/member/list', {});
    expect(members.map(({ name }: { name: string }) => name).sort()).toEqual(['n1', 'n2', 'n3']);
    expect(await post('/maintenance/status', {})).toMatchObject({
      version: expect.stringMatching(/^3\.5\./),
      leader: expect.stringMatching(/^\d+$/),
    });
    expect((await post('/maintenance/alarm', {})).alarms).toBeUndefined();
    expect((await post('/maintenance/hash', {})).hash).toEqual(expect.any(Number));
    await post('/auth/user/add', { name: 'u', password: 'p' });
    expect((await post('/auth/user/list', {})).users).toEqual(['u']);
    expect(await post('/auth/user/add', { name: 'u', password: 'p' })).toMatchObject({
      error: 'etcdserver: user name already exists',
      code: 9,
    });
    await post('/auth/user/delete', { name: 'u' });
  });

  test('version, health and metrics', async () => {
    expect(JSON.parse(await get('/version'))).toMatchObject({ etcdserver: expect.stringMatching(/^3\.5\./) });
    expect(JSON.parse(await get('/health'))).toMatchObject({ health: 'true' });
    expect(await get('/metrics')).toContain('etcd_server_has_leader 1');
  });
});

/** What a program prints, a JSON text on each line. */
class Lines {
  readonly #child: ChildProcess;
  #said = '';

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
    });
  }

  count(lines: number): Promise<void> {
    return until(() => this.#said.split('\n').length > lines);
  }

  line(at: number) {
    return JSON.parse(this.#said.split('\n')[at] ?? '');
  }

  async end(): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill();
    await closed;
  }
}
