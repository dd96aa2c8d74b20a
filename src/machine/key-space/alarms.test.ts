import { describe, expect, test } from 'vitest';
import { del, keys, put, read, txn } from '../../../test/support/key-requests.ts';
import { KeySpaceRunner } from '../../../test/support/key-space-runner.ts';
import { clusterTime, epoch } from '../../core/ids.ts';
import { maxAlarms } from '../../core/limits.ts';
import { alarms } from './alarms.ts';
import type { AlarmRequest, AlarmType } from './control.ts';
import { keySpaceDuties } from './duties.ts';
import { range } from './read-slices.ts';
import type { KeyCommand } from './requests.ts';

const set = (alarm: AlarmType, action: AlarmRequest['action'] = 'activate', member = 3n): AlarmRequest => ({
  type: 'alarm',
  action,
  member,
  alarm,
});
const noSpace = { type: 'error', code: 'noSpace' };
const corrupt = { type: 'error', code: 'corrupt' };

test('wire 2.18 alarms stand until they are taken back, for each member on its own', () => {
  const space = new KeySpaceRunner();
  expect(space.apply(set('noSpace'))).toEqual({
    revision: 1n,
    result: { type: 'alarm', alarms: [{ member: 3n, alarm: 'noSpace' }] },
  });
  space.apply(set('noSpace'));
  space.apply(set('noSpace', 'activate', 2n ** 64n - 1n));
  expect(alarms(space.store)).toEqual([
    { member: 3n, alarm: 'noSpace' },
    { member: 2n ** 64n - 1n, alarm: 'noSpace' },
  ]);
  space.apply(set('noSpace', 'deactivate'));
  expect(space.result(put('a'))).toEqual(noSpace);
  expect(space.result(set('noSpace', 'deactivate'))).toEqual({ type: 'alarm', alarms: [] });
  space.apply(set('noSpace', 'deactivate', 2n ** 64n - 1n));
  expect(space.result(put('a')).type).toBe('put');
  expect(alarms(space.store)).toEqual([]);
});

test('alarms are bounded; one that stands can be raised again, and taking one back makes room', () => {
  const space = new KeySpaceRunner();
  for (let member = 1n; member <= BigInt(maxAlarms); member++)
    expect(space.result(set('noSpace', 'activate', member)).type).toBe('alarm');
  expect(space.result(set('noSpace', 'activate', 0n))).toEqual({ type: 'error', code: 'tooManyAlarms' });
  expect(space.result(set('noSpace', 'activate', 1n)).type).toBe('alarm');
  expect(alarms(space.store)).toHaveLength(maxAlarms);
  space.apply(set('noSpace', 'deactivate', 1n));
  expect(space.result(set('noSpace', 'activate', 0n)).type).toBe('alarm');
});

describe('wire 2.18 while there is no room', () => {
  const full = (): KeySpaceRunner => {
    const space = new KeySpaceRunner();
    space.apply({ type: 'grant', lease: 7n, ttl: 5 });
    for (const key of ['a', 'b', 'c']) space.apply(put(key, '', { lease: 7n }));
    space.apply(set('noSpace'));
    return space;
  };
  const present = { range: keys('a'), target: 'version', relation: 'equal', operand: 1n } as const;

  test.each<[string, KeyCommand]>([
    ['a put', put('a')],
    ['a grant', { type: 'grant', lease: 8n, ttl: 5 }],
    ['a transaction that puts', txn([], [put('x')])],
    ['a transaction that would put on the other branch', txn([present], [del(keys('a'))], [put('x')])],
    ['a transaction in which one is nested that puts', txn([], [txn([], [put('x')])])],
  ])('%s is refused', (_name, command) => {
    const space = full();
    expect(space.apply(command)).toEqual({ revision: 4n, result: noSpace });
  });

  test('deletes, reads, leases, compaction and sweeps go on', () => {
    const space = full();
    expect(space.result(del(keys('a')))).toMatchObject({ type: 'delete', deleted: 1 });
    expect(space.result(txn([], [del(keys('b'))])).type).toBe('txn');
    expect(range(space.store, read(keys('c'))).result.type).toBe('range');
    expect(space.result({ type: 'renew', leases: [7n] })).toMatchObject({ ttls: [5] });
    expect(space.result({ type: 'compact', revision: 3n })).toEqual({ type: 'compact' });
    expect(space.sweep()).toBe(1);
    expect(space.result({ type: 'revoke', lease: 7n })).toEqual({ type: 'revoke', deleted: 1 });
  });
});

test('wire 2.18 while the replicas differ nothing is answered but alarms, and the leader orders nothing', () => {
  const space = new KeySpaceRunner();
  for (const value of ['1', '2']) space.apply(put('a', value));
  space.apply({ type: 'compact', revision: 2n });
  const due = (): Uint8Array | undefined =>
    keySpaceDuties.next(space.store, { applied: clusterTime(0), now: clusterTime(0) }, epoch(1));
  expect(due()).toBeDefined();
  space.apply(set('corrupt'));
  for (const command of [put('a'), del(keys('a')), { type: 'sweep' }, { type: 'revoke', lease: 7n }] as const)
    expect(space.result(command)).toEqual(corrupt);
  expect(range(space.store, read(keys('a'))).result).toEqual(corrupt);
  expect(due()).toBeUndefined();
  space.apply(set('corrupt', 'deactivate'));
  expect(space.result(put('a')).type).toBe('put');
});
