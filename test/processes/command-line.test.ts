import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launcherPath } from '../../src/cli/start/replica-process.ts';
import { quorate } from '../support/processes.ts';
import { Cluster } from './cluster.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

const aReplica = ['--name', 'n1', '--data-dir', '/nonexistent/n1', '--cluster', 'n1=127.0.0.1:9999'];

test.each([
  ['an unknown flag', ['serve', ...aReplica, '--clinet', '127.0.0.1:1'], 'did you mean --client?'],
  [
    'a flag of etcd',
    ['serve', ...aReplica, '--listen-client-urls', 'http://127.0.0.1:1'],
    'use --client HOST:PORT',
  ],
  ['an address without a port', ['serve', ...aReplica, '--client', '127.0.0.1'], 'no port'],
  ['an address that is none', ['serve', ...aReplica, '--peer', '300.1.2.3:1'], '300.1.2.3'],
  ['an address that everybody can reach', ['serve', ...aReplica, '--client', '0.0.0.0:2379'], '--insecure'],
  ['a cluster without this replica', ['serve', ...aReplica, '--name', 'n9'], 'not n9'],
  ['an endpoint that is none', ['put', 'a', 'b', '--endpoints', 'localhost'], 'no port'],
  ['an unknown command', ['frobnicate'], 'frobnicate'],
])('%s is wrong usage: exit code 2, and what to do', async (_name, args, advice) => {
  const { exitCode, stdout, stderr } = await quorate(args);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toContain(advice);
});

test.skipIf(!existsSync('/dev/full'))(
  'a write whose answer cannot be written ends with 3, and has happened',
  async () => {
    const endpoints = ['--endpoints', cluster.endpoints];
    const full = openSync('/dev/full', 'w');
    try {
      const put = spawnSync(process.execPath, [launcherPath, 'put', 'full', 'B', ...endpoints], {
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      });
      expect([put.status, put.stderr]).toEqual([
        3,
        'quorate: the answer cannot be written to stdout: the disk is full. What was asked for may have happened: read before you try again.\n',
      ]);
    } finally {
      closeSync(full);
    }
    expect((await quorate(['get', 'full', '--raw', ...endpoints])).stdout).toBe('B');
  },
);

test('worlds that nobody hears the end of are no success', () => {
  const command = `"${process.execPath}" "${launcherPath}" sim --seeds 1..1000 --seconds 1 --threads 1`;
  const { stdout } = spawnSync('bash', ['-c', `${command} | head -n 1; echo "\${PIPESTATUS[0]}"`], {
    encoding: 'utf8',
  });
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('3');
});

test('what a command is told by a cluster without a quorum', async () => {
  const [n1, n2, n3] = cluster.members;
  const ask = (...args: string[]) => quorate([...args, '--endpoints', cluster.endpoints, '--timeout', '3s']);
  expect((await ask('put', 'a', '1')).exitCode).toBe(0);
  await Promise.all([n2?.kill(), n3?.kill()]);

  const written = await ask('put', 'a', '2');
  // Refused when the one that is left has noticed already, and unknown when it had proposed the write before.
  expect([1, 3]).toContain(written.exitCode);
  expect(written.stderr).toMatch(written.exitCode === 1 ? /[Nn]othing/ : /may/);
  const read = await ask('get', 'a');
  expect([read.exitCode, read.stdout]).toEqual([1, '']);
  const local = await ask('get', 'a', '--raw', '--consistency', 'local');
  expect([local.exitCode, local.stdout]).toEqual([0, '1']);

  await n1?.kill();
  const unreachable = await ask('put', 'a', '3');
  expect(unreachable.exitCode).toBe(4);
  expect(unreachable.stderr).toContain('Nothing was sent');
  for (const member of cluster.members) member.start();
  await cluster.ready();
  const { exitCode, stdout } = await ask('get', 'a', '--raw');
  expect(exitCode).toBe(0);
  expect(written.exitCode === 1 ? ['1'] : ['1', '2']).toContain(stdout);
});
