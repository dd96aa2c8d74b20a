import { expect, test } from 'vitest';
import { del, keys, put, txn } from '../../../test/support/key-requests.ts';
import { KeySpaceRunner } from '../../../test/support/key-space-runner.ts';
import { utf8, utf8Text } from '../../core/bytes.ts';
import { rangeSliceKeys } from '../../core/limits.ts';
import { readEvents } from './history.ts';
import type { KeyValue } from './requests.ts';
import { newSlice } from './slices.ts';

const told = (space: KeySpaceRunner, from: number): string[] =>
  (space.events(from) ?? []).map(
    ({ type, key, revision, order, pair }) =>
      `${revision}.${order} ${type} ${utf8Text(key)}=${utf8Text(pair.value)}`,
  );

const before = (space: KeySpaceRunner, revision: number): KeyValue | undefined =>
  space.events(revision)?.[0]?.previous;

test('wire 2.9 events of one revision come in the order of the transaction', () => {
  const space = new KeySpaceRunner();
  space.apply(put('z', 'old'));
  space.apply(txn([], [put('b', '1'), del(keys('z')), txn([], [put('a', '2')])]));
  expect(told(space, 2)).toEqual(['2.0 put z=old', '3.0 put b=1', '3.1 delete z=', '3.2 put a=2']);
});

test('wire 2.9 a delete shows key and revision alone; a create has its own revision as create revision', () => {
  const space = new KeySpaceRunner();
  space.apply(put('a', 'value'));
  space.apply(del(keys('a')));
  const [created, deleted] = space.events(1) ?? [];
  expect(created?.pair).toMatchObject({ createRevision: 2n, modRevision: 2n, version: 1n });
  expect(deleted?.pair).toEqual({
    key: utf8('a'),
    value: new Uint8Array(0),
    createRevision: 0n,
    modRevision: 3n,
    version: 0n,
    lease: 0n,
  });
});

test('wire 2.9 the keys of one delete are events in their order', () => {
  const space = new KeySpaceRunner();
  for (const key of ['c', 'a', 'b']) space.apply(put(key));
  space.apply(del(keys('a', 'z')));
  expect(told(space, 5)).toEqual(['5.0 delete a=', '5.1 delete b=', '5.2 delete c=']);
});

test('wire 2.12 the previous pair is that of the revision before, and absent when there was none', () => {
  const space = new KeySpaceRunner();
  space.apply(put('a', '1'));
  space.apply(put('b', '2'));
  space.apply(put('a', '3'));
  expect(before(space, 4)).toMatchObject({ value: utf8('1'), modRevision: 2n });
  expect(before(space, 2)).toBeUndefined();
  space.apply(del(keys('a')));
  space.apply(put('a', '5'));
  expect(before(space, 6)).toBeUndefined();
});

test('wire 2.12 the previous pair of an event at the compacted revision is gone, swept or not', () => {
  const space = new KeySpaceRunner();
  for (const value of ['1', '2', '3']) space.apply(put('a', value));
  space.apply({ type: 'compact', revision: 3n });
  for (const swept of [false, true]) {
    if (swept) space.sweep();
    expect(before(space, 3)).toBeUndefined();
    expect(before(space, 4)).toMatchObject({ value: utf8('2') });
  }
});

test('an event that is not taken comes again, and what comes up meanwhile after it', () => {
  const space = new KeySpaceRunner();
  for (const key of ['a', 'b', 'c']) space.apply(put(key));
  const taken: string[] = [];
  const first = readEvents(space.store, { revision: 1, order: 0 }, 4, newSlice(), (event) => {
    if (taken.length === 2) return false;
    taken.push(utf8Text(event.key));
    return true;
  });
  if (first.type !== 'more') throw new Error('there is more');
  space.apply(put('d'));
  const second = readEvents(space.store, first.next, 5, newSlice(), (event) => {
    taken.push(utf8Text(event.key));
    return true;
  });
  expect(second).toEqual({ type: 'done' });
  expect(taken).toEqual(['a', 'b', 'c', 'd']);
});

test('a long history is read in slices, by number and by bytes', () => {
  const space = new KeySpaceRunner();
  const large = 'x'.repeat(64 * 1024);
  for (let i = 0; i < 40; i++) space.apply(put(`large ${i}`, large));
  let seen = 0;
  const visit = (event: { pair(): { readonly value: Uint8Array } }): boolean => {
    seen += event.pair().value.length > 0 ? 1 : 0;
    return true;
  };
  expect(readEvents(space.store, { revision: 1, order: 0 }, 100, newSlice(), visit).type).toBe('more');
  expect(seen).toBeLessThan(10);
  for (let i = 0; i < 2 * rangeSliceKeys; i++) space.apply(put('small', 'x'));
  seen = 0;
  expect(readEvents(space.store, { revision: 42, order: 0 }, 5_000, newSlice(), visit).type).toBe('more');
  expect(seen).toBe(rangeSliceKeys);
});

test('events stop at the revision that was asked for', () => {
  const space = new KeySpaceRunner();
  for (const key of ['a', 'b', 'c']) space.apply(put(key));
  const revisions: number[] = [];
  const read = readEvents(space.store, { revision: 3, order: 0 }, 3, newSlice(), ({ revision }) => {
    revisions.push(revision);
    return true;
  });
  expect(read).toEqual({ type: 'done' });
  expect(revisions).toEqual([3]);
});
