import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, connect, op } from '../src/client/index.ts';
import { Cluster } from '../test/processes/cluster.ts';
import { runCli, startCli } from '../test/support/cli.ts';
import { EtcdCluster } from '../test/support/etcd-cluster.ts';
import { foreignProgram } from '../test/support/foreign.ts';
import { until } from '../test/support/processes.ts';

const etcd = foreignProgram('etcd');
const etcdctl = foreignProgram('etcdctl');

describe.skipIf(etcd === undefined || etcdctl === undefined)('quorate copy, between etcd and Quorate', () => {
  let theirs: EtcdCluster;
  let ours: Cluster;
  let source: Client;
  let target: Client;
  let from: string;
  let to: string;

  beforeAll(async () => {
    theirs = await EtcdCluster.start(etcd ?? '', 1);
    ours = await Cluster.start();
    from = theirs.members.map(({ client }) => client).join(',');
    to = ours.members.map(({ client }) => client).join(',');
    source = await connect({ endpoints: from });
    target = await connect({ endpoints: to });
    for (let batch = 0; batch < 20; batch++) {
      const puts = Array.from({ length: 50 }, (_, at) =>
        op.put(`k/${String(batch * 50 + at).padStart(5, '0')}`, `value ${at}`),
      );
      await source.txn({ do: puts });
    }
  });
  afterAll(async () => {
    await source?.close();
    await target?.close();
    await theirs?.[Symbol.asyncDispose]();
    await ours?.[Symbol.asyncDispose]();
  });

  const copied = async (...flags: string[]): Promise<Record<string, unknown>> => {
    const { exitCode, stdout, stderr } = await runCli([
      'copy',
      '--from',
      from,
      '--to',
      to,
      '--output',
      'json',
      ...flags,
    ]);
    expect([exitCode, stderr]).toEqual([0, '']);
    return JSON.parse(stdout);
  };
  const pairsOf = async (client: Client, prefix: string): Promise<string[]> => {
    const pairs: string[] = [];
    for await (const { name, text } of client.scan({ prefix })) pairs.push(`${name}=${text}`);
    return pairs;
  };

  test('is interrupted, goes on, and brings up to date', async () => {
    const running = startCli(['copy', '--from', from, '--to', to, '--rate', '200']);
    await until(async () => (await target.range({ prefix: 'k/', countOnly: true })).count >= 200);
    running.stop();
    expect(await running.outcome).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('run it again'),
    });

    const { copied: rest } = await copied();
    expect(rest).toBeLessThanOrEqual(800);
    expect(await pairsOf(target, 'k/')).toEqual(await pairsOf(source, 'k/'));
    expect(await copied()).toMatchObject({ keys: 1000, copied: 0, verified: true });

    await source.put('k/00007', 'changed');
    await source.del('k/00008');
    expect(await copied('--prefix', 'k/')).toMatchObject({ keys: 999, copied: 1, extra: 1 });
    expect((await target.get('k/00007'))?.text).toBe('changed');
    await target.del('k/00008');
  });

  test('carries leases over under their ids', async () => {
    const flags = ['--endpoints', from];
    const env = { ...process.env, ETCDCTL_API: '3' };
    const granted = execFileSync(etcdctl ?? '', [...flags, 'lease', 'grant', '600'], {
      env,
      encoding: 'utf8',
    });
    const id = /lease ([0-9a-f]+) granted/.exec(granted)?.[1] ?? '';
    await source.put('leased/1', 'alive', { lease: BigInt(`0x${id}`) });
    expect(await copied('--prefix', 'leased/')).toMatchObject({ keys: 1, copied: 1, leases: 1, expired: 0 });
    const ttl = await runCli(['lease', 'ttl', id, '--keys', '--endpoints', to]);
    expect(ttl.stdout).toMatch(new RegExp(`^${id} has \\d+ s of 600 s left\nleased/1\n$`));
  });

  test('back again, through a change of leader', async () => {
    for (let at = 0; at < 300; at++) await target.put(`back/${at}`, 'x'.repeat(1_000));
    const running = startCli(['copy', '--from', to, '--to', from, '--prefix', 'back/', '--rate', '100']);
    await until(async () => (await source.range({ prefix: 'back/', countOnly: true })).count >= 100);
    const leader = await ours.leader();
    await leader.kill();
    expect(await running.outcome).toMatchObject({ exitCode: 0 });
    leader.start();
    expect(await pairsOf(source, 'back/')).toEqual(await pairsOf(target, 'back/'));
  });

  test('of a cluster that is not there', async () => {
    const { exitCode, stderr } = await runCli(['copy', '--from', '127.0.0.1:1', '--to', to]);
    expect([exitCode, stderr]).toEqual([4, expect.stringContaining('127.0.0.1:1')]);
    expect(await runCli(['copy', '--to', to])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('--from is missing'),
    });
  });
});
