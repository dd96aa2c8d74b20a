import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Change, type Client, type CoordinationError, codeOf, op, when } from '../src/client/index.ts';
import { methods } from '../src/client/wire/index.ts';
import { type Store, stores } from './client-stores.ts';

const errorOf = async (call: Promise<unknown>): Promise<CoordinationError> => {
  const outcome = await call.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  if ('error' in outcome && codeOf(outcome.error) !== undefined) return outcome.error as CoordinationError;
  throw new Error(`expected a CoordinationError, got ${JSON.stringify(outcome)}`);
};

async function take<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = [];
  for await (const each of source) {
    taken.push(each);
    if (taken.length === count) break;
  }
  return taken;
}

describe.each(stores)('$name', ({ start }) => {
  let store: Store;
  let client: Client;
  let names = 0;
  const unique = (what: string): string => `${what}-${++names}`;

  beforeAll(async () => {
    store = await start();
    client = await store.connect();
  });
  afterAll(async () => {
    await client?.close();
    await store?.[Symbol.asyncDispose]();
  });

  describe('keys', () => {
    test('put, get, delete; text and bytes', async () => {
      const key = unique('k');
      const { revision } = await client.put(key, 'grüße');
      const entry = await client.get(key);
      expect(entry?.text).toBe('grüße');
      expect([entry?.name, entry?.createRevision, entry?.modRevision, entry?.version, entry?.lease]).toEqual([
        key,
        revision,
        revision,
        1n,
        0n,
      ]);
      const bytes = Uint8Array.of(0, 255, 128);
      await client.put(key, bytes);
      expect(Uint8Array.from((await client.get(key))?.value ?? [])).toEqual(bytes);
      expect((await client.get(key, { revision }))?.text).toBe('grüße');
      expect((await client.del(key)).deleted).toBe(1);
      expect(await client.get(key)).toBeUndefined();
    });

    test('ifRevision: 0n only creates; another revision is a refusal that tells what is there', async () => {
      const key = unique('k');
      const { revision } = await client.put(key, '1', { ifRevision: 0n });
      const error = await errorOf(client.put(key, '2', { ifRevision: 0n }));
      expect([error.code, error.outcome, error.entry?.text]).toEqual(['revisionMismatch', 'refused', '1']);
      await client.put(key, '2', { ifRevision: revision });
      expect(codeOf(await errorOf(client.del(key, { ifRevision: revision })))).toBe('revisionMismatch');
      expect((await client.get(key))?.text).toBe('2');
    });

    test('range: prefix, bounds, limit, order, count; scan stays at the revision where it began', async () => {
      const at = unique('r');
      const keys = Array.from({ length: 25 }, (_, n) => `${at}/${String(n).padStart(2, '0')}`);
      for (const key of keys) await client.put(key, key);
      const page = await client.range({ prefix: `${at}/`, limit: 2, sort: { by: 'key', descending: true } });
      expect([page.entries.map((entry) => entry.name), page.more, page.count]).toEqual([
        [keys[24], keys[23]],
        true,
        25,
      ]);
      const between = await client.range({ from: `${at}/03`, to: `${at}/05` });
      expect(between.entries.map((entry) => entry.name)).toEqual([keys[3], keys[4]]);
      const seen: string[] = [];
      for await (const entry of client.scan({ prefix: `${at}/` }, { pageSize: 10 })) {
        if (seen.length === 0) await client.del({ prefix: `${at}/` });
        seen.push(entry.name);
      }
      expect(seen).toEqual(keys);
    });

    test('transactions: either branch, whole, with typed results', async () => {
      const [a, b] = [unique('t'), unique('t')];
      const create = () =>
        client.txn({
          if: [when.missing(a), when.missing({ prefix: `${b}/` })],
          do: [op.put(a, '1'), op.put(b, '2')],
          else: [op.get(a), op.range({ prefix: b }), op.del(b)],
        });
      const done = await create();
      expect(done.succeeded).toBe(true);
      const other = await create();
      if (other.succeeded) throw new Error('it was there already');
      const [entry, range, deletion] = other.results;
      expect([entry?.text, range.entries.map(({ text }) => text), deletion.deleted]).toEqual(['1', ['2'], 1]);
      const value = await client.txn({ if: [when.value(a, '=', '1')], do: [op.get(a)] });
      expect(value.succeeded && value.results[0]?.modRevision).toBe(done.revision);
    });

    test('errors by code: compacted, futureRevision, invalid, leaseLost, aborted, closed', async () => {
      const key = unique('k');
      const { revision } = await client.put(key, '1');
      expect((await errorOf(client.get(key, { revision: revision + 1_000_000n }))).code).toBe(
        'futureRevision',
      );
      expect((await errorOf(client.get(''))).code).toBe('invalid');
      expect((await errorOf(client.put(key, '1', { lease: 0x5a5an }))).code).toBe('leaseLost');
      const aborted = await errorOf(client.put(key, '2', { signal: AbortSignal.abort() }));
      expect([aborted.code, aborted.outcome]).toEqual(['aborted', 'refused']);
      const other = await store.connect();
      await other.close();
      expect((await errorOf(other.get(key))).code).toBe('closed');
    });
  });

  describe('watches', () => {
    test('see what follows, whole by revision, and end without an error', async () => {
      const at = unique('w');
      await using watch = client.watch({ prefix: `${at}/` });
      await watch.ready;
      await client.put(`${at}/a`, '1');
      await client.txn({ do: [op.put(`${at}/a`, '2'), op.put(`${at}/b`, '3')] });
      await client.del({ prefix: `${at}/` });
      const changes = await take(watch.changes(), 3);
      const plain = (change: Change): string[] =>
        change.events.map(
          (event) => `${event.type} ${event.name.slice(at.length)} ${event.entry?.text ?? ''}`,
        );
      expect(changes.map(plain)).toEqual([
        ['put /a 1'],
        ['put /a 2', 'put /b 3'],
        ['delete /a ', 'delete /b '],
      ]);
    });

    test('begin in the past, with what was there before', async () => {
      const key = unique('w');
      const { revision } = await client.put(key, '1');
      await client.put(key, '2');
      const [first, second] = await take(client.watch({ key, fromRevision: revision, previous: true }), 2);
      expect([
        first?.entry?.text,
        first?.previous?.text,
        second?.entry?.text,
        second?.previous?.text,
      ]).toEqual(['1', undefined, '2', '1']);
    });

    test('of what was compacted end with the oldest revision that is left', async ({ skip }) => {
      skip(store.administer === undefined, 'compaction is ordered through a client port');
      const key = unique('w');
      const { revision } = await client.put(key, '1');
      const last = await client.put(key, '2');
      await store.administer?.((calls) =>
        calls.call(methods.compact, 'write', { revision: last.revision, physical: false }),
      );
      const error = await errorOf(take(client.watch({ key, fromRevision: revision }), 1));
      expect([error.code, error.outcome, error.revision]).toEqual(['compacted', 'refused', last.revision]);
      expect(await take(client.watch({ key, fromRevision: last.revision }), 1)).toHaveLength(1);
      expect((await errorOf(client.get(key, { revision }))).code).toBe('compacted');
    });

    test('end by their signal, and by closing', async () => {
      const stop = new AbortController();
      const watch = client.watch({ key: unique('w'), signal: stop.signal });
      await watch.ready;
      setTimeout(() => stop.abort(), 50);
      expect(await take(watch, 1)).toEqual([]);
    });

    test('a slow reader misses nothing, and others are not held up', async () => {
      const at = unique('w');
      const slow = client.watch({ prefix: `${at}/` });
      const quick = client.watch({ prefix: `${at}/` });
      await Promise.all([slow.ready, quick.ready]);
      const count = 5_000;
      const writes = (async () => {
        for (let n = 0; n < count; n += 100) {
          await Promise.all(Array.from({ length: 100 }, (_, m) => client.put(`${at}/x`, String(n + m))));
        }
      })();
      const revisions = async (watch: typeof slow) =>
        (await take(watch, count)).map((event) => event.revision);
      const seen = await revisions(quick);
      await writes;
      expect(new Set(seen).size).toBe(count);
      expect(await revisions(slow)).toEqual(seen);
    });

    test('five hundred watches share a stream', async () => {
      const at = unique('w');
      const watches = Array.from({ length: 500 }, (_, n) => client.watch({ key: `${at}/${n}` }));
      await Promise.all(watches.map((watch) => watch.ready));
      const firsts = watches.map((watch) => take(watch, 1));
      await Promise.all(watches.map((_, n) => client.put(`${at}/${n}`, String(n))));
      const events = (await Promise.all(firsts)).flat();
      expect(events.map((event) => event.entry?.text)).toEqual(watches.map((_, n) => String(n)));
    });
  });

  describe('leases', () => {
    test('are kept alive, and take their keys along when they are revoked', async () => {
      const key = unique('l');
      const lease = await client.lease(2);
      await client.put(key, '1', { lease });
      await pause(lease.ttl * 1_000 * 2.5);
      expect(lease.lost.aborted).toBe(false);
      expect((await client.get(key))?.lease).toBe(lease.id);
      await lease.revoke();
      expect(await client.get(key)).toBeUndefined();
      expect(codeOf(lease.lost.reason)).toBe('leaseLost');
    });

    test('that somebody else revokes are lost', async ({ skip }) => {
      skip(store.administer === undefined, 'an embedded client has no call for it');
      const lease = await client.lease(3);
      const lost = new Promise((resolve) => lease.lost.addEventListener('abort', resolve));
      await store.administer?.((calls) => calls.call(methods.leaseRevoke, 'write', { ID: lease.id }));
      await lost;
      expect(codeOf(lease.lost.reason)).toBe('leaseLost');
    });
  });
});
