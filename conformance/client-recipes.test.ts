import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Client, codeOf, op } from '../src/client/index.ts';
import { methods } from '../src/client/wire/index.ts';
import { type Store, stores } from './client-stores.ts';

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(20);
}

const codeOfFailure = async (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => 'no error',
    (error: unknown) => codeOf(error),
  );

describe.each(stores)('$name', ({ start }) => {
  let store: Store;
  let client: Client;
  let other: Client;
  let names = 0;
  const unique = (what: string): string => `${what}-${++names}`;

  beforeAll(async () => {
    store = await start();
    [client, other] = [await store.connect(), await store.connect()];
  });
  afterAll(async () => {
    await client?.close();
    await other?.close();
    await store?.[Symbol.asyncDispose]();
  });

  describe('lock', () => {
    test('one holder at a time, in the order of asking, with growing fences', async () => {
      const name = unique('lock');
      const held: string[] = [];
      const fences: bigint[] = [];
      let holders = 0;
      const hold = async (who: string, by: Client) => {
        await using lock = await by.lock(name, { ttl: 30 });
        expect(++holders).toBe(1);
        held.push(who);
        fences.push(lock.fence);
        await pause(20);
        holders--;
      };
      const first = await client.lock(name, { ttl: 30 });
      const waiting: Promise<void>[] = [];
      for (const who of ['a', 'b', 'c', 'd']) {
        waiting.push(hold(who, waiting.length % 2 === 0 ? other : client));
        const queued = waiting.length + 1;
        await until(async () => (await client.range({ prefix: `${name}/` })).count === queued);
      }
      await first.release();
      await Promise.all(waiting);
      expect(held).toEqual(['a', 'b', 'c', 'd']);
      expect(fences).toEqual([...fences].sort((a, b) => (a < b ? -1 : 1)));
      expect(new Set([first.fence, ...fences]).size).toBe(5);
    });

    test('giving up leaves the queue', async () => {
      const name = unique('lock');
      await using _held = await client.lock(name);
      const code = await codeOfFailure(other.lock(name, { signal: AbortSignal.timeout(200) }));
      expect(code).toBe('aborted');
      await until(async () => (await client.range({ prefix: `${name}/` })).count === 1);
    });

    test('is lost when somebody takes its key away, and its condition holds no longer', async () => {
      const lock = await client.lock(unique('lock'));
      const guarded = () => client.txn({ if: [lock.condition], do: [op.put(unique('guarded'), '1')] });
      expect((await guarded()).succeeded).toBe(true);
      await other.del(lock.key);
      await until(() => lock.lost.aborted);
      expect(codeOf(lock.lost.reason)).toBe('leaseLost');
      expect((await guarded()).succeeded).toBe(false);
    });

    test('whoever lost the place in the queue does not get the lock', async () => {
      const name = unique('lock');
      const first = await client.lock(name);
      const second = codeOfFailure(other.lock(name));
      await until(async () => (await client.range({ prefix: `${name}/` })).count === 2);
      const { entries } = await client.range({
        prefix: `${name}/`,
        sort: { by: 'create', descending: true },
      });
      await client.del(entries[0]?.key ?? '');
      expect(await second).toBe('leaseLost');
      await first.release();
    });

    test('is given back when the client is closed', async () => {
      const name = unique('lock');
      const third = await store.connect();
      const held = await third.lock(name, { ttl: 600 });
      const next = client.lock(name);
      await third.close();
      await using lock = await next;
      expect(held.lost.aborted).toBe(true);
      expect(lock.fence).toBeGreaterThan(held.fence);
    });
  });

  describe('elect', () => {
    test('one leads, proclaims, resigns; observers see each change', async () => {
      const name = unique('election');
      const seen: (string | undefined)[] = [];
      const stop = new AbortController();
      const observing = (async () => {
        for await (const entry of other.observe(name, { signal: stop.signal })) seen.push(entry?.text);
      })();
      await until(() => seen.length === 1);
      const first = await client.elect(name, 'first');
      const second = other.elect(name, 'second');
      await until(async () => (await client.range({ prefix: `${name}/` })).count === 2);
      expect((await client.leader(name))?.text).toBe('first');
      await first.proclaim('first, again');
      await until(() => seen.length === 3);
      await first.resign();
      const won = await second;
      expect(won.fence).toBeGreaterThan(first.fence);
      expect(await codeOfFailure(first.proclaim('not me'))).toBe('leaseLost');
      await until(() => seen.at(-1) === 'second');
      await won.resign();
      await until(() => seen.at(-1) === undefined);
      stop.abort();
      await observing;
      expect(seen).toEqual([undefined, 'first', 'first, again', 'second', undefined]);
      expect(await client.leader(name)).toBeUndefined();
    });
  });

  describe('barrier', () => {
    test('holds everybody back until it is opened', async () => {
      const barrier = client.barrier(unique('barrier'));
      await barrier.wait();
      await barrier.close();
      await barrier.close();
      let passed = 0;
      const waiting = [client, other].map(async (each) => {
        await each.barrier(`barrier-${names}`).wait();
        passed++;
      });
      await pause(100);
      expect(passed).toBe(0);
      await barrier.open();
      await Promise.all(waiting);
    });

    test('double: so many begin together and end together, round after round', async () => {
      const name = unique('double');
      let inside = 0;
      const order: string[] = [];
      const member = async (who: number, rounds: number) => {
        const barrier = (who % 2 === 0 ? client : other).doubleBarrier(name, 3);
        for (let round = 0; round < rounds; round++) {
          const attendance = await barrier.enter({ ttl: 30 });
          order.push(`in ${round}`);
          inside++;
          await until(() => inside >= 3);
          await pause(10 * who);
          order.push(`out ${round}`);
          await attendance.leave();
          inside = 0;
        }
      };
      await Promise.all([0, 1, 2].map((who) => member(who, 3)));
      const expected = [0, 1, 2].flatMap((round) => [
        ...Array(3).fill(`in ${round}`),
        ...Array(3).fill(`out ${round}`),
      ]);
      expect(order).toEqual(expected);
    });

    test('double: who is one too many waits for the next round', async () => {
      const name = unique('double');
      const entered: string[] = [];
      const enter = async (who: string) => {
        const attendance = await client.doubleBarrier(name, 2).enter({ ttl: 30 });
        entered.push(who);
        return attendance;
      };
      const [a, b] = await Promise.all([enter('a'), enter('b')]);
      const c = enter('c');
      await pause(200);
      expect(entered).toHaveLength(2);
      await Promise.all([a.leave(), b.leave()]);
      const [d] = await Promise.all([enter('d'), c.then((attendance) => attendance)]);
      expect(entered).toHaveLength(4);
      await Promise.all([d.leave(), (await c).leave()]);
    });
  });

  describe('queue', () => {
    test('smaller priorities first, equal ones in the order of their coming', async () => {
      const queue = client.queue(unique('queue'));
      for (const [value, priority] of [
        ['c', 7],
        ['d', 7],
        ['e', undefined],
        ['a', 0],
        ['b', 1],
        ['f', 65_535],
      ] as const) {
        await queue.enqueue(value, { priority });
      }
      const out: string[] = [];
      for (let n = 0; n < 6; n++) out.push((await queue.dequeue()).text);
      expect(out.join('')).toBe('abcdef');
      expect(await codeOfFailure(queue.dequeue({ signal: AbortSignal.timeout(100) }))).toBe('aborted');
      expect(await codeOfFailure(queue.enqueue('x', { priority: -1 }))).toBe('invalid');
    });

    test('each item comes out once, whoever takes', async () => {
      const name = unique('queue');
      const count = 60;
      const takers = [client, other, client, other].map(async (each) => {
        const taken: string[] = [];
        const queue = each.queue(name);
        for (;;) {
          const { text } = await queue.dequeue();
          if (text === 'end') return taken;
          taken.push(text);
        }
      });
      const queue = client.queue(name);
      await Promise.all(Array.from({ length: count }, (_, n) => queue.enqueue(String(n))));
      for (const _ of takers) await queue.enqueue('end', { priority: 65_535 });
      const taken = (await Promise.all(takers)).flat();
      expect(taken.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n));
    });
  });

  describe('group', () => {
    test('members come and go, in the sight of all', async () => {
      const group = client.group(unique('group'));
      const seen: string[] = [];
      const stop = new AbortController();
      const watching = (async () => {
        for await (const members of other.group(`group-${names}`).watch({ signal: stop.signal })) {
          seen.push([...members].map(([name, { text }]) => `${name}=${text}`).join(' '));
        }
      })();
      await until(() => seen.length === 1);
      const a = await group.join('a', '1');
      await group.join('b', '2');
      expect(await codeOfFailure(group.join('a', '3'))).toBe('revisionMismatch');
      await a.update('4');
      expect([...(await group.members()).keys()]).toEqual(['a', 'b']);
      await a.leave();
      expect(a.lost.aborted).toBe(true);
      expect(await codeOfFailure(a.update('5'))).toBe('leaseLost');
      await until(() => seen.length === 5);
      stop.abort();
      await watching;
      expect(seen).toEqual(['', 'a=1', 'a=1 b=2', 'a=4 b=2', 'b=2']);
    });
  });

  describe('register', () => {
    test('an address is listed again when its lease was lost', async ({ skip }) => {
      skip(store.administer === undefined, 'an embedded client has no call to revoke the lease of another');
      const service = unique('service');
      await using _web = await client.register(service, '10.0.0.1:80');
      const listed = async () => (await other.range({ prefix: `${service}/` })).entries[0];
      const ID = (await listed())?.lease ?? 0n;
      await store.administer?.((calls) => calls.call(methods.leaseRevoke, 'write', { ID }));
      expect(await listed()).toBeUndefined();
      await until(async () => (await listed()) !== undefined);
      expect((await listed())?.lease).not.toBe(ID);
    });

    test('addresses are listed with their metadata, and their changes are seen', async () => {
      const service = unique('service');
      const seen: string[] = [];
      const stop = new AbortController();
      const watching = (async () => {
        for await (const endpoints of other.watchEndpoints(service, { signal: stop.signal })) {
          seen.push(endpoints.map(({ address }) => address).join(' '));
        }
      })();
      const web = await client.register(service, '10.0.0.1:80', { metadata: { zone: 'a' } });
      await using _spare = await client.register(service, '10.0.0.2:80');
      expect(await other.endpoints(service)).toEqual([
        { address: '10.0.0.1:80', metadata: { zone: 'a' } },
        { address: '10.0.0.2:80', metadata: undefined },
      ]);
      await web.close();
      await until(() => seen.at(-1) === '10.0.0.2:80');
      stop.abort();
      await watching;
    });
  });
});
