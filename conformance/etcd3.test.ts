import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
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

beforeEach(async () => {
  await client.delete().all();
});

test('put, get, delete', async () => {
  await client.put('a').value('1');
  expect(await client.get('a')).toBe('1');
  expect(await client.get('a').number()).toBe(1);
  await client.put('bytes').value(Buffer.from([0, 255, 1]));
  expect(await client.get('bytes').buffer()).toEqual(Buffer.from([0, 255, 1]));
  expect((await client.delete().key('a')).deleted).toBe('1');
  expect(await client.get('a')).toBeNull();
});

test('ranges: prefix, order, limit, keys, count', async () => {
  for (const key of ['p/b', 'p/a', 'p/c', 'q']) await client.put(key).value(key.toUpperCase());
  expect(await client.getAll().prefix('p/').strings()).toEqual({ 'p/a': 'P/A', 'p/b': 'P/B', 'p/c': 'P/C' });
  expect(await client.getAll().prefix('p/').sort('Key', 'Descend').limit(2).keys()).toEqual(['p/c', 'p/b']);
  expect(await client.getAll().prefix('p/').sort('Create', 'Ascend').keys()).toEqual(['p/b', 'p/a', 'p/c']);
  expect(await client.getAll().count()).toBe(4);
  expect((await client.delete().prefix('p/')).deleted).toBe('3');
  expect(await client.getAll().keys()).toEqual(['q']);
});

test('transactions', async () => {
  await client.put('a').value('1');
  const swap = (from: string, to: string) =>
    client
      .if('a', 'Value', '==', from)
      .then(client.put('a').value(to), client.get('a'))
      .else(client.get('a'))
      .commit();
  const done = await swap('1', '2');
  expect(done.succeeded).toBe(true);
  const kept = await swap('1', '3');
  expect(kept.succeeded).toBe(false);
  expect(kept.responses[0]?.response_range?.kvs[0]?.value.toString()).toBe('2');
  const created = await client.if('new', 'Create', '==', 0).then(client.put('new').value('x')).commit();
  expect(created.succeeded).toBe(true);
});

test('concurrent increments through software transactions lose none', async () => {
  await client.put('counter').value('0');
  const increment = () =>
    client.stm({ retries: 100 }).transact(async (transaction) => {
      const value = Number(await transaction.get('counter'));
      await transaction.put('counter').value(String(value + 1));
    });
  await Promise.all(Array.from({ length: 10 }, increment));
  expect(await client.get('counter').number()).toBe(10);
});
