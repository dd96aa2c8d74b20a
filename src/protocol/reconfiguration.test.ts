import { describe, expect, test } from 'vitest';
import { Malformed } from '../core/codec.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { maxReplicasEver } from '../core/limits.ts';
import {
  type Configuration,
  decodeConfiguration,
  encodeConfiguration,
  type Member,
  votersOnly,
} from './membership.ts';
import {
  decodeReconfiguration,
  encodeReconfiguration,
  isReached,
  left,
  type Reconfiguration,
  reconfigured,
} from './reconfiguration.ts';

const id = (value: number): NodeId => nodeId(value);
const nothing = new Uint8Array(0);
const member = (value: number): Member => ({
  id: id(value),
  name: `n${value}`,
  address: `h${value}:1`,
  storageId: nothing,
  publicKey: nothing,
});
const voters = (...ids: number[]): Configuration => votersOnly(ids.map(member));
const add = (value: number, promote = false): Reconfiguration => ({
  type: 'addLearner',
  id: id(value),
  address: `h${value}:1`,
  promote,
});
const started = (value: number): Reconfiguration => ({
  type: 'identify',
  id: id(value),
  name: `n${value}`,
  storageId: Uint8Array.of(value),
});

/** After all of them; throws what one was refused for. */
function changed(configuration: Configuration, ...changes: Reconfiguration[]): Configuration {
  return changes.reduce((current, change) => {
    const next = reconfigured(current, change);
    if (typeof next === 'string') throw new Error(`${change.type}: ${next}`);
    return next;
  }, configuration);
}

describe('adding', () => {
  test('makes a learner without a name, which starts and is promoted', () => {
    const added = changed(voters(1, 2, 3), add(4));
    expect(added).toMatchObject({ voters: [1, 2, 3], learners: [4], promoting: [] });
    expect(added.members[3]).toMatchObject({ id: 4, name: '', storageId: nothing });
    const promoted = changed(added, started(4), { type: 'promote', id: id(4) });
    expect(promoted).toMatchObject({ voters: [1, 2, 3, 4], learners: [], promoting: [] });
    expect(promoted.members[3]).toMatchObject({ name: 'n4', storageId: Uint8Array.of(4) });
  });

  test('is refused for what is there already, and for one learner too many', () => {
    const cluster = voters(1, 2, 3);
    expect(reconfigured(cluster, add(3))).toBe('memberExists');
    expect(reconfigured(cluster, { ...add(9), address: 'h3:1' } as Reconfiguration)).toBe('addressExists');
    expect(reconfigured(changed(cluster, add(4)), add(5))).toBe('tooManyLearners');
  });

  test('of voters that have not started never exceeds what a quorum bears', () => {
    const alone = changed(voters(1), add(2, true));
    expect(reconfigured(alone, add(3, true))).toBe('notEnoughStarted');
    expect(reconfigured(changed(alone, started(2)), add(3, true))).toMatchObject({ promoting: [2, 3] });
    const three = changed(voters(1, 2, 3), add(4, true), add(5, true));
    expect(reconfigured(three, add(6, true))).toBe('notEnoughStarted');
  });

  test('a promotion needs a learner that has started', () => {
    const added = changed(voters(1, 2, 3), add(4));
    expect(reconfigured(added, { type: 'promote', id: id(4) })).toBe('notInSync');
    expect(reconfigured(added, { type: 'promote', id: id(3) })).toBe('notLearner');
    expect(reconfigured(added, { type: 'promote', id: id(9) })).toBe('memberNotFound');
  });

  test('a learner starts once: another directory is somebody else (R-10)', () => {
    const added = changed(voters(1, 2, 3), add(4), started(4));
    expect(reconfigured(added, { ...started(4), storageId: Uint8Array.of(9) } as Reconfiguration)).toBe(
      'memberExists',
    );
    expect(reconfigured(added, started(3))).toBe('memberExists');
  });

  test('a name is that of one member, also among those that start at the same time', () => {
    const added = changed(voters(1, 2, 3), add(4, true), add(5, true));
    for (const name of ['n3', 'n5']) {
      expect(reconfigured(changed(added, started(5)), { ...started(4), name } as Reconfiguration)).toBe(
        'memberExists',
      );
    }
    expect(changed(added, started(5), started(4)).members.map(({ name }) => name)).toContain('n4');
  });
});

describe('removing', () => {
  test('is for ever: the id never comes back (R-10)', () => {
    const removed = changed(voters(1, 2, 3), { type: 'remove', id: id(2) });
    expect(removed).toMatchObject({ voters: [1, 3], removed: [2] });
    expect(removed.members.map((each) => each.id)).toEqual([1, 3]);
    expect(reconfigured(removed, add(2))).toBe('memberExists');
    expect(reconfigured(removed, { type: 'remove', id: id(2) })).toBe('memberNotFound');
  });

  test('of the last voter is refused', () => {
    expect(reconfigured(voters(1), { type: 'remove', id: id(1) })).toBe('notEnoughStarted');
    expect(reconfigured(changed(voters(1), add(2)), { type: 'remove', id: id(2) })).toMatchObject({
      voters: [1],
      learners: [],
    });
  });

  test('a cluster has had so many members at most', () => {
    const many = Array.from({ length: maxReplicasEver - 1 }, (_, at) => id(at + 10));
    expect(reconfigured({ ...voters(1), removed: many }, add(2, true))).toBe('tooManyMembers');
  });
});

test('an exchange is joint, and leaving it removes whoever is in neither half', () => {
  const ready = changed(voters(1, 2, 3), add(4), started(4));
  const change = { type: 'exchange', promote: [id(4)], remove: [id(1)] } as const;
  const joint = changed(ready, change);
  expect(joint).toMatchObject({ voters: [2, 3, 4], outgoing: [1, 2, 3], learners: [], removed: [] });
  expect(joint.members.length).toBe(4);
  expect(isReached(joint, change)).toBe(false);
  expect(reconfigured(joint, add(5))).toBe('reconfiguring');
  const final = left(joint);
  expect(final).toMatchObject({ voters: [2, 3, 4], outgoing: [], removed: [1] });
  expect(final.members.map((each) => each.id)).toEqual([2, 3, 4]);
  expect(isReached(final, change)).toBe(true);
  expect(reconfigured(ready, { ...change, remove: [id(1), id(4)] })).toBe('memberNotFound');
  expect(reconfigured(ready, { type: 'exchange', promote: [], remove: [id(1), id(2), id(3)] })).toBe(
    'notEnoughStarted',
  );
});

test('an address is changed, unless another member has it', () => {
  const cluster = voters(1, 2);
  expect(changed(cluster, { type: 'update', id: id(2), address: 'x:1' }).members[1]?.address).toBe('x:1');
  expect(reconfigured(cluster, { type: 'update', id: id(2), address: 'h1:1' })).toBe('addressExists');
  expect(reconfigured(cluster, { type: 'update', id: id(3), address: 'x:1' })).toBe('memberNotFound');
});

describe('bytes', () => {
  test('come out as they went in', () => {
    const changes: Reconfiguration[] = [
      add(4, true),
      started(4),
      { type: 'promote', id: id(4) },
      { type: 'remove', id: id(4) },
      { type: 'update', id: id(4), address: 'a:1' },
      { type: 'exchange', promote: [id(1), id(2)], remove: [id(3)] },
    ];
    for (const change of changes) {
      expect(decodeReconfiguration(encodeReconfiguration(change))).toEqual(change);
    }
    expect(decodeReconfiguration(Uint8Array.of(99))).toBeInstanceOf(Malformed);
    const configurations = [
      voters(1, 2, 3),
      changed(voters(1, 2, 3), add(4, true), started(4), { type: 'remove', id: id(1) }),
    ];
    for (const configuration of configurations) {
      expect(decodeConfiguration(encodeConfiguration(configuration))).toEqual(configuration);
    }
  });

  test('of a configuration that never changed are those of before there were changes', () => {
    const bytes = encodeConfiguration(voters(1));
    expect([...bytes]).toEqual([1, 1, 2, 110, 49, 4, 104, 49, 58, 49, 0, 1, 1, 0, 0]);
  });

  test('that name a removed member, or promote no learner, are malformed', () => {
    const cluster = changed(voters(1, 2), add(3));
    const wrong = [
      { ...cluster, removed: [id(1)] },
      { ...cluster, promoting: [id(1)] },
      { ...cluster, voters: [id(9)] },
    ];
    for (const configuration of wrong) {
      expect(decodeConfiguration(encodeConfiguration(configuration))).toBeInstanceOf(Malformed);
    }
  });
});
