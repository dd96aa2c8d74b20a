import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Cluster, type Member } from '../test/processes/cluster.ts';
import { Etcdctl } from '../test/support/etcdctl.ts';
import { foreignProgram } from '../test/support/foreign.ts';

const program = foreignProgram('etcdctl');

const listed = (members: readonly Member[]): string =>
  members.map(({ name, peer }) => `${name}=${peer}`).join(',');

describe.skipIf(program === undefined)('etcdctl member', () => {
  let cluster: Cluster;
  let etcdctl: Etcdctl;

  beforeAll(async () => {
    cluster = await Cluster.plan({ replicas: 3 });
    const [first] = cluster.members;
    if (first === undefined) throw new Error('no members');
    first.start({ cluster: listed([first]) });
    await cluster.ready([first]);
    etcdctl = new Etcdctl(program ?? '', first.client);
  });

  afterAll(() => cluster?.[Symbol.asyncDispose]());

  const states = async (): Promise<string[]> =>
    (await etcdctl.ok('member', 'list')).trim().split('\n').sort();

  const start = async (member: Member, ...others: Member[]): Promise<void> => {
    member.start({ cluster: listed([...others, member]), 'initial-cluster-state': 'existing' });
    await member.serving();
  };

  test('adds a learner, promotes it, adds a voter, moves and removes members', async () => {
    const [first, second, third] = cluster.members;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no members');
    const added = await etcdctl.ok('member', 'add', 'n2', '--learner', `--peer-urls=http://${second.peer}`);
    const id = /Member +([0-9a-f]+) added to cluster/.exec(added)?.[1] ?? '';
    expect(id).not.toBe('');
    expect(await etcdctl.failure('member', 'add', 'x', '--learner', '--peer-urls=http://h:1')).toContain(
      'etcdserver: too many learner members in cluster',
    );
    expect(await etcdctl.failure('member', 'add', 'x', `--peer-urls=http://${second.peer}`)).toContain(
      'etcdserver: Peer URLs already exists',
    );
    expect(await etcdctl.failure('member', 'promote', id)).toContain('in sync with leader');
    await start(second, first);
    await expect
      .poll(async () => (await etcdctl.run(['member', 'promote', id])).exitCode, { timeout: 30_000 })
      .toBe(0);
    expect(await etcdctl.failure('member', 'promote', id)).toContain(
      'etcdserver: can only promote a learner member',
    );
    await etcdctl.ok('member', 'add', 'n3', `--peer-urls=http://${third.peer}`);
    await start(third, first, second);
    while ((await states()).some((line) => line.endsWith('true'))) await pause(50);
    expect(await states()).toHaveLength(3);
    await etcdctl.ok('put', 'a', '1');
    expect(await etcdctl.ok('member', 'remove', id)).toContain('removed from cluster');
    expect(await second.process.exitCode).toBe(1);
    expect(await etcdctl.failure('member', 'remove', id)).toContain('etcdserver: member not found');
    expect(await etcdctl.ok('get', 'a', '--print-value-only')).toBe('1\n');
    expect(await etcdctl.failure('member', 'add', 'x', '--peer-urls=nowhere')).not.toBe('');
  }, 120_000);
});
