import { describe, expect, test } from 'vitest';
import { del, keys, put, read, txn } from '../../../test/support/key-requests.ts';
import { KeySpaceRunner } from '../../../test/support/key-space-runner.ts';
import { MapStore } from '../../../test/support/map-store.ts';
import { utf8 } from '../../core/bytes.ts';
import { sweepSliceWrites } from '../../core/limits.ts';
import { isSwept } from './compaction.ts';
import { HashSlices, type KeySpaceHash } from './hash.ts';
import { range } from './read-slices.ts';
import { compactedRevision } from './revisions.ts';

const compact = (revision: bigint) => ({ type: 'compact', revision }) as const;
const refused = (code: string): object => ({ type: 'error', code });
const everything = keys('\0', null);

function valuesAt(space: KeySpaceRunner, revision: bigint): string[] | string {
  const { result } = range(space.store, read(everything, { revision }));
  if (result.type === 'error') return result.code;
  if (result.type !== 'range') throw new Error(`a range was answered by ${result.type}`);
  return result.pairs.map(
    ({ key, value }) => `${String.fromCharCode(...key)}=${String.fromCharCode(...value)}`,
  );
}

describe('wire 2.6 compaction', () => {
  test('refuses what is compacted and what is to come; 2.1 and is no revision', () => {
    const space = new KeySpaceRunner();
    for (const value of ['1', '2', '3']) space.apply(put('a', value));
    expect(space.apply(compact(5n))).toEqual({ revision: 4n, result: refused('futureRevision') });
    expect(space.apply(compact(0n)).result).toEqual(refused('compacted'));
    expect(space.apply(compact(-1n)).result).toEqual(refused('compacted'));
    expect(space.apply(compact(3n))).toEqual({ revision: 4n, result: { type: 'compact' } });
    expect(compactedRevision(space.store)).toBe(3n);
    expect(space.result(compact(3n))).toEqual(refused('compacted'));
    expect(space.result(compact(2n))).toEqual(refused('compacted'));
    expect(space.result(compact(4n))).toEqual({ type: 'compact' });
  });

  test('takes effect at once for reads, and its own revision stays readable', () => {
    const space = new KeySpaceRunner();
    for (const value of ['1', '2', '3']) space.apply(put('a', value));
    space.apply(compact(3n));
    for (const swept of [false, true]) {
      if (swept) space.sweep();
      expect(valuesAt(space, 2n)).toBe('compacted');
      expect(valuesAt(space, 3n)).toEqual(['a=2']);
      expect(valuesAt(space, 4n)).toEqual(['a=3']);
      expect(space.result(txn([], [put('b'), read(keys('a'), { revision: 2n })]))).toEqual(
        refused('compacted'),
      );
    }
  });

  test('keeps the tombstone at its revision (etcd 19179), and gives it back with the next one', () => {
    const store = new MapStore();
    const space = new KeySpaceRunner(store);
    space.apply(put('a'));
    space.apply(del(keys('a')));
    space.apply(compact(3n));
    space.sweep();
    expect(space.events(3)).toMatchObject([{ type: 'delete', key: utf8('a'), revision: 3 }]);
    space.apply(put('b'));
    space.apply(compact(4n));
    space.sweep();
    expect(space.events(3)).toBeUndefined();
    expect(store.dump().filter((row) => row.includes('61'))).toEqual([]);
  });

  test('the present survives, however old it is', () => {
    const space = new KeySpaceRunner();
    space.apply(put('old', '1'));
    for (let i = 0; i < 20; i++) space.apply(put('new', String(i)));
    space.apply(compact(20n));
    space.sweep();
    expect(valuesAt(space, 20n)).toEqual(['new=17', 'old=1']);
    space.apply(put('old', '2'));
    space.apply(compact(23n));
    space.sweep();
    expect(valuesAt(space, 23n)).toEqual(['new=19', 'old=2']);
  });

  test('one that overtakes the sweep of another loses nothing and leaves nothing', () => {
    const store = new MapStore();
    const space = new KeySpaceRunner(store);
    const many = 3 * sweepSliceWrites;
    for (let i = 0; i < many; i++) space.apply(put(`k${i % 10}`, String(i)));
    space.apply(
      txn(
        [],
        Array.from({ length: 100 }, (_, i) => put(`t${i}`)),
      ),
    );
    const at = BigInt(many + 2);
    space.apply(compact(at));
    for (let step = 0; step < 2; step++) space.apply({ type: 'sweep' });
    space.apply(del(keys('k', 'u')));
    space.apply(compact(at + 1n));
    expect(isSwept(space.store)).toBe(false);
    space.sweep();
    expect(isSwept(space.store)).toBe(true);
    expect(space.events(many + 3)).toHaveLength(110);
    space.apply(put('last'));
    space.apply(compact(at + 2n));
    space.sweep();
    // The records of the space itself, and version, event and head of the one key.
    expect(store.size).toBe(6);
  });

  test('gives space back in bounded steps, also when one revision wrote it all', () => {
    const space = new KeySpaceRunner();
    const some = Array.from({ length: 128 }, (_, i) => put(`k${i}`));
    for (let round = 0; round < 8; round++) space.apply(txn([], some));
    space.apply(del(keys('k', 'l')));
    space.apply(compact(10n));
    expect(space.sweep()).toBeGreaterThanOrEqual((9 * 128) / sweepSliceWrites);
    expect(space.events(10)).toHaveLength(128);
    expect(space.result({ type: 'sweep' })).toEqual({ type: 'sweep', done: true });
  });
});

describe('wire 2.20 the hash', () => {
  const answerOf = (space: KeySpaceRunner, revision: bigint) => {
    const slices = new HashSlices(revision);
    for (let calls = 1; ; calls++) {
      const answer = slices.next(space.store);
      if (answer !== undefined) return { answer, calls };
    }
  };
  const hashOf = (space: KeySpaceRunner, revision = 0n): KeySpaceHash => {
    const { answer } = answerOf(space, revision);
    if (answer.type === 'error') throw new Error(answer.code);
    return answer;
  };

  const filled = (): KeySpaceRunner => {
    const space = new KeySpaceRunner();
    for (let i = 0; i < 500; i++) space.apply(put(`k${i % 90}`, String(i)));
    for (let i = 0; i < 30; i++) space.apply(del(keys(`k${i}`)));
    return space;
  };

  test('is the same on replicas that differ in how far they have swept, and in what came later', () => {
    const [one, other] = [filled(), filled()];
    for (const space of [one, other]) space.apply(compact(400n));
    one.sweep();
    other.apply(put('later'));
    const { present: _, ...hash } = hashOf(one, 520n);
    expect(hash).toMatchObject({ type: 'hash', revision: 520n, compacted: 400n });
    expect(hashOf(other, 520n)).toMatchObject(hash);
    expect(hashOf(other).hash).not.toBe(hash.hash);
  });

  test('differs where a value, a revision, or the compaction differs', () => {
    const hashes = [
      (): void => undefined,
      (space: KeySpaceRunner) => space.apply(put('x', '1')),
      (space: KeySpaceRunner) => space.apply(put('x', '2')),
      (space: KeySpaceRunner) => space.apply(compact(100n)),
    ].map((change) => {
      const space = filled();
      change(space);
      return hashOf(space).hash;
    });
    expect(new Set(hashes).size).toBe(4);
  });

  test('is taken in slices, begins again after a compaction, and refuses what cannot be read', () => {
    const space = filled();
    for (let i = 0; i < 2_500; i++) space.apply(put(`more${i}`));
    expect(answerOf(space, 0n).calls).toBeGreaterThanOrEqual(3);
    const slices = new HashSlices(0n);
    expect(slices.next(space.store)).toBeUndefined();
    space.apply(put('between'));
    space.apply(compact(3_000n));
    let answer = slices.next(space.store);
    while (answer === undefined) answer = slices.next(space.store);
    expect(answer).toEqual({ ...answer, revision: 3_031n, compacted: 3_000n, present: 3_031n });
    const { present: _, ...again } = hashOf(space, 3_031n);
    expect(answer).toMatchObject(again);
    expect(answerOf(space, 2_999n).answer).toEqual(refused('compacted'));
    expect(answerOf(space, 9_999n).answer).toEqual(refused('futureRevision'));
  });
});
