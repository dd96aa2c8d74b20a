import { execFile } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { foreignProgram } from '../test/support/foreign.ts';

const program = foreignProgram('etcdctl');

describe.skipIf(program === undefined)('etcdctl', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start();
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    await etcdctl('del', '', '--from-key');
  });

  interface Ended {
    readonly exitCode: number | string;
    readonly stdout: string;
    readonly stderr: string;
  }

  /** Never rejects; `input` is what is typed. */
  function run(args: readonly string[], input = ''): Promise<Ended> {
    return new Promise((resolve) => {
      const child = execFile(
        program ?? '',
        ['--endpoints', cluster.endpoints, '--command-timeout', '20s', ...args],
        { env: { ...process.env, ETCDCTL_API: '3' }, timeout: 30_000 },
        (error, stdout, stderr) => resolve({ exitCode: error?.code ?? 0, stdout, stderr }),
      );
      child.stdin?.end(input);
    });
  }

  async function etcdctl(...args: string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await run(args);
    expect([exitCode, stderr]).toEqual([0, '']);
    return stdout;
  }

  const lines = async (...args: string[]): Promise<string[]> =>
    (await etcdctl(...args)).split('\n').filter((line) => line !== '');

  async function putAll(...keys: string[]): Promise<void> {
    for (const [at, key] of keys.entries()) expect(await etcdctl('put', key, String(at))).toBe('OK\n');
  }

  test('put and get', async () => {
    expect(await etcdctl('put', 'greeting', 'hello')).toBe('OK\n');
    expect(await etcdctl('get', 'greeting')).toBe('greeting\nhello\n');
    expect(await etcdctl('put', 'greeting', 'again', '--prev-kv')).toBe('OK\ngreeting\nhello\n');
    expect(await etcdctl('get', 'greeting', '--print-value-only')).toBe('again\n');
    expect(await etcdctl('get', 'nobody')).toBe('');
    expect(await etcdctl('get', 'greeting', '--consistency', 's', '--print-value-only')).toBe('again\n');
  });

  test('get: prefix, range, from a key on, limit, order, keys only, count', async () => {
    await putAll('b/2', 'b/1', 'a', 'c');
    expect(await lines('get', 'b/', '--prefix', '--keys-only')).toEqual(['b/1', 'b/2']);
    expect(await lines('get', 'a', 'b/2', '--keys-only')).toEqual(['a', 'b/1']);
    expect(await lines('get', 'b/2', '--from-key', '--keys-only')).toEqual(['b/2', 'c']);
    expect(await lines('get', '', '--prefix', '--limit', '2', '--keys-only')).toEqual(['a', 'b/1']);
    expect(await lines('get', '', '--prefix', '--order', 'DESCEND', '--keys-only')).toEqual([
      'c',
      'b/2',
      'b/1',
      'a',
    ]);
    expect(
      await lines('get', '', '--prefix', '--sort-by', 'CREATE', '--order', 'ASCEND', '--keys-only'),
    ).toEqual(['b/2', 'b/1', 'a', 'c']);
    expect(
      await lines('get', '', '--prefix', '--sort-by', 'VALUE', '--order', 'DESCEND', '--keys-only'),
    ).toEqual(['c', 'a', 'b/1', 'b/2']);
    // This etcdctl has no --count-only; the count is in its answers.
    expect(await etcdctl('get', 'b/', '--prefix', '--limit', '1', '--write-out', 'fields')).toContain(
      '"Count" : 2',
    );
  });

  test('revisions and versions, as etcd counts them', async () => {
    await putAll('a', 'a');
    const { header, kvs } = JSON.parse(await etcdctl('get', 'a', '--write-out', 'json'));
    const [pair] = kvs;
    expect(pair).toMatchObject({
      version: 2,
      mod_revision: header.revision,
      create_revision: header.revision - 1,
    });
  });

  test('del', async () => {
    await putAll('a', 'b/1', 'b/2', 'c');
    expect(await etcdctl('del', 'a')).toBe('1\n');
    expect(await etcdctl('del', 'a')).toBe('0\n');
    expect(await etcdctl('del', 'b/', '--prefix', '--prev-kv')).toBe('2\nb/1\n1\nb/2\n2\n');
    expect(await lines('get', '', '--prefix', '--keys-only')).toEqual(['c']);
  });

  test('txn, typed', async () => {
    await putAll('account');
    const script =
      'value("account") = "0"\n\nput account 1\nput log "first"\nget account\n\nput log "lost"\n\n';
    const first = await run(['txn', '--interactive'], script);
    expect(first.exitCode).toBe(0);
    expect(first.stdout).toMatch(/SUCCESS\s+OK\s+OK\s+account\s+1\s/);
    expect((await run(['txn', '-i'], script)).stdout).toMatch(/FAILURE\s+OK\s/);
    expect(await etcdctl('get', 'log', '--print-value-only')).toBe('lost\n');
    const guarded = await run(['txn'], 'create("new") = "0"\nmod("account") > "1"\n\nput new 1\n\n\n');
    expect(guarded.stdout).toMatch(/^SUCCESS\s+OK\s/);
    expect((await run(['txn'], 'version("new") = "7"\n\n\ndel new\n\n')).stdout).toMatch(/^FAILURE\s+1\s/);
  });

  test('large values pass, too large ones are refused in the words of etcd', async () => {
    const large = 'x'.repeat(100_000);
    expect((await run(['put', 'large'], large)).stdout).toBe('OK\n');
    expect(await etcdctl('get', 'large', '--print-value-only')).toBe(`${large}\n`);
    const { exitCode, stderr } = await run(['put', 'larger'], 'x'.repeat(1_600_000));
    expect(exitCode).toBe(1);
    expect(stderr).toContain('etcdserver: request is too large');
  });

  test('endpoint health and status, member list', async () => {
    const { exitCode, stdout, stderr } = await run(['endpoint', 'health']);
    expect([exitCode, `${stdout}${stderr}`]).toEqual([
      0,
      expect.stringMatching(/^(.* is healthy: .*\n){3}$/),
    ]);
    const statuses = JSON.parse(await etcdctl('endpoint', 'status', '--write-out', 'json'));
    const leaders = new Set(statuses.map((each: { Status: { leader: number } }) => each.Status.leader));
    expect([statuses.length, leaders.size]).toEqual([3, 1]);
    expect(statuses[0].Status).toMatchObject({
      version: expect.stringMatching(/^3\.\d+\.\d+$/),
      raftTerm: expect.any(Number),
    });
    const members = await lines('member', 'list');
    expect(members).toHaveLength(3);
    for (const { name, client, peer } of cluster.members) {
      const line = members.find((each) => each.includes(` ${name}, `)) ?? '';
      expect(line).toMatch(/^[0-9a-f]+, started, /);
      expect(line).toContain(`http://${peer}, http://${client}`);
    }
  });

  test('a follower answers as the leader does', async () => {
    await putAll('a');
    for (const { client } of cluster.members) {
      expect(await etcdctl('--endpoints', client, 'get', 'a', '--print-value-only')).toBe('0\n');
      expect(await etcdctl('--endpoints', client, 'put', 'a', '0')).toBe('OK\n');
    }
  });

  test('reads of the past', async () => {
    await putAll('a', 'b', 'a');
    const [pair] = JSON.parse(await etcdctl('get', 'a', '--write-out', 'json')).kvs;
    const before = String(pair.mod_revision - 1);
    expect(await etcdctl('get', 'a', '--rev', before, '--print-value-only')).toBe('0\n');
    const future = await run(['get', 'a', '--rev', String(pair.mod_revision + 1)]);
    expect(future.exitCode).toBe(1);
    expect(future.stderr).toContain('etcdserver: mvcc: required revision is a future revision');
  });
});
