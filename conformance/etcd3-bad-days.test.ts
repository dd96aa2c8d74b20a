import { setTimeout as pause } from 'node:timers/promises';
import { Etcd3, EtcdLockFailedError } from 'etcd3';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Cluster } from '../test/processes/cluster.ts';
import { until } from '../test/support/processes.ts';

let cluster: Cluster;
const clients: Etcd3[] = [];

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  for (let at = 0; at < 3; at++) clients.push(connect());
  return () => {
    for (const client of clients.splice(0)) client.close();
  };
});

const connect = (): Etcd3 => new Etcd3({ hosts: cluster.members.map((member) => member.client) });

/** Until it is done: the same once more is no harm. */
async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch {
      await pause(50);
    }
  }
}

/** As `lock.release()`, which cannot be tried again: a lock that nobody knows of would hold up the others. */
const release = (client: Etcd3, ID: string): Promise<unknown> =>
  persist(() =>
    client.leaseClient.leaseRevoke({ ID }).catch((error: Error) => {
      if (!error.message.includes('requested lease not found')) throw error;
    }),
  );

/** Kills each member in turn, and goes on when `turns` has grown. */
async function killEachInTurn(turns: () => number, more: number): Promise<void> {
  for (const member of cluster.members) {
    const enough = turns() + more;
    await member.kill();
    await until(() => turns() >= enough);
    member.start();
    await member.serving();
    await cluster.leader();
  }
}

test('locks of the npm client lose no update while every member is killed in turn', async () => {
  const [first] = clients;
  await first?.put('counter').value(0);
  let turns = 0;
  let stopped = false;
  const holders = new Set<number>();
  const violations: string[] = [];
  const contend = async (client: Etcd3, id: number): Promise<void> => {
    while (!stopped) {
      // So long that it does not end while its holder waits for a new leader.
      const lock = client.lock('l').ttl(60);
      try {
        await lock.acquire();
      } catch (error) {
        await pause(error instanceof EtcdLockFailedError ? 5 : 50);
        continue;
      }
      holders.add(id);
      if (holders.size > 1) violations.push([...holders].join(' and '));
      const value = Number(await persist(() => client.get('counter').string()));
      await persist(async () => client.put('counter').value(value + 1));
      turns++;
      holders.delete(id);
      await release(client, (await lock.leaseId()) ?? '0');
    }
  };
  const contenders = clients.map(contend);
  await killEachInTurn(() => turns, 10);
  stopped = true;
  await Promise.all(contenders);
  expect(violations).toEqual([]);
  expect(Number(await persist(() => connectedValue('counter')))).toBe(turns);
});

async function connectedValue(key: string): Promise<string | null> {
  const client = connect();
  try {
    return await client.get(key).string();
  } finally {
    client.close();
  }
}

test('an election of the npm client goes on over the death of the leader: one leads, then the other', async () => {
  const [one, two, observer] = clients as [Etcd3, Etcd3, Etcd3];
  const first = one.election('office', 60).campaign('one');
  await first.wait();
  const told: (string | undefined)[] = [];
  const observed = await observer.election('office', 60).observe();
  observed.on('change', (value) => told.push(value));
  const second = two.election('office', 60).campaign('two');
  let secondLeads = false;
  second.on('elected', () => {
    secondLeads = true;
  });
  second.on('error', () => {});
  await until(async () => Number(await one.namespace('election/office/').getAll().count()) === 2);

  const leader = await cluster.leader();
  await leader.kill();
  leader.start();
  await leader.serving();
  await cluster.leader();
  expect(await persist(() => one.election('office', 60).leader())).toBe('one');
  expect(secondLeads).toBe(false);

  await persist(() => first.resign());
  await until(() => secondLeads);
  expect(await persist(() => observer.election('office', 60).leader())).toBe('two');
  await until(() => told.includes('two') || observed.leader() === 'two');
  await observed.cancel();
  await second.resign();
});

test('watchers of a prefix at every client hear everything once, in order, while every member is killed in turn', async () => {
  const told = clients.map((): string[] => []);
  const watchers = await Promise.all(clients.map((client) => client.watch().prefix('w/').create()));
  for (const [at, watcher] of watchers.entries()) {
    watcher.on('put', ({ key, value }) => told[at]?.push(`${key}=${value}`));
    watcher.on('error', () => {});
  }
  const written: string[] = [];
  let stopped = false;
  const [writer] = clients as [Etcd3];
  const writing = (async () => {
    for (let turn = 0; !stopped; turn++) {
      const key = `w/${turn}`;
      // Creating it once: a put whose answer was lost is not made again.
      await persist(() => writer.if(key, 'Version', '==', 0).then(writer.put(key).value('x')).commit());
      written.push(`${key}=x`);
      await pause(10);
    }
  })();
  await killEachInTurn(() => written.length, 20);
  stopped = true;
  await writing;
  await until(() => told.every((each) => each.length >= written.length));
  for (const each of told) expect(each).toEqual(written);
  await Promise.all(watchers.map((watcher) => watcher.cancel()));
});
