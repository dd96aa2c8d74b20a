import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { EtcdCluster } from '../test/support/etcd-cluster.ts';
import { Etcdctl } from '../test/support/etcdctl.ts';
import { foreignProgram } from '../test/support/foreign.ts';
import { until } from '../test/support/processes.ts';

const program = foreignProgram('etcdctl');
const etcd = foreignProgram('etcd');

// What etcdctl does that is more than one call, against three members.
describe.skipIf(program === undefined)('etcdctl', () => {
  let cluster: Cluster;
  let etcdctl: Etcdctl;

  beforeAll(async () => {
    cluster = await Cluster.start();
    etcdctl = new Etcdctl(program ?? '', cluster.endpoints);
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const pairs = (of: Etcdctl, prefix: string): Promise<string> => of.ok('get', prefix, '--prefix');

  describe.skipIf(etcd === undefined)('make-mirror', () => {
    test.each(['from etcd to us', 'from us to etcd'])('%s: what was there, and what comes', async (way) => {
      await using theirs = await EtcdCluster.start(etcd ?? '', 1);
      const other = etcdctl.at(theirs.members[0]?.client ?? '');
      const [from, to, target] =
        way === 'from etcd to us'
          ? [other, etcdctl, cluster.members[0]?.client]
          : [etcdctl, other, theirs.members[0]?.client];
      const prefix = `${way}/`;
      for (const key of ['a', 'b', 'c']) await from.ok('put', prefix + key, key);
      await using mirror = from.start('make-mirror', '--prefix', prefix, target ?? '');
      const same = async (): Promise<boolean> => (await pairs(from, prefix)) === (await pairs(to, prefix));
      await until(same);
      expect(await pairs(to, prefix)).toContain('b\nb\n');
      await from.ok('put', `${prefix}d`, 'new');
      await from.ok('del', `${prefix}a`);
      await from.ok('put', `${prefix}b`, 'changed');
      await until(same);
      expect(await pairs(to, prefix)).toBe(`${prefix}b\nchanged\n${prefix}c\nc\n${prefix}d\nnew\n`);
      expect(mirror.said).not.toContain('Error');
    });
  });

  test('lock: the second waits for the first, over the death of the leader', async () => {
    await using first = etcdctl.start('lock', 'l', '--ttl', '60');
    await first.says(/^l\/\w+\n/);
    await using second = etcdctl.start('lock', 'l', '--ttl', '60');
    await until(
      async () => (await etcdctl.ok('get', 'l/', '--prefix', '--keys-only')).split('l/').length === 3,
    );
    const leader = await cluster.leader();
    await leader.kill();
    leader.start();
    await leader.serving();
    expect(second.said).toBe('');
    await first.interrupt();
    await second.says(/^l\/\w+\n/);
    await second.interrupt();
  });

  test('elect: the next candidate follows the first, and those who listen are told of both', async () => {
    await using first = etcdctl.start('elect', 'e', 'one');
    await first.says('one');
    await using second = etcdctl.start('elect', 'e', 'two');
    await until(
      async () => (await etcdctl.ok('get', 'e/', '--prefix', '--keys-only')).split('e/').length === 3,
    );
    await using listener = etcdctl.start('elect', '--listen', 'e');
    await listener.says('one');
    await first.interrupt();
    await listener.says('two');
    await second.says('two');
  });

  test('check perf runs to its end and leaves nothing behind', async () => {
    // Whether it passes says how fast this machine is.
    const { stdout, stderr } = await etcdctl.run(['check', 'perf', '--load', 's', '--auto-compact']);
    expect(stdout + stderr).toMatch(/(PASS|FAIL): (Throughput|Slowest request|Stddev)/);
    expect(await etcdctl.ok('get', '/etcdctl-check-perf/', '--prefix', '--keys-only')).toBe('');
  });
});
