import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { Etcdctl } from '../test/support/etcdctl.ts';
import { foreignProgram } from '../test/support/foreign.ts';

const program = foreignProgram('etcdctl');

describe.skipIf(program === undefined)('etcdctl, leases and what lives by them', () => {
  let cluster: Cluster;
  let etcdctl: Etcdctl;

  beforeAll(async () => {
    cluster = await Cluster.start();
    etcdctl = new Etcdctl(program ?? '', cluster.endpoints);
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  async function grant(ttl: number): Promise<string> {
    const said = await etcdctl.ok('lease', 'grant', String(ttl));
    const [, lease = ''] = /^lease ([0-9a-f]+) granted with TTL\(\d+s\)$/m.exec(said) ?? [];
    expect(lease).not.toBe('');
    return lease;
  }

  test('lease grant, list, timetolive, keep-alive --once, revoke', async () => {
    const lease = await grant(500);
    expect(await etcdctl.ok('lease', 'list')).toContain(lease);
    await etcdctl.ok('put', 'attached', '1', '--lease', lease);
    const left = await etcdctl.ok('lease', 'timetolive', lease, '--keys');
    expect(left).toMatch(/granted with TTL\(500s\), remaining\(4\d\ds\), attached keys\(\[attached\]\)/);
    expect(await etcdctl.ok('lease', 'keep-alive', '--once', lease)).toContain('keepalived with TTL(500)');
    expect(await etcdctl.ok('lease', 'revoke', lease)).toBe(`lease ${lease} revoked\n`);
    expect(await etcdctl.ok('get', 'attached')).toBe('');
    expect(await etcdctl.ok('lease', 'timetolive', lease)).toBe(`lease ${lease} already expired\n`);
    expect(await etcdctl.failure('lease', 'revoke', lease)).toContain(
      'etcdserver: requested lease not found',
    );
    expect(await etcdctl.failure('put', 'a', '1', '--lease', lease)).toContain(
      'etcdserver: requested lease not found',
    );
  });

  test('a lease that nobody renews ends, and its keys with it', async () => {
    const lease = await grant(1);
    await etcdctl.ok('put', 'short', '1', '--lease', lease);
    await expect.poll(() => etcdctl.ok('get', 'short'), { timeout: 60_000 }).toBe('');
    expect(await etcdctl.ok('lease', 'timetolive', lease)).toContain('already expired');
  });

  test('lease keep-alive keeps a lease alive, through every member', async () => {
    const lease = await grant(3);
    await etcdctl.ok('put', 'kept', '1', '--lease', lease);
    for (const { client } of cluster.members) {
      await using keeper = etcdctl.at(client).start('lease', 'keep-alive', lease);
      await keeper.says(/(keepalived with TTL\(3\)[\s\S]*){3}/);
    }
    expect(await etcdctl.ok('get', 'kept', '--print-value-only')).toBe('1\n');
  });

  test('lock: one at a time, in turn', async () => {
    await using first = etcdctl.start('lock', 'l');
    await first.says(/^l\/[0-9a-f]+$/m);
    await using second = etcdctl.start('lock', 'l');
    await expect.poll(async () => (await etcdctl.json('get', 'l/', '--prefix', '--keys-only')).count).toBe(2);
    expect(second.said).toBe('');
    await first.interrupt();
    await second.says(/^l\/[0-9a-f]+$/m);
    expect(second.said).not.toBe(first.said);
    await second.interrupt();
    expect(await etcdctl.ok('lock', 'l', 'echo', 'held')).toContain('held');
  });

  test('lock: passes on when its holder dies', async () => {
    const first = etcdctl.start('lock', 'd', '--ttl', '2');
    await first.says(/^d\//m);
    await using second = etcdctl.start('lock', 'd');
    await expect.poll(async () => (await etcdctl.json('get', 'd/', '--prefix', '--keys-only')).count).toBe(2);
    await first[Symbol.asyncDispose]();
    await second.says(/^d\//m);
  });

  test('elect: candidates, one leader, and those who listen', async () => {
    await using first = etcdctl.start('elect', 'e', 'alpha');
    await first.says('alpha');
    await using listener = etcdctl.start('elect', '--listen', 'e');
    await listener.says('alpha');
    await using second = etcdctl.start('elect', 'e', 'beta');
    await expect.poll(async () => (await etcdctl.json('get', 'e/', '--prefix', '--keys-only')).count).toBe(2);
    expect(second.said).toBe('');
    await first.interrupt();
    await second.says('beta');
    await listener.says('beta');
  });
});
