import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { putRequest, rangeRequest } from '../../src/client/wire/index.ts';
import { utf8, utf8Text } from '../../src/core/bytes.ts';
import { freePorts } from '../support/ports.ts';
import { type QuorateProcess, until } from '../support/processes.ts';
import { Cluster, type Flags, type Member } from './cluster.ts';

let cluster: Cluster;
const strangers: QuorateProcess[] = [];

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

afterEach(async () => {
  for (const stranger of strangers.splice(0)) await stranger.destroy();
});

const showLogs = (): void => onTestFailed(() => void process.stderr.write(`${cluster.logs(15)}\n`));

let writes = 0;
const marker = 'a key whose bytes can be found on disk';

/** A write and a read through each of them. */
async function serves(members: readonly Member[] = cluster.members): Promise<void> {
  for (const member of members) {
    const client = member.connect(20_000);
    try {
      const value = String(++writes);
      await client.put(putRequest({ key: utf8(marker), value: utf8(value) }));
      const { kvs } = await client.range(rangeRequest({ key: utf8(marker) }));
      expect(kvs.map((pair) => utf8Text(pair.value))).toEqual([value]);
    } finally {
      client.close();
    }
  }
}

const others = (member: Member): Member[] => cluster.members.filter((each) => each !== member);

/** Another process that claims to be `member`, on ports of its own unless it is to have the member's. */
async function impostor(member: Member, flags: Flags): Promise<QuorateProcess> {
  const port = await freePorts(2);
  const stranger = member.twin({ client: `127.0.0.1:${port}`, peer: `127.0.0.1:${port + 1}`, ...flags });
  strangers.push(stranger);
  return stranger;
}

function copyOf(member: Member): string {
  const copy = freshDirectory('copy');
  cpSync(member.dataDir, copy, { recursive: true });
  return copy;
}

const freshDirectory = (name: string): string => path.join(cluster.directory, `fresh-${name}-${++writes}`);

/** It has ended with a code of ours, and its last words are for people. */
async function refusal(replica: QuorateProcess): Promise<string> {
  expect(await replica.exitCode).toBe(1);
  expect(replica.stdout).toBe('');
  return replica.stderr.trimEnd().split('\n').at(-1) ?? '';
}

/** With `member` down for as long as `during` takes; back afterwards with the data that it had. */
async function without(member: Member, during: () => Promise<void>): Promise<void> {
  expect(await member.stop()).toBe(0);
  const kept = `${member.dataDir}.kept`;
  cpSync(member.dataDir, kept, { recursive: true });
  try {
    await during();
    await serves(others(member));
  } finally {
    for (const stranger of strangers.splice(0)) await stranger.destroy();
    rmSync(member.dataDir, { recursive: true, force: true });
    renameSync(kept, member.dataDir);
    member.start();
    await cluster.ready();
  }
  await serves();
}

describe('someone who does not belong', () => {
  test('a replica with another cluster token is told so, and never takes part', async () => {
    showLogs();
    const member = await cluster.follower();
    await without(member, async () => {
      const dataDir = freshDirectory('token');
      const { client, peer } = member;
      const stranger = await impostor(member, {
        'data-dir': dataDir,
        'cluster-token': 'theirs',
        client,
        peer,
      });
      await stranger.says('check --cluster and --cluster-token');
      expect(stranger.stderr).not.toContain('taking part');
      await until(() => others(member).some(({ logs }) => logs.includes('"wrongCluster"')));
    });
  });

  test('a fresh directory under the name of a running replica is refused', async () => {
    showLogs();
    const member = await cluster.follower();
    const twin = await impostor(member, { 'data-dir': freshDirectory('twin') });
    expect(await refusal(twin)).toContain('This empty directory must not vote in its place');
    await serves();
  });

  test('a wiped disk under an old name is refused, and the old disk is welcome', async () => {
    showLogs();
    const member = await cluster.follower();
    await without(member, async () => {
      rmSync(member.dataDir, { recursive: true });
      const message = await refusal(member.start());
      expect(message).toContain('has already taken part in this cluster with another data directory');
      expect(message).toContain('Start with the old directory');
    });
  });

  test('a copied data directory is refused on the same machine by the lock that was copied with it', async () => {
    showLogs();
    const member = await cluster.follower();
    const copy = copyOf(member);
    const message = await refusal(await impostor(member, { 'data-dir': copy }));
    expect(message).toContain(`is in use by the process ${member.pid}`);
    await serves();
  });

  test('a copied data directory elsewhere: the others say what is wrong, and go on', async () => {
    showLogs();
    const member = await cluster.follower();
    const copy = copyOf(member);
    // Another machine cannot see the process that holds the lock.
    rmSync(path.join(copy, 'lock'));
    const twin = await impostor(member, { 'data-dir': copy });
    await until(() =>
      others(member).every(({ logs }) => logs.includes('its data directory was copied or rolled back')),
    );
    await serves(others(member));
    await twin.destroy();
    await cluster.leader();
    await serves();
  });

  test('a data directory that another process uses', async () => {
    showLogs();
    const [member] = cluster.members as [Member];
    const message = await refusal(await impostor(member, {}));
    expect(message).toContain(member.dataDir);
    expect(message).toContain(String(member.pid));
    await serves();
  });

  test('another --cluster list than at the first start is warned about and not used', async () => {
    showLogs();
    const member = await cluster.follower();
    expect(await member.stop()).toBe(0);
    const replica = member.start({ cluster: `${member.name}=${member.peer},n9=127.0.0.1:9` });
    await replica.says('--cluster differs from what this data directory began with and is not used');
    await cluster.ready();
    await serves();
  });
});

describe('data that is not what was written', () => {
  /** What `damage` does to the directory of a stopped replica is noticed at its next start. */
  async function refusedAfter(damage: (dataDir: string) => void): Promise<string> {
    showLogs();
    let message = '';
    const member = await cluster.follower();
    await without(member, async () => {
      damage(member.dataDir);
      message = await refusal(member.start());
    });
    return message;
  }

  test('a flipped bit in the middle of the journal', async () => {
    for (let at = 0; at < 20; at++) await serves([cluster.members[0] as Member]);
    const message = await refusedAfter((dataDir) => {
      const file = path.join(dataDir, 'journal', readdirSync(path.join(dataDir, 'journal')).sort()[0] ?? '');
      const bytes = readFileSync(file);
      // Behind the first write that this test knows of, and long before the last.
      const at = bytes.indexOf(marker);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      writeFileSync(file, bytes);
    });
    expect(message).toMatch(/The journal is damaged: journal\/\d+\.segment, offset \d+/);
    expect(message).toContain('restore the last backup');
  });

  test('a manifest that was cut short', async () => {
    const message = await refusedAfter((dataDir) => {
      const manifest = path.join(dataDir, 'manifest.json');
      writeFileSync(manifest, readFileSync(manifest).subarray(0, 100));
    });
    expect(message).toContain('manifest.json is damaged');
  });

  test('a manifest that is gone', async () => {
    const message = await refusedAfter((dataDir) => rmSync(path.join(dataDir, 'manifest.json')));
    expect(message).toContain('holds data but no manifest.json');
    expect(message).toContain('Put the file back');
  });

  test('a store that was overwritten', async () => {
    const message = await refusedAfter((dataDir) => {
      const store = readdirSync(path.join(dataDir, 'state')).find((name) => name.endsWith('.mdb')) ?? '';
      const file = path.join(dataDir, 'state', store);
      writeFileSync(file, Buffer.alloc(readFileSync(file).length, 0x55));
    });
    expect(message).toContain('.mdb');
  });

  test('a journal that is gone', async () => {
    const message = await refusedAfter((dataDir) =>
      rmSync(path.join(dataDir, 'journal'), { recursive: true }),
    );
    expect(message).toContain('is gone, and with it what this replica promised');
  });

  test('a state that is gone is made again from a journal that is whole', async () => {
    showLogs();
    const member = await cluster.follower();
    expect(await member.stop()).toBe(0);
    rmSync(path.join(member.dataDir, 'state'), { recursive: true });
    member.start();
    await cluster.ready();
    await serves();
  });

  test('a state that is gone, and a journal that was cut since', async () => {
    await using single = await Cluster.start({ replicas: 1 });
    const [member] = single.members as [Member];
    const client = member.connect(30_000);
    const journal = path.join(member.dataDir, 'journal');
    const [first] = readdirSync(journal);
    while (readdirSync(journal).includes(first ?? '')) {
      const put = (_: unknown, at: number) =>
        client.put(putRequest({ key: utf8(`key-${at % 10}`), value: new Uint8Array(16 * 1024) }));
      await Promise.all(Array.from({ length: 500 }, put));
    }
    client.close();
    expect(await member.stop()).toBe(0);
    rmSync(path.join(member.dataDir, 'state'), { recursive: true });
    const message = await refusal(member.start());
    expect(message).toContain('the state is older than its journal');
    expect(message).toContain('restore the last backup');
  });
});
