import { closeSync, openSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, onTestFailed, test } from 'vitest';
import { type Calls, ClientFailure, putRequest, rangeRequest } from '../../src/client/wire/index.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { until } from '../support/processes.ts';
import { Cluster, type Member } from './cluster.ts';
import { SmallDisk } from './small-disk.ts';

const probe = SmallDisk.mount(1);
probe?.[Symbol.dispose]();

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function smallDisk(megabytes: number): SmallDisk {
  const disk = SmallDisk.mount(megabytes);
  if (disk === undefined) throw new Error('there was room for one before');
  cleanups.push(() => disk[Symbol.dispose]());
  return disk;
}

async function clusterOn(replicas: number, dataDirs: Readonly<Record<string, string>>): Promise<Cluster> {
  const cluster = await Cluster.start({ replicas, dataDirs });
  cleanups.push(() => cluster[Symbol.asyncDispose]());
  onTestFailed(() => void process.stderr.write(`${cluster.logs(15)}\n`));
  return cluster;
}

function connect(from: Cluster | Member): Calls {
  const client = from.connect(20_000);
  cleanups.push(() => client.close());
  return client;
}

/** Takes all room but `left` bytes, as somebody else's files would. */
function fill(directory: string, left = 0): string {
  const file = path.join(directory, 'somebody-elses-file');
  const descriptor = openSync(file, 'w');
  const block = Buffer.alloc(64 * 1024);
  try {
    while (writeSync(descriptor, block) === block.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  } finally {
    closeSync(descriptor);
  }
  truncateSync(file, statSync(file).size - left);
  return file;
}

const put = (client: Calls, key: string, bytes = 10) =>
  client.put(putRequest({ key: utf8(key), value: new Uint8Array(bytes) }));
const count = async (client: Calls): Promise<bigint> =>
  (await client.range(rangeRequest({ key: utf8('k'), rangeEnd: utf8('l'), countOnly: true }))).count;

/** Writes until a write is refused; how many were taken. */
async function writeUntilRefused(
  client: Calls,
  bytes = 64 * 1024,
): Promise<{ taken: number; refusal: ClientFailure }> {
  for (let taken = 0; ; taken++) {
    try {
      await put(client, `k${String(taken).padStart(6, '0')}`, bytes);
    } catch (error) {
      if (error instanceof ClientFailure) return { taken, refusal: error };
      throw error;
    }
  }
}

describe.skipIf(probe === undefined)('a full disk', () => {
  test('of the only replica: writes are refused, reads served, and all is well when there is room', async () => {
    const disk = smallDisk(80);
    const dataDir = path.join(disk.directory, 'n1');
    const cluster = await clusterOn(1, { n1: dataDir });
    const [member] = cluster.members as [Member];
    const client = connect(cluster);
    await put(client, 'k-first');
    const filler = fill(disk.directory);
    const { taken, refusal } = await writeUntilRefused(client);
    expect(refusal).toMatchObject({ type: 'refused', message: 'etcdserver: mvcc: database space exceeded' });
    expect(member.logs).toContain('the disk is full: no writes are taken');
    expect(await count(client)).toBe(BigInt(taken + 1));
    await expect(put(client, 'k-again')).rejects.toMatchObject({ type: 'refused' });

    rmSync(filler);
    await until(() =>
      put(client, 'k-after').then(
        () => true,
        () => false,
      ),
    );
    expect(member.logs).toContain('room on the disk again');
    expect(await count(client)).toBe(BigInt(taken + 2));
    expect(await member.stop()).toBe(0);
    member.start();
    await cluster.ready();
    expect(await count(client)).toBe(BigInt(taken + 2));
  });

  test('with a large state: LMDB, which would end the process, never meets it', async () => {
    const disk = smallDisk(130);
    const cluster = await clusterOn(1, { n1: path.join(disk.directory, 'n1') });
    const [member] = cluster.members as [Member];
    const client = connect(cluster);
    for (let at = 0; at < 20; at++) await put(client, `k-${at}`, 900_000);
    const filler = fill(disk.directory);
    const { taken, refusal } = await writeUntilRefused(client, 900_000);
    expect(refusal).toMatchObject({ type: 'refused' });
    await member.process.says('the disk is full: no writes are taken');
    const response = await fetch(`http://${member.client}/health`);
    expect(((await response.json()) as { reason: string }).reason).toMatch(
      /^ALARM NOSPACE: no room .*: \d+ bytes needed, /,
    );
    expect(await count(client)).toBe(BigInt(taken + 20));
    expect(member.running).toBe(true);
    for (const line of member.logs.split('\n').filter((text) => text !== ''))
      expect(line).toMatch(/^\{.*\}$/);

    rmSync(filler);
    await until(() =>
      put(client, 'k-after').then(
        () => true,
        () => false,
      ),
    );
    expect(await count(client)).toBe(BigInt(taken + 21));
    expect(await member.stop()).toBe(0);
  });

  test('and a kill meanwhile: it starts when there is room, and what was acknowledged is there', async () => {
    const disk = smallDisk(80);
    const cluster = await clusterOn(1, { n1: path.join(disk.directory, 'n1') });
    const [member] = cluster.members as [Member];
    const client = connect(cluster);
    const filler = fill(disk.directory);
    const { taken } = await writeUntilRefused(client);
    await member.kill();
    const early = member.start();
    expect(await early.exitCode).toBe(1);
    expect(early.stderr).toContain(`The data directory ${member.dataDir} cannot be written: ENOSPC`);
    rmSync(filler);
    member.start();
    await cluster.ready();
    expect(await count(client)).toBe(BigInt(taken));
    await put(client, 'k-again');
  });

  test('of a follower: the others go on without it, and it catches up when there is room', async () => {
    const disk = smallDisk(240);
    const cluster = await clusterOn(3, { n3: path.join(disk.directory, 'n3') });
    const [n1, n2, n3] = cluster.members as [Member, Member, Member];
    if ((await cluster.leader()) === n3) {
      expect(await n3.stop()).toBe(0);
      n3.start();
      await cluster.ready();
    }
    const client = connect((await cluster.leader()) === n1 ? n1 : n2);
    const filler = fill(disk.directory);
    const writes = 400;
    for (let at = 0; at < writes; at += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, offset) => put(client, `k${at + offset}`, 64 * 1024)));
    }
    expect(n3.logs).toContain('the disk is full');
    const late = connect(n3);
    await expect(put(late, 'k-refused')).rejects.toMatchObject({ type: 'refused' });
    rmSync(filler);
    await until(async () => (await count(late).catch(() => 0n)) === BigInt(writes));
  });

  test('of a follower that needs a snapshot: the others are not disturbed, and it gets one when there is room', async () => {
    const disk = smallDisk(300);
    const cluster = await clusterOn(3, { n3: path.join(disk.directory, 'n3') });
    const [n1, n2, n3] = cluster.members as [Member, Member, Member];
    expect(await n3.stop()).toBe(0);
    const client = connect(await cluster.leader([n1, n2]));
    // More than the others keep of their logs.
    const writes = 2_500;
    for (let at = 0; at < writes; at += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, offset) => put(client, `k${at + offset}`, 16 * 1024)));
    }
    const filler = fill(disk.directory, 60 * 1024 * 1024);
    n3.start();
    await n3.process.says('no room for a snapshot');
    await Promise.any([n1, n2].map((member) => member.process.says('"againAfterMs":2000')));
    rmSync(filler);
    const late = connect(n3);
    await until(async () => (await count(late).catch(() => 0n)) === BigInt(writes));
    expect(n3.running).toBe(true);
  });
});

describe.skipIf(probe === undefined)('a read-only disk', () => {
  test('is refused at the start, with what to do', async () => {
    const disk = smallDisk(80);
    const cluster = await clusterOn(1, { n1: path.join(disk.directory, 'n1') });
    const [member] = cluster.members as [Member];
    expect(await member.stop()).toBe(0);
    disk.makeReadOnly();
    const replica = member.start();
    expect(await replica.exitCode).toBe(1);
    expect(replica.stderr).toContain(member.dataDir);
    expect(replica.stderr).toMatch(/read-only/);
  });
});
