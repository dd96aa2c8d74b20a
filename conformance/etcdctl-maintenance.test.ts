import { statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { Etcdctl } from '../test/support/etcdctl.ts';
import { foreignProgram } from '../test/support/foreign.ts';

const program = foreignProgram('etcdctl');

describe.skipIf(program === undefined)('etcdctl, for operators', () => {
  let cluster: Cluster;
  let etcdctl: Etcdctl;

  beforeAll(async () => {
    cluster = await Cluster.start();
    etcdctl = new Etcdctl(program ?? '', cluster.endpoints);
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const revision = async (): Promise<number> => (await etcdctl.json('get', 'x')).header.revision;

  test('compaction: old revisions are gone, the present stays', async () => {
    for (let i = 0; i < 5; i++) await etcdctl.ok('put', 'x', String(i));
    const at = await revision();
    expect(await etcdctl.ok('compaction', String(at - 1), '--physical')).toBe(
      `compacted revision ${at - 1}\n`,
    );
    expect(await etcdctl.ok('get', 'x', '--print-value-only')).toBe('4\n');
    expect(await etcdctl.ok('get', 'x', '--print-value-only', '--rev', String(at - 1))).toBe('3\n');
    expect(await etcdctl.failure('get', 'x', '--rev', String(at - 2))).toContain(
      'etcdserver: mvcc: required revision has been compacted',
    );
    expect(await etcdctl.failure('compaction', String(at - 1))).toContain('has been compacted');
    expect(await etcdctl.failure('compaction', String(at + 1))).toContain('is a future revision');
  });

  test('endpoint hashkv: all replicas have the same', async () => {
    const hashes = async (): Promise<number[]> =>
      (await etcdctl.json('endpoint', 'hashkv')).map(
        (each: { HashKV: { hash: number } }) => each.HashKV.hash,
      );
    await etcdctl.ok('put', 'y', '1');
    const at = String(await revision());
    // A follower may be a moment behind: it says that the revision is one of the future.
    await expect
      .poll(async () => (await etcdctl.run(['endpoint', 'hashkv', '--rev', at])).exitCode, {
        timeout: 30_000,
      })
      .toBe(0);
    const said = await etcdctl.json('endpoint', 'hashkv', '--rev', at);
    expect(new Set(said.map((each: { HashKV: { hash: number } }) => each.HashKV.hash)).size).toBe(1);
    expect(await hashes()).toHaveLength(3);
    await etcdctl.ok('put', 'y', '2');
    await expect.poll(async () => new Set(await hashes()).size, { timeout: 30_000 }).toBe(1);
  });

  test('defrag answers at once', async () => {
    expect(await etcdctl.ok('defrag')).toBe(
      cluster.members.map(({ client }) => `Finished defragmenting etcd member[${client}]\n`).join(''),
    );
  });

  test('alarm list and disarm', async () => {
    expect(await etcdctl.ok('alarm', 'list')).toBe('');
    expect(await etcdctl.ok('alarm', 'disarm')).toBe('');
  });

  test('move-leader: by the leader alone, to a member that is there', async () => {
    const leader = await cluster.leader();
    const members = (await etcdctl.json('member', 'list')).members as { ID: number; name: string }[];
    const other = members.find(({ name }) => name !== leader.name);
    const id = (other?.ID ?? 0).toString(16);
    const follower = cluster.members.find(({ name }) => name === other?.name);
    expect(await etcdctl.at(follower?.client ?? '').failure('move-leader', id)).toContain(
      'no leader endpoint',
    );
    expect(await etcdctl.failure('move-leader', 'abcdef')).toContain('etcdserver: bad leader transferee');
    expect(await etcdctl.ok('move-leader', id)).toContain(`Leadership transferred from`);
    expect((await cluster.leader()).name).toBe(other?.name);
  });

  test('snapshot save', async () => {
    const file = path.join(cluster.directory, 'backup.snap');
    const tool = etcdctl.at(cluster.members[0]?.client ?? '');
    expect((await tool.run(['snapshot', 'save', file])).exitCode).toBe(0);
    expect(statSync(file).size % 512).toBe(32);
  });

  test('check perf runs to its end, whatever this machine can do', async () => {
    const { stdout } = await etcdctl.run(['check', 'perf', '--load', 's']);
    expect(stdout).toMatch(/(PASS|FAIL): Throughput is? ?(too low, only )?\d+ writes\/s|Throughput/);
  });

  test('make-mirror: what is there and what comes goes to another cluster', async () => {
    const other = await Cluster.start({ replicas: 1 });
    try {
      for (let i = 0; i < 3; i++) await etcdctl.ok('put', `mirrored/${i}`, String(i));
      await using mirror = etcdctl.start('make-mirror', '--prefix', 'mirrored/', other.endpoints);
      const there = etcdctl.at(other.endpoints);
      const copied = async (): Promise<string> =>
        there.ok('get', 'mirrored/', '--prefix', '--print-value-only');
      await expect.poll(copied, { timeout: 60_000 }).toBe('0\n1\n2\n');
      await etcdctl.ok('put', 'mirrored/1', 'one');
      await etcdctl.ok('del', 'mirrored/0');
      await expect.poll(copied, { timeout: 60_000 }).toBe('one\n2\n');
      await mirror.interrupt();
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  test('a quota: the alarm goes up, and down when there is room again', async () => {
    const bounded = await Cluster.start({ replicas: 1, flags: ['--quota-backend-bytes', '4000000'] });
    try {
      const tool = etcdctl.at(bounded.endpoints);
      const value = 'x'.repeat(500_000);
      let refusal = '';
      for (let i = 0; i < 30 && refusal === ''; i++) {
        const { exitCode, stderr } = await tool.run(['put', `k${i}`], value);
        if (exitCode !== 0) refusal = stderr;
      }
      expect(refusal).toContain('etcdserver: mvcc: database space exceeded');
      expect(await tool.ok('alarm', 'list')).toMatch(/^memberID:\d+ alarm:NOSPACE $/m);
      expect((await tool.json('endpoint', 'status'))[0].Status.errors).toEqual([
        expect.stringContaining('NOSPACE'),
      ]);
      expect(await tool.failure('lease', 'grant', '10')).toContain('database space exceeded');
      await tool.ok('del', 'k', '--prefix');
      const at = (await tool.json('get', 'k')).header.revision;
      await tool.ok('compaction', String(at), '--physical');
      await tool.ok('defrag');
      const status = (await tool.json('endpoint', 'status'))[0].Status;
      expect(status.dbSizeInUse).toBeLessThan(2_000_000);
      expect(await tool.ok('alarm', 'disarm')).toMatch(/NOSPACE/);
      expect(await tool.ok('put', 'k', 'again')).toBe('OK\n');
      expect(await tool.ok('alarm', 'list')).toBe('');
    } finally {
      await bounded[Symbol.asyncDispose]();
    }
  });
});
