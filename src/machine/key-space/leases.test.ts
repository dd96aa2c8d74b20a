import { describe, expect, test } from 'vitest';
import { del, keys, put, read, txn } from '../../../test/support/key-requests.ts';
import { KeySpaceRunner } from '../../../test/support/key-space-runner.ts';
import { utf8Text } from '../../core/bytes.ts';
import { clusterTime, epoch } from '../../core/ids.ts';
import { expireSliceKeys, expireSliceLeases, maxLeaseTtl } from '../../core/limits.ts';
import { lease, leaseKeys, leases } from './leases.ts';
import { range } from './read-slices.ts';

const grant = (id: bigint, ttl = 5) => ({ type: 'grant', lease: id, ttl }) as const;
const revoke = (id: bigint) => ({ type: 'revoke', lease: id }) as const;
const renew = (...ids: bigint[]) => ({ type: 'renew', leases: ids }) as const;
const refused = (code: string): object => ({ type: 'error', code });
const attached = (space: KeySpaceRunner, id: bigint): string[] => leaseKeys(space.store, id).map(utf8Text);

/** Leases may end: a leader has begun. */
function led(): KeySpaceRunner {
  const space = new KeySpaceRunner();
  space.apply({ type: 'leaseTerm' });
  return space;
}

function keyCount(space: KeySpaceRunner): number {
  const { result } = range(space.store, read(keys('\0', null)));
  return result.type === 'range' ? result.count : Number.NaN;
}

describe('wire 2.15 leases', () => {
  test('are granted once, for as long as asked, and no longer than the limit', () => {
    const space = new KeySpaceRunner();
    expect(space.apply(grant(7n, 60))).toEqual({
      revision: 1n,
      result: { type: 'grant', lease: 7n, ttl: 60 },
    });
    expect(space.result(grant(7n, 60))).toEqual(refused('leaseExists'));
    expect(space.result(grant(8n, maxLeaseTtl))).toMatchObject({ ttl: maxLeaseTtl });
    expect(space.result(grant(9n, maxLeaseTtl + 1))).toEqual(refused('leaseTtlTooLarge'));
    expect(space.result(grant(-3n))).toMatchObject({ lease: -3n });
    expect(leases(space.store)).toEqual([7n, 8n, -3n]);
  });

  test('tell what they were granted and what is left of it', () => {
    const space = led();
    space.time = 1_000;
    space.apply(grant(7n, 5));
    const found = lease(space.store, 7n);
    expect(found?.ttl).toBe(5);
    expect([1_000, 3_500, 6_000, 99_000].map((time) => found?.remaining(clusterTime(time)))).toEqual([
      5_000, 2_500, 0, 0,
    ]);
    expect(lease(space.store, 8n)).toBeUndefined();
  });

  test('a renewal answers with the time to live, or 0 for what is gone', () => {
    const space = led();
    space.apply(grant(7n, 5));
    space.apply(grant(8n, 9));
    expect(space.apply(renew(8n, 6n, 7n))).toEqual({
      revision: 1n,
      result: { type: 'renew', ttls: [9, 0, 5] },
    });
  });

  test('revoking deletes the keys in order under one revision; without keys it is none', () => {
    const space = new KeySpaceRunner();
    for (const id of [7n, 8n]) space.apply(grant(id));
    for (const key of ['c', 'a', 'b']) space.apply(put(key, '', { lease: 7n }));
    expect(space.apply(revoke(7n))).toEqual({ revision: 5n, result: { type: 'revoke', deleted: 3 } });
    expect(space.events(5)?.map(({ key, order }) => `${order} ${utf8Text(key)}`)).toEqual([
      '0 a',
      '1 b',
      '2 c',
    ]);
    expect(space.apply(revoke(8n))).toEqual({ revision: 5n, result: { type: 'revoke', deleted: 0 } });
    expect(space.result(revoke(7n))).toEqual(refused('leaseNotFound'));
  });

  test('end when they are due, never early', () => {
    const space = led();
    space.time = 1_000;
    space.apply(grant(7n, 5));
    space.apply(put('a', '', { lease: 7n }));
    space.time = 5_999;
    expect(space.expire()).toBe(0);
    space.time = 6_000;
    expect(space.expire()).toBe(1);
    expect(leases(space.store)).toEqual([]);
    expect(space.events(3)).toMatchObject([{ type: 'delete', revision: 3 }]);
  });

  test('a renewed one lives on for its whole time to live', () => {
    const space = led();
    space.apply(grant(7n, 5));
    for (space.time = 4_000; space.time <= 40_000; space.time += 4_000) {
      expect(space.expire()).toBe(0);
      space.apply(renew(7n));
    }
    space.time = 44_999;
    expect(space.expire()).toBe(0);
    space.time = 45_000;
    expect(space.expire()).toBe(1);
  });

  test('those that end together each have a revision of their own', () => {
    const space = led();
    for (const id of [7n, 8n]) {
      space.apply(grant(id));
      space.apply(put(`a${id}`, '', { lease: id }));
      space.apply(put(`b${id}`, '', { lease: id }));
    }
    space.time = 5_000;
    expect(space.expire()).toBe(2);
    expect(space.events(6)?.map(({ key, revision }) => `${revision} ${utf8Text(key)}`)).toEqual([
      '6 a7',
      '6 b7',
      '7 a8',
      '7 b8',
    ]);
  });

  test('a new leader gives all of them their whole time again', () => {
    const space = led();
    space.apply(grant(7n, 5));
    space.time = 4_900;
    space.epoch = 2;
    space.apply({ type: 'leaseTerm' });
    expect(lease(space.store, 7n)?.remaining(clusterTime(space.time))).toBe(5_000);
    space.time = 9_899;
    expect(space.expire()).toBe(0);
    space.time = 9_900;
    expect(space.expire()).toBe(1);
  });

  test('a leader that was deposed ends none (etcd 15247), whenever its command arrives', () => {
    const space = led();
    space.apply(grant(7n, 5));
    const late = { type: 'expire', epoch: epoch(1), until: clusterTime(60_000) } as const;
    space.time = 60_000;
    space.epoch = 2;
    expect(space.result(late)).toEqual({ type: 'expire', expired: 0 });
    space.apply({ type: 'leaseTerm' });
    expect(space.result(late)).toEqual({ type: 'expire', expired: 0 });
  });

  test('a leader that has not extended them ends none', () => {
    const space = led();
    space.apply(grant(7n, 5));
    space.time = 60_000;
    space.epoch = 2;
    expect(space.expire()).toBe(0);
  });

  test('what was decided on before a long sleep ends what was due then, however late it is stamped', () => {
    const space = led();
    space.apply(grant(7n, 5));
    space.apply(grant(8n, 20));
    space.time = 60_000;
    expect(space.expire(5_000)).toBe(1);
    expect(leases(space.store)).toEqual([8n]);
  });

  test('many end in bounded steps, by leases and by keys; one with many keys ends whole', () => {
    const space = led();
    for (let i = 1; i <= expireSliceLeases + 10; i++) space.apply(grant(BigInt(i)));
    space.time = 5_000;
    expect([space.expire(), space.expire(), space.expire()]).toEqual([expireSliceLeases, 10, 0]);
    for (const id of [1n, 2n, 3n]) {
      space.apply(grant(id));
      for (let i = 0; i < expireSliceKeys / 2 + 10; i++) space.apply(put(`k${id}/${i}`, '', { lease: id }));
    }
    space.time = 10_000;
    expect([space.expire(), space.expire(), space.expire()]).toEqual([2, 1, 0]);
    expect(keyCount(space)).toBe(0);
  });
});

describe('wire 2.7 the lease of a key', () => {
  test('has to exist; a put without one detaches the key', () => {
    const space = new KeySpaceRunner();
    expect(space.result(put('a', '', { lease: 7n }))).toEqual(refused('leaseNotFound'));
    for (const id of [7n, 8n]) space.apply(grant(id));
    space.apply(put('a', '', { lease: 7n }));
    expect([attached(space, 7n), attached(space, 8n)]).toEqual([['a'], []]);
    space.apply(put('a', '', { lease: 8n }));
    expect([attached(space, 7n), attached(space, 8n)]).toEqual([[], ['a']]);
    space.apply(put('a', 'x', { ignoreLease: true }));
    expect(attached(space, 8n)).toEqual(['a']);
    space.apply(put('a', 'x'));
    expect(attached(space, 8n)).toEqual([]);
    expect(space.result(revoke(8n))).toEqual({ type: 'revoke', deleted: 0 });
    expect(keyCount(space)).toBe(1);
  });

  test('is left by deletes and by transactions', () => {
    const space = new KeySpaceRunner();
    space.apply(grant(7n));
    space.apply(
      txn(
        [],
        ['a', 'b', 'c'].map((key) => put(key, '', { lease: 7n })),
      ),
    );
    expect(attached(space, 7n)).toEqual(['a', 'b', 'c']);
    space.apply(del(keys('a')));
    space.apply(txn([], [txn([], [del(keys('b'))])]));
    expect(attached(space, 7n)).toEqual(['c']);
    space.apply(del(keys('a', 'z')));
    space.apply(put('a'));
    expect(space.result(revoke(7n))).toEqual({ type: 'revoke', deleted: 0 });
  });

  test('2.8 a transaction with one that is missing has no effect', () => {
    const space = new KeySpaceRunner();
    expect(space.apply(txn([], [put('a'), put('b', '', { lease: 7n })]))).toEqual({
      revision: 1n,
      result: refused('leaseNotFound'),
    });
  });

  test('keys with zeros and keys that begin like others belong to their own lease', () => {
    const space = new KeySpaceRunner();
    for (const id of [0xffn, 0x100n, -1n]) space.apply(grant(id));
    for (const key of ['\0', 'a', 'a\0', 'a\0\xff']) space.apply(put(key, '', { lease: 0xffn }));
    space.apply(put('b', '', { lease: 0x100n }));
    space.apply(put('c', '', { lease: -1n }));
    expect(attached(space, 0xffn)).toEqual(['\0', 'a', 'a\0', 'a\0\xff']);
    expect([attached(space, 0x100n), attached(space, -1n)]).toEqual([['b'], ['c']]);
  });
});
