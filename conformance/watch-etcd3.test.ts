import { Etcd3, type Watcher } from 'etcd3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';

let cluster: Cluster;
let client: Etcd3;

beforeAll(async () => {
  cluster = await Cluster.start();
  client = new Etcd3({ hosts: cluster.members.map((member) => member.client) });
});

afterAll(async () => {
  client?.close();
  await cluster?.[Symbol.asyncDispose]();
});

/** "put key=value" of whatever the watcher was told. */
function record(watcher: Watcher): string[] {
  const told: string[] = [];
  watcher.on('put', (pair) => told.push(`put ${pair.key}=${pair.value}`));
  watcher.on('delete', (pair) => told.push(`delete ${pair.key}`));
  return told;
}

test('a watcher of a prefix and one of a key on one stream', async () => {
  const prefix = await client.watch().prefix('p/').create();
  const single = await client.watch().key('p/a').create();
  const [ofPrefix, ofKey] = [record(prefix), record(single)];
  await client.put('p/a').value('1');
  await client.put('p/b').value('2');
  await client.delete().key('p/a');
  await expect.poll(() => ofPrefix).toEqual(['put p/a=1', 'put p/b=2', 'delete p/a']);
  expect(ofKey).toEqual(['put p/a=1', 'delete p/a']);
  await prefix.cancel();
  await client.put('p/a').value('3');
  await expect.poll(() => ofKey).toEqual(['put p/a=1', 'delete p/a', 'put p/a=3']);
  expect(ofPrefix.length).toBe(3);
  await single.cancel();
});

test('a watcher from a revision in the past', async () => {
  const { header } = await client.put('h').value('1');
  await client.put('h').value('2');
  const watcher = client.watch().key('h').startRevision(header.revision).watcher();
  const told = record(watcher);
  await expect.poll(() => told).toEqual(['put h=1', 'put h=2']);
  await watcher.cancel();
});

test('a watcher over the death of every replica in turn loses nothing and hears nothing twice', async () => {
  const watcher = await client.watch().key('k').create();
  const told = record(watcher);
  const expected: string[] = [];
  for (const [at, member] of cluster.members.entries()) {
    await client.put('k').value(`${at}`);
    expected.push(`put k=${at}`);
    await member.kill();
    await member.start();
  }
  await client.put('k').value('last');
  await expect.poll(() => told, { timeout: 30_000 }).toEqual([...expected, 'put k=last']);
  await watcher.cancel();
}, 60_000);
