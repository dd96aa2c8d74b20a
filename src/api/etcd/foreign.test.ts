import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Etcd3 } from 'etcd3';
import { beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../../test/support/client-server.ts';
import { foreignProgram } from '../../../test/support/foreign.ts';

const etcdctl = foreignProgram('etcdctl');

let server: TestServer;

beforeEach(async () => {
  server = await serveClients();
  return async () => {
    expect(server.faults).toEqual([]);
    await server[Symbol.asyncDispose]();
  };
});

describe.runIf(etcdctl !== undefined)('etcdctl', () => {
  const execute = promisify(execFile);

  async function runWith(input: string, ...args: readonly string[]): Promise<string> {
    const env = { ...process.env, ETCDCTL_API: '3' };
    const running = execute(etcdctl ?? '', ['--endpoints', server.server.address, ...args], { env });
    running.child.stdin?.end(input);
    return (await running).stdout;
  }

  const run = (...args: readonly string[]): Promise<string> => runWith('', ...args);

  test('puts, gets and deletes', async () => {
    expect(await run('put', 'a', '1')).toBe('OK\n');
    await run('put', 'ab', '2');
    expect(await run('get', '--prefix', 'a')).toBe('a\n1\nab\n2\n');
    expect(await run('get', '--prefix', '--keys-only', '--sort-by=VALUE', '--order=DESCEND', 'a')).toBe(
      'ab\n\na\n\n',
    );
    expect(await run('put', '--prev-kv', 'a', '3')).toBe('OK\na\n1\n');
    expect(await run('get', '--rev=2', 'a')).toBe('a\n1\n');
    expect(await run('del', '--prefix', 'a')).toBe('2\n');
  });

  test('transactions', async () => {
    const answer = await runWith('create("a") = "0"\n\nput a 1\nget a\n\nget a\n\n', 'txn');
    expect(answer).toBe('SUCCESS\n\nOK\n\na\n1\n');
  });

  test('status, health and members', async () => {
    const [status] = JSON.parse(await run('endpoint', 'status', '-w', 'json'));
    expect(status.Status).toMatchObject({
      version: '3.5.13',
      leader: 7,
      header: { member_id: 7, revision: 1 },
    });
    expect(await run('member', 'list')).toBe(
      '7, started, n1, http://127.0.0.1:2380, http://127.0.0.1:2379, false\n8, unstarted, , http://127.0.0.1:22380, , false\n',
    );
    await run('endpoint', 'health');
  });

  test('saves a snapshot', async () => {
    await run('put', 'a', '1');
    const directory = mkdtempSync(join(tmpdir(), 'etcdctl-'));
    try {
      await run('snapshot', 'save', join(directory, 'backup'));
      expect(statSync(join(directory, 'backup')).size % 512).toBe(32);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('grants leases, attaches keys to them, and revokes them', async () => {
    expect(await run('lease', 'grant', '60')).toMatch(/^lease [0-9a-f]+ granted with TTL\(60s\)$/m);
    const [lease = ''] = (await run('lease', 'list')).match(/^[0-9a-f]+$/m) ?? [];
    await run('put', '--lease', lease, 'a', '1');
    expect(await run('lease', 'timetolive', '--keys', lease)).toBe(
      `lease ${lease} granted with TTL(60s), remaining(60s), attached keys([a])\n`,
    );
    expect(await run('lease', 'keep-alive', '--once', lease)).toBe(
      `lease ${lease} keepalived with TTL(60)\n`,
    );
    expect(await run('lease', 'revoke', lease)).toBe(`lease ${lease} revoked\n`);
    expect(await run('get', 'a')).toBe('');
    expect(await run('lease', 'timetolive', lease)).toBe(`lease ${lease} already expired\n`);
  });
});

describe('the etcd3 package', () => {
  test('puts, gets, deletes and transacts', async () => {
    const client = new Etcd3({ hosts: `http://${server.server.address}` });
    try {
      await client.put('a').value('1');
      expect(await client.get('a').string()).toBe('1');
      expect(await client.getAll().prefix('a').strings()).toEqual({ a: '1' });
      const result = await client.if('a', 'Value', '==', '1').then(client.put('a').value('2')).commit();
      expect(result.succeeded).toBe(true);
      expect(await client.get('a').string()).toBe('2');
      expect((await client.delete().all()).deleted).toBe('1');
    } finally {
      client.close();
    }
  });
});
