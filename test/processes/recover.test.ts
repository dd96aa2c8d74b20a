import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { codeOf, connect } from '../../src/client/index.ts';
import { runCli } from '../support/cli.ts';
import { freePorts } from '../support/ports.ts';
import { QuorateProcess, quorate } from '../support/processes.ts';
import { Cluster } from './cluster.ts';

interface Recovered {
  readonly name: string;
  readonly epoch: string;
  readonly index: string;
  readonly clusterId: string;
  readonly oldClusterId: string;
}

/** A put may be repeated when its answer was lost with the server. */
async function acknowledge(put: () => Promise<unknown>): Promise<void> {
  await put().catch((error: unknown) => {
    if (codeOf(error) !== 'disconnected') throw error;
    return put();
  });
}

/** Digests of all files but the lock, by name. */
function contentsOf(directory: string): ReadonlyMap<string, string> {
  const contents = new Map<string, string>();
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()) {
    const file = path.join(directory, name);
    if (name === 'lock' || !statSync(file).isFile()) continue;
    contents.set(name, createHash('sha256').update(readFileSync(file)).digest('hex'));
  }
  return contents;
}

test('a new cluster has everything that the member that knew most had acknowledged', async () => {
  await using cluster = await Cluster.start();
  const acknowledged = new Map<string, string>();
  {
    const client = await connect({ endpoints: cluster.endpoints });
    for (let at = 0; at < 200; at++) {
      // One is left behind for the second half.
      if (at === 100) await (await cluster.follower()).kill();
      await acknowledge(() => client.put(`k/${at % 50}`, `${at}`, { deadlineMs: 60_000 }));
      acknowledged.set(`k/${at % 50}`, `${at}`);
    }
    await client.close();
  }
  await Promise.all(cluster.members.map((member) => member.kill()));

  const found: (Recovered & { readonly dataDir: string })[] = [];
  for (const { dataDir } of cluster.members) {
    const newDataDir = `${dataDir}-recovered`;
    const before = contentsOf(dataDir);
    const args = [
      'recover',
      '--data-dir',
      dataDir,
      '--new-data-dir',
      newDataDir,
      '--yes',
      '--output',
      'json',
    ];
    const { exitCode, stdout, stderr } = await quorate(args);
    expect([exitCode, stderr]).toEqual([
      0,
      expect.stringContaining('None of the old members may ever run again'),
    ]);
    expect(contentsOf(dataDir)).toEqual(before);
    found.push({ ...(JSON.parse(stdout) as Recovered), dataDir: newDataDir });
  }
  expect(readdirSync(cluster.directory).filter((name) => name.includes('recovering'))).toEqual([]);
  expect(new Set(found.map(({ oldClusterId }) => oldClusterId)).size).toBe(1);
  expect(new Set(found.map(({ clusterId }) => clusterId)).size).toBe(3);

  found.sort((a, b) => Number(b.epoch) - Number(a.epoch) || Number(b.index) - Number(a.index));
  const [best, , worst] = found;
  expect(Number(worst?.index)).toBeLessThan(Number(best?.index));
  const port = await freePorts(2);
  const [address, peer] = [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`];
  const flags = ['--name', best?.name ?? '', '--data-dir', best?.dataDir ?? '', '--client', address];
  const cluster1 = `${best?.name}=${peer}`;
  const replica = new QuorateProcess(['serve', ...flags, '--peer', peer, '--cluster', cluster1]);
  try {
    await replica.says('"msg":"serving"');
    const client = await connect({ endpoints: address });
    const { entries, revision } = await client.range({ prefix: '' });
    const present = new Map(entries.map(({ name, text }) => [name, text]));
    expect([...present].sort()).toEqual([...acknowledged].sort());
    expect(revision).toBeGreaterThan(1_000_000_000n);
    await client.put('and', 'on');
    await client.close();
  } finally {
    replica.child.kill('SIGTERM');
    expect(await replica.exitCode).toBe(0);
  }
});

test('what is refused, and changes nothing', async () => {
  await using cluster = await Cluster.start({ replicas: 1 });
  const [member] = cluster.members;
  const dataDir = member?.dataDir ?? '';
  const newDataDir = `${dataDir}-recovered`;
  const recover = (from: string, to: string, typed?: readonly string[]) =>
    runCli(
      ['recover', '--data-dir', from, '--new-data-dir', to, ...(typed === undefined ? ['--yes'] : [])],
      typed === undefined ? {} : { typed },
    );
  expect(await recover(dataDir, newDataDir)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('is in use by the process'),
  });
  await member?.stop();
  const nowhere = path.join(cluster.directory, 'nowhere');
  expect(await recover(nowhere, newDataDir)).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining(`${nowhere} does not exist`),
  });
  expect(await recover(tmpdir(), newDataDir)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('is not the data directory of a replica'),
  });
  expect(existsSync(nowhere)).toBe(false);
  expect(await recover(dataDir, dataDir)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('is there already'),
  });
  for (const place of ['/dev/null/new', '/proc/new', path.join(cluster.directory, 'not', 'there')])
    expect(await recover(dataDir, place)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/cannot be made|cannot be copied/),
    });
  expect(await recover(dataDir, newDataDir, ['yes'])).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('given up. Nothing was done.'),
  });
  const words = ['recover', '--data-dir', dataDir, '--new-data-dir', newDataDir];
  const unasked = await runCli([...words, '--output', 'json']);
  expect(unasked).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') });
  expect(unasked.stderr).toMatch(/n1 of the cluster .* knows of everything up to index \d+ in epoch \d+/);
  expect(JSON.parse(unasked.stdout)).toEqual({
    name: 'n1',
    oldClusterId: expect.stringMatching(/^[0-9a-f]+$/),
    epoch: expect.stringMatching(/^\d+$/),
    index: expect.stringMatching(/^\d+$/),
  });
  expect(readdirSync(cluster.directory)).toEqual(['n1']);
  expect(await recover(dataDir, newDataDir, ['n1'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('quorate serve --name n1'),
  });
});
