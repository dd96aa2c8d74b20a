import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, codeOf, connect, type Lock, op } from '../src/client/index.ts';
import { clusterStores, type Store, type StoreMember } from './client-stores.ts';

describe.each(clusterStores)('$name', ({ start }) => {
  let store: Store;
  let members: readonly StoreMember[];
  let leader: () => Promise<StoreMember>;

  beforeAll(async () => {
    store = await start();
    const { processes } = store;
    if (processes === undefined) throw new Error('these tests need processes');
    members = processes.members;
    leader = () => processes.leader();
  });
  afterAll(() => store?.[Symbol.asyncDispose]());

  async function killed(member: StoreMember, work: () => Promise<void>): Promise<void> {
    await member.kill();
    try {
      await work();
    } finally {
      member.start();
      await leader();
    }
  }

  async function paused(stopped: readonly StoreMember[], work: () => Promise<void>): Promise<void> {
    for (const member of stopped) member.pause();
    try {
      await work();
    } finally {
      for (const member of stopped) member.resume();
    }
  }

  /** One bad thing after the other: the leader is killed, stopped, and so is the member that is asked first. */
  async function badDays(): Promise<void> {
    await killed(await leader(), () => pause(2_500));
    await pause(1_000);
    await paused([await leader()], () => pause(6_000));
    await pause(1_000);
    for (const member of members) await killed(member, () => pause(1_000));
    await pause(1_000);
  }

  /** Puts one number after the other until it is told to stop; failures are what bad days are about. */
  function writing(client: Client, prefix: string): { stop(): Promise<number> } {
    let stopped = false;
    let acknowledged = 0;
    const work = (async () => {
      for (let n = 0; !stopped; n++) {
        const [a, b] = [op.put(`${prefix}${n % 7}`, String(n)), op.put(`${prefix}x`, String(n))];
        await client.txn({ do: [a, b] }, { deadlineMs: 1_000 }).then(
          () => acknowledged++,
          (error: unknown) => expect(codeOf(error)).toBeDefined(),
        );
        await pause(5);
      }
    })();
    return {
      stop: async () => {
        stopped = true;
        await work;
        return acknowledged;
      },
    };
  }

  test('watches see every revision once and whole, through killed and stopped servers', async () => {
    await using client = await store.connect();
    await using writer = await store.connect();
    const prefix = 'watched/';
    const { revision } = await client.put(`${prefix}begin`, '');
    const stop = new AbortController();
    const watchers = Array.from({ length: 5 }, async () => {
      const seen: string[] = [];
      for await (const change of client
        .watch({ prefix, fromRevision: revision, signal: stop.signal })
        .changes()) {
        seen.push(
          `${change.revision}: ${change.events.map((event) => `${event.name}=${event.entry?.text}`)}`,
        );
        if (change.events.some((event) => event.name === `${prefix}end`)) break;
      }
      return seen;
    });
    const writes = writing(writer, prefix);
    await badDays();
    const acknowledged = await writes.stop();
    expect(acknowledged).toBeGreaterThan(100);
    await client.put(`${prefix}end`, '', { deadlineMs: 30_000 });
    const seen = await Promise.all(watchers);

    // What happened, from the history, by a client that was not there.
    await using late = await store.connect();
    const history: string[] = [];
    for await (const change of late.watch({ prefix, fromRevision: revision }).changes()) {
      history.push(
        `${change.revision}: ${change.events.map((event) => `${event.name}=${event.entry?.text}`)}`,
      );
      if (change.events.some((event) => event.name === `${prefix}end`)) break;
    }
    expect(history.length).toBeGreaterThanOrEqual(acknowledged + 2);
    for (const each of seen) expect(each).toEqual(history);
  });

  test('no two holders of a lock at a time, none with the fence of another, through the same', async () => {
    const clients = await Promise.all(Array.from({ length: 3 }, () => store.connect()));
    const name = 'contended';
    const fences: bigint[] = [];
    let holder: Lock | undefined;
    const stop = new AbortController();
    const contenders = clients
      .flatMap((client) => [client, client])
      .map(async (client) => {
        while (!stop.signal.aborted) {
          try {
            await using lock = await client.lock(name, { ttl: 3, signal: stop.signal });
            if (lock.lost.aborted) continue;
            // Whoever had it before has given it back, or was told in time that it was lost.
            expect(holder === undefined || holder.lost.aborted).toBe(true);
            fences.push(lock.fence);
            holder = lock;
            await pause(50);
            if (holder === lock) holder = undefined;
          } catch (error) {
            expect(codeOf(error)).toBeDefined();
            await pause(50);
          }
        }
      });
    await badDays();
    stop.abort();
    await Promise.all(contenders);
    await Promise.all(clients.map((client) => client.close()));
    expect(fences.length).toBeGreaterThan(20);
    expect(fences).toEqual([...new Set(fences)].sort((a, b) => (a < b ? -1 : 1)));
  });

  test('a lease is lost by our own clock when no server answers', async () => {
    await using client = await store.connect();
    const lease = await client.lease(4);
    const lock = await client.lock('cut off', { ttl: 4 });
    await paused(members, async () => {
      await Promise.all(
        [lease.lost, lock.lost].map(
          (lost) => new Promise((resolve) => lost.addEventListener('abort', resolve)),
        ),
      );
    });
    expect(codeOf(lease.lost.reason)).toBe('leaseLost');
    await leader();
  });

  test('a leader who is cut off steps down before the next one is elected', async () => {
    await using first = await store.connect();
    await using second = await store.connect();
    const leadership = await first.elect('election', 'first', { ttl: 3 });
    const order: string[] = [];
    leadership.lost.addEventListener('abort', () => order.push('the first one stepped down'));
    const next = second.elect('election', 'second', { ttl: 3 });
    await paused(members, () => pause(4_000));
    // Leases lived on in the servers' stopped clocks, or did not: either way the first one has stepped down.
    expect(leadership.lost.aborted).toBe(true);
    const won = await next.catch(() => second.elect('election', 'second', { ttl: 3 }));
    order.push('the second one leads');
    expect(order).toEqual(['the first one stepped down', 'the second one leads']);
    expect(won.fence).toBeGreaterThan(leadership.fence);
  });

  test('reads go past a server that is stopped, and writes to it are unknown, never repeated', async () => {
    const [stopped, ...others] = members.map(({ client }) => client);
    const [member] = members;
    if (stopped === undefined || member === undefined) throw new Error('there are no members');
    await using client = await connect({ endpoints: [stopped, ...others] });
    const { revision } = await client.put('counted', '0');
    await paused([member], async () => {
      expect((await client.get('counted', { deadlineMs: 20_000 }))?.text).toBe('0');
      await using asking = await connect({ endpoints: others });
      // When the stopped server led, a write before the others have elected is rightly unknown.
      await asking.get('counted', { deadlineMs: 20_000 });
      expect((await asking.put('counted', '1', { deadlineMs: 20_000 })).revision).toBeGreaterThan(revision);
    });
    await using only = await connect({ endpoints: stopped });
    await paused([member], async () => {
      const error = await only.put('counted', '2', { deadlineMs: 1_000 }).catch((cause: unknown) => cause);
      expect([codeOf(error), Reflect.get(Object(error), 'outcome')]).toEqual(['deadline', 'unknown']);
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      const aborted = await only
        .put('counted', '3', { deadlineMs: 20_000, signal: controller.signal })
        .catch((cause: unknown) => cause);
      expect([codeOf(aborted), Reflect.get(Object(aborted), 'outcome')]).toEqual(['aborted', 'unknown']);
    });
    await leader();
    // Each of the unknown ones happened or did not; one that was sent twice would count twice.
    const counted = await client.get('counted', { deadlineMs: 20_000 });
    expect(['1', '2', '3']).toContain(counted?.text);
    expect([2n, 3n, 4n]).toContain(counted?.version);
  });

  test('without any server: unreachable, and certainly not done', async () => {
    const error = await connect({ endpoints: '127.0.0.1:1', deadlineMs: 500 }).catch(
      (cause: unknown) => cause,
    );
    expect([codeOf(error), Reflect.get(Object(error), 'outcome')]).toEqual(['unreachable', 'refused']);
  });
});
