import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { utf8 } from '../src/core/bytes.ts';
import { embedded } from '../src/embedded/index.ts';
import { keySpace } from '../src/machine/index.ts';
import { Replica } from '../src/replica/index.ts';
import { restoredRevisionStep, restoreSnapshot } from '../src/replica/restore.ts';
import { freePorts } from './support/ports.ts';

let directory: string;
let address: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-restore-'));
  address = `127.0.0.1:${await freePorts(1)}`;
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function open(name: string): Promise<Replica> {
  const replica = await Replica.open({
    machine: keySpace,
    dataDir: join(directory, name),
    cluster: [{ name: 'n1', address }],
  });
  expect(await replica.ready()).toBe(true);
  return replica;
}

test('a watch that saw what came after the backup is told that its place is gone', async () => {
  const file = join(directory, 'backup');
  let last: bigint;
  {
    await using replica = await open('old');
    await using client = embedded(replica);
    await client.put('a', 'kept');
    await pipeline(Readable.from(replica.snapshot()), createWriteStream(file));
    await client.put('a', 'undone');
    ({ revision: last } = await client.put('b', 'undone'));
  }
  const restored = await restoreSnapshot({
    file,
    dataDir: join(directory, 'new'),
    name: 'n1',
    cluster: [{ name: 'n1', address }],
    clusterToken: '',
  });
  expect(restored.revision).toBe(last - 2n + BigInt(restoredRevisionStep));

  await using replica = await open('new');
  await using client = embedded(replica);
  // Its copy of the keys is of a history that is no more. Only whoever is told so reads them anew.
  const resumed = client.watch({ prefix: '', fromRevision: last + 1n });
  const gone = { code: 'compacted', revision: restored.revision };
  const told = expect(resumed[Symbol.asyncIterator]().next()).rejects.toMatchObject(gone);
  await client.put('c', 'later');
  await told;

  expect((await client.get('a'))?.value).toEqual(utf8('kept'));
  const watch = client.watch({ prefix: '', fromRevision: restored.revision + 1n });
  for await (const { name } of watch) {
    expect(name).toBe('c');
    break;
  }
});
