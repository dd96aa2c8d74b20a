import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Client } from '../src/client/index.ts';
import { foreignProgram } from '../test/support/foreign.ts';
import { clusterStores, type Store } from './client-stores.ts';

const etcdctl = foreignProgram('etcdctl');

describe.skipIf(etcdctl === undefined).each(clusterStores)('$name, beside etcdctl', ({ start }) => {
  let store: Store;
  let client: Client;
  let endpoints: string;
  beforeAll(async () => {
    store = await start();
    client = await store.connect();
    endpoints = store.processes?.members.map((member) => member.client).join(',') ?? '';
  });
  afterAll(async () => {
    await client?.close();
    await store?.[Symbol.asyncDispose]();
  });

  const env = { ...process.env, ETCDCTL_API: '3' };
  const count = async (prefix: string): Promise<number> => (await client.range({ prefix })).count;
  const started = (...args: string[]) => {
    const child = spawn(etcdctl ?? '', ['--endpoints', endpoints, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    return { child, ended: once(child, 'exit'), output: () => output };
  };

  test('a lock of etcdctl waits for ours, and ours for it', async () => {
    const ours = await client.lock('shared', { ttl: 30 });
    const theirs = started('lock', 'shared');
    while ((await count('shared/')) < 2) await pause(20);
    expect(theirs.output()).toBe('');
    await ours.release();
    while (!theirs.output().startsWith('shared/')) await pause(20);
    let held = false;
    const again = client.lock('shared', { ttl: 30 }).then((lock) => {
      held = true;
      return lock;
    });
    while ((await count('shared/')) < 2) await pause(20);
    expect(held).toBe(false);
    theirs.child.kill('SIGINT');
    const lock = await again;
    expect(lock.fence).toBeGreaterThan(ours.fence);
    await lock.release();
    await theirs.ended;
  });

  test('who observes with etcdctl sees whom we elected', async () => {
    await using leadership = await client.elect('office', 'us', { ttl: 30 });
    const theirs = started('elect', '--listen', 'office');
    while (!theirs.output().includes('us')) await pause(20);
    await leadership.proclaim('still us');
    while (!theirs.output().includes('still us')) await pause(20);
    theirs.child.kill('SIGINT');
    await theirs.ended;
  });

  test('keys and values are the same on both sides', async () => {
    await client.put('from us', 'grüße');
    const run = (...args: string[]) =>
      execFileSync(etcdctl ?? '', ['--endpoints', endpoints, ...args], { env, encoding: 'utf8' });
    expect(run('get', 'from us', '--print-value-only')).toBe('grüße\n');
    run('put', 'from them', 'voilà');
    expect((await client.get('from them'))?.text).toBe('voilà');
  });
});
