import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keys, put } from '../../../test/support/key-requests.ts';
import { WatchedWorld, type WatchingClient } from '../../../test/support/watch-world.ts';
import { compactedRevision, type KeyRange, machineView } from '../../machine/index.ts';

/** What a client does, and what happens around it. */
type Step =
  | { readonly type: 'put' | 'delete'; readonly key: number }
  | { readonly type: 'txn'; readonly keys: readonly number[] }
  /** How much of what it made superfluous is given back at once: nothing, or all. */
  | { readonly type: 'compact'; readonly back: number; readonly swept: boolean }
  | {
      readonly type: 'watch';
      readonly client: number;
      readonly from: number;
      readonly to: number;
      readonly start: number;
    }
  | { readonly type: 'cancel'; readonly client: number; readonly watch: number }
  | { readonly type: 'read'; readonly client: number; readonly room: number }
  | { readonly type: 'progress'; readonly client: number }
  | { readonly type: 'turn' };

const names = ['a', 'a\0', 'b', 'ba', 'c', '\u00ff'];
const nameOf = (at: number): Uint8Array => Buffer.from(names[at % names.length] ?? '', 'latin1');
const small = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constantFrom('put' as const, 'delete' as const), key: small }),
  },
  fc.record({ type: fc.constant('txn' as const), keys: fc.uniqueArray(small, { minLength: 1 }) }),
  fc.record({
    type: fc.constant('compact' as const),
    back: fc.oneof(fc.constant(0), fc.nat(20)),
    swept: fc.boolean(),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('watch' as const),
      client: fc.nat(3),
      from: small,
      to: fc.nat(7),
      start: fc.nat(20),
    }),
  },
  fc.record({ type: fc.constant('cancel' as const), client: fc.nat(2), watch: fc.nat(6) }),
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('read' as const), client: fc.nat(2), room: fc.nat(3) }),
  },
  fc.record({ type: fc.constant('progress' as const), client: fc.nat(2) }),
  { weight: 5, arbitrary: fc.constant({ type: 'turn' as const }) },
);

interface Expected {
  readonly client: WatchingClient;
  readonly id: number;
  readonly range: KeyRange;
  readonly start: number;
  /** When it was created nothing that it wanted had happened. */
  readonly upToDate: boolean;
  cancelled: boolean;
}

const inRange = (key: Uint8Array, { from, to }: KeyRange): boolean =>
  Buffer.compare(key, from) >= 0 && (to === undefined || Buffer.compare(key, to) < 0);

test('whatever happens: every watch is told the events of its range, each once, in order, whole revisions at a time', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.nat(4), fc.boolean(), (steps, stride, sweeps) => {
      const random = new WatchedWorld();
      random.clock.stride = stride;
      // The last one always has room.
      const clients = [random.client(), random.client(), random.client(), random.client()];
      const log: { readonly revision: number; readonly key: Uint8Array; readonly line: string }[] = [];
      const live = new Set<string>();
      const expected: Expected[] = [];
      let ids = 0;
      // Clients that had no room for a while, and whether history was given back at all.
      const behind = new Set<WatchingClient>();
      let swept = false;
      const write = (type: 'put' | 'delete', at: number, revision: number): void => {
        const key = nameOf(at);
        const text = Buffer.from(key).toString('latin1');
        if (type === 'put') live.add(text);
        else live.delete(text);
        const value = type === 'put' ? String(revision) : '';
        log.push({ revision, key, line: `${revision} ${type} ${Buffer.from(key)}=${value}` });
      };
      for (const each of steps) {
        const next = random.revision + 1;
        const client = clients['client' in each ? each.client : 0] as WatchingClient;
        switch (each.type) {
          case 'put':
            random.apply(put(nameOf(each.key), String(next)));
            write('put', each.key, next);
            break;
          case 'delete':
            random.apply({ type: 'delete', range: keys(nameOf(each.key)), previous: false });
            if (random.revision === next) write('delete', each.key, next);
            break;
          case 'txn':
            random.apply({
              type: 'txn',
              compare: [],
              success: each.keys.map((key) => put(nameOf(key), String(next))),
              failure: [],
            });
            for (const key of each.keys) write('put', key, next);
            break;
          case 'compact':
            random.compact(Math.max(1, random.revision - each.back), each.swept && sweeps ? 2 : 0);
            swept ||= each.swept && sweeps;
            break;
          case 'watch': {
            const range = keys(nameOf(each.from), each.to > 5 ? null : nameOf(each.to));
            const start = Math.max(1, random.revision + 5 - each.start);
            client.watch(ids, range, { start: each.start === 0 ? undefined : start });
            expected.push({
              client,
              id: ids,
              range,
              start: each.start === 0 ? next : start,
              upToDate: each.start === 0 || start >= next,
              cancelled: false,
            });
            ids++;
            break;
          }
          case 'cancel': {
            const cancelled = expected[each.watch];
            if (cancelled === undefined) break;
            cancelled.cancelled = true;
            cancelled.client.stream.cancel(BigInt(cancelled.id));
            break;
          }
          case 'read':
            client.read(each.room + 1);
            behind.add(client);
            break;
          case 'progress':
            client.stream.requestProgress();
            break;
          case 'turn':
            random.clock.turn();
            break;
        }
      }
      for (const client of clients) client.read(Number.POSITIVE_INFINITY);
      random.clock.settle();
      expect(random.faults).toEqual([]);
      for (const { client, id, range, start, upToDate, cancelled } of expected) {
        const all = log.filter(({ key, revision }) => revision >= start && inRange(key, range));
        const told = client.told(id);
        expect(told).toEqual(all.map((entry) => entry.line).slice(0, told.length));
        const overtaken = client.compacted.get(BigInt(id));
        const missing = all[told.length];
        if (overtaken !== undefined) {
          // The most that can have been lost begins below what is compacted.
          expect(Number(compactedRevision(machineView(random.store)))).toBeGreaterThanOrEqual(overtaken);
          expect(start).toBeLessThan(overtaken);
          // Who is up to date and has room misses nothing that is still held.
          expect(upToDate && !behind.has(client) && !swept).toBe(false);
        } else if (!cancelled) expect(missing).toBeUndefined();
        // A revision is told in one message.
        const revisions = client.batches
          .filter((batch) => batch.id === BigInt(id))
          .map(({ events }) => events);
        const last = revisions.map((events) => events.at(-1)?.revision);
        const first = revisions.map((events) => events[0]?.revision);
        for (let at = 1; at < revisions.length; at++)
          expect(first[at]).toBeGreaterThan(last[at - 1] as number);
        const end = last.at(-1);
        if (end !== undefined) expect(missing?.revision).not.toBe(end);
      }
      expect(random.hub.stats().behind).toBe(0);
    }),
    { numRuns: 1_000 },
  );
});
