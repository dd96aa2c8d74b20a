import { describe, expect, test } from 'vitest';
import { assert } from '../../core/assert.ts';
import { epoch, index, type NodeId, nodeId } from '../../core/ids.ts';
import { maxPromotionLag } from '../../core/limits.ts';
import type { Configuration } from '../../protocol/index.ts';
import { RaftRehearsal, rehearsalTiming } from './rehearsal.ts';
import { raftRules } from './rules.ts';
import { electOnly, ledByFirst, runLinked } from './staging.ts';

const [n1, n2, n3, n4, n5] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4), nodeId(5)];
const { electionTimeout, heartbeatInterval } = rehearsalTiming;

function ledCluster(replicas: number, spares = 1): RaftRehearsal {
  const cluster = new RaftRehearsal(replicas, { spares });
  ledByFirst(cluster);
  return cluster;
}

const configuration = (cluster: RaftRehearsal, id: number): Configuration =>
  cluster.state(id).configurations.current.configuration;

const mesh = (...ids: number[]): (readonly [number, number])[] =>
  ids.flatMap((a) => ids.filter((b) => b > a).map((b) => [a, b] as const));

describe('thesis, section 4.1: safety', () => {
  test('a configuration is in force when it is appended, and no more when it is truncated', () => {
    const cluster = ledCluster(3);
    cluster.add(1, 4);
    cluster.change(1, { type: 'promote', id: n4 });
    expect(configuration(cluster, 1).voters).toEqual([1, 2, 3, 4]);
    expect(configuration(cluster, 2).voters).toEqual([1, 2, 3]);
    cluster.dropAll();
    cluster.elect(2, 3);
    cluster.settle();
    expect(cluster.leader()).toBe(2);
    expect(configuration(cluster, 1)).toMatchObject({ voters: [1, 2, 3], learners: [4] });
    expect(configuration(cluster, 1)).toEqual(configuration(cluster, 2));
  });

  test('one change at a time', () => {
    const cluster = ledCluster(3);
    const change = { type: 'addLearner', id: n4, address: 'host4:1', promote: false } as const;
    expect(cluster.reconfigure(1, change)).toBeUndefined();
    expect(cluster.change(1, { type: 'remove', id: n3 })).toBe('reconfiguring');
    cluster.settle();
    expect(cluster.change(1, { type: 'remove', id: n3 })).toBeUndefined();
  });

  test('none before the leader has committed an entry of its term (R-9)', () => {
    const cluster = ledCluster(3);
    assert(electOnly(cluster, 2, 3), 'the second leads');
    expect(cluster.change(2, { type: 'remove', id: n1 })).toBe('reconfiguring');
    cluster.settle();
    expect(cluster.change(2, { type: 'remove', id: n1 })).toBeUndefined();
    expect(cluster.change(3, { type: 'remove', id: n1 })).toBe('notLeader');
  });

  test('what a snapshot brings is in force, with everyone ever removed', () => {
    const cluster = ledCluster(3);
    cluster.crash(n3);
    cluster.add(1, 4, true);
    cluster.change(1, { type: 'remove', id: n2 });
    cluster.settle();
    cluster.start(n3);
    cluster.sendSnapshot(n1, n3);
    cluster.settle();
    expect(configuration(cluster, 3)).toEqual(configuration(cluster, 1));
    expect(configuration(cluster, 3).removed).toEqual([2]);
  });
});

describe('thesis, section 4.2: availability', () => {
  test('4.2.1: a learner counts for nothing, and becomes a voter when it has caught up', () => {
    const cluster = ledCluster(1);
    cluster.propose(1, 'a');
    cluster.settle();
    expect(
      cluster.reconfigure(1, { type: 'addLearner', id: n2, address: 'host2:1', promote: true }),
    ).toBeUndefined();
    cluster.crash(n2);
    cluster.propose(1, 'b');
    cluster.settle();
    expect(cluster.applied(1)).toEqual(['a', 'b']);
    expect(configuration(cluster, 1)).toMatchObject({ voters: [1], learners: [2], promoting: [2] });
    cluster.start(n2);
    cluster.reconfigure(1, { type: 'identify', id: n2, name: 'n2', storageId: Uint8Array.of(2) });
    runLinked(cluster, mesh(1, 2), 10 * heartbeatInterval);
    expect(configuration(cluster, 1)).toMatchObject({ voters: [1, 2], learners: [], promoting: [] });
    expect(cluster.applied(2)).toEqual(['a', 'b']);
  });

  test('4.2.1: nobody is promoted who is not heard of, or lacks much', () => {
    const cluster = ledCluster(3);
    cluster.add(1, 4);
    cluster.crash(n4);
    for (let more = 0; more < 30; more++) cluster.propose(1, 'x');
    cluster.settle([n1, n2, n3]);
    expect(cluster.change(1, { type: 'promote', id: n4 })).toBe('notInSync');
    cluster.start(n4);
    runLinked(cluster, mesh(1, 2, 3, 4), 10 * heartbeatInterval);
    expect(cluster.change(1, { type: 'promote', id: n4 })).toBeUndefined();
  });

  test('4.2.1: much is much, however long the log', () => {
    const last = index(1_000_000_000);
    expect(raftRules.isInSync(index(last - maxPromotionLag), last)).toBe(true);
    expect(raftRules.isInSync(index(last - maxPromotionLag - 1), last)).toBe(false);
  });

  test('no change that would leave no quorum of those that are there', () => {
    const cluster = ledCluster(3);
    cluster.crash(n3);
    runLinked(cluster, mesh(1, 2), 4 * electionTimeout);
    expect(cluster.leader()).toBe(1);
    expect(cluster.change(1, { type: 'remove', id: n2 })).toBe('unhealthy');
    expect(cluster.change(1, { type: 'remove', id: n3 })).toBeUndefined();
  });

  test('4.2.2: a leader that removes itself leads until that is committed, and does not count itself', () => {
    const cluster = ledCluster(3);
    cluster.change(1, { type: 'remove', id: n1 });
    cluster.settle([n1, n2]);
    // The first and the second are a majority of three, but only one of the two that are left.
    expect(cluster.state(1).role.type).toBe('leader');
    expect(cluster.state(1).commit).toBeLessThan(cluster.state(1).log.lastIndex);
    cluster.settle();
    expect(cluster.state(1).role.type).toBe('follower');
    expect(cluster.leader()).toBeGreaterThan(1);
    cluster.propose(cluster.leader() ?? 0, 'goes on');
    cluster.settle();
    expect(cluster.applied(2)).toEqual(['goes on']);
  });

  test('whoever is removed hears of it', () => {
    const cluster = ledCluster(3);
    cluster.change(1, { type: 'remove', id: n3 });
    cluster.settle();
    const last = cluster.actor(n3).applied.at(-1);
    expect(last?.kind).toBe('configuration');
    runLinked(cluster, mesh(1, 2, 3), 2 * electionTimeout);
    const { role } = cluster.state(1);
    expect(role.type === 'leader' && [...role.progress.keys()]).toEqual([2]);
    expect(cluster.state(3).electionDeadline).toBeUndefined();
  });

  test('4.2.3: a removed server that has not heard of it disturbs nobody', () => {
    const cluster = ledCluster(4, 0);
    cluster.crash(n4);
    cluster.change(1, { type: 'remove', id: n4 });
    cluster.settle();
    const { term } = cluster.state(1).hardState;
    cluster.start(n4);
    runLinked(cluster, mesh(1, 2, 3, 4), 20 * electionTimeout);
    expect(cluster.state(1).hardState.term).toBe(term);
    expect(cluster.leader()).toBe(1);
  });

  test('a learner answers candidates, and does not campaign (R-12)', () => {
    const cluster = ledCluster(3);
    cluster.add(1, 4);
    expect(cluster.state(4).electionDeadline).toBeUndefined();
    const message = { type: 'requestVote', term: epoch(9), lastIndex: 99, lastTerm: 8, transfer: true };
    cluster.step(n4, { type: 'message', from: n2, message: message as never });
    cluster.sync(n4);
    expect(cluster.find(4, 2, 'vote')).toBeGreaterThanOrEqual(0);
  });
});

describe('thesis, section 4.3: arbitrary changes by joint consensus', () => {
  test('it is entered, and left by itself when it is committed', () => {
    const cluster = ledCluster(3);
    cluster.add(1, 4);
    cluster.change(1, { type: 'exchange', promote: [n4], remove: [n2] });
    expect(configuration(cluster, 1)).toMatchObject({ voters: [1, 3, 4], outgoing: [1, 2, 3] });
    cluster.settle();
    expect(configuration(cluster, 3)).toMatchObject({ voters: [1, 3, 4], outgoing: [], removed: [2] });
    cluster.propose(1, 'a');
    cluster.settle();
    expect(cluster.applied(4)).toEqual(['a']);
  });

  test('whoever leads next leaves it (R-11)', () => {
    const cluster = ledCluster(3);
    cluster.add(1, 4);
    cluster.change(1, { type: 'exchange', promote: [n4], remove: [n1] });
    // It is in the logs of both majorities when the leader is lost.
    for (const to of [2, 3, 4]) cluster.deliver(cluster.find(1, to, 'appendEntries'));
    for (const id of [n2, n3, n4]) cluster.sync(id);
    cluster.crash(n1);
    cluster.dropAll();
    runLinked(cluster, mesh(2, 3, 4), 10 * electionTimeout);
    const leader = cluster.leader() ?? 0;
    expect(leader).toBeGreaterThan(1);
    expect(configuration(cluster, leader)).toMatchObject({ voters: [2, 3, 4], outgoing: [], removed: [1] });
  });

  test('a leader that is in the old half only leads until the new one is committed', () => {
    const cluster = ledCluster(3);
    cluster.add(1, 4);
    cluster.change(1, { type: 'exchange', promote: [n4], remove: [n1] });
    cluster.settle();
    expect(cluster.state(1).role.type).toBe('follower');
    expect([2, 3, 4]).toContain(cluster.leader());
  });
});

describe('thesis, section 6.4.1: reads by lease', () => {
  function leased(): RaftRehearsal {
    const cluster = new RaftRehearsal(3, { leaseReads: { maxDriftPpm: 100_000 } });
    ledByFirst(cluster);
    cluster.timeout(n1);
    cluster.settle();
    return cluster;
  }

  function restart(cluster: RaftRehearsal, id: NodeId, settings: RaftRehearsal['settings']): void {
    cluster.crash(id);
    cluster.dropAll();
    cluster.settings = settings;
    cluster.start(id);
    cluster.sync(id);
  }

  /** A heartbeat is answered by all; whether the leader then answers a read by itself. */
  function servesAtOnce(cluster: RaftRehearsal): boolean {
    cluster.timeout(n1);
    cluster.settle();
    return cluster.result(cluster.read(1))?.type === 'readable';
  }

  test('are served at once while the lease lasts, and by a round after it', () => {
    const cluster = leased();
    const { sent } = cluster;
    const read = cluster.read(1);
    expect(cluster.result(read)).toMatchObject({ type: 'readable' });
    expect(cluster.sent).toBe(sent);
    for (let passed = 0; passed < electionTimeout; passed += heartbeatInterval) {
      cluster.wait(n1, heartbeatInterval - 1);
      cluster.step(n1);
    }
    cluster.dropAll();
    const late = cluster.read(1);
    expect(cluster.result(late)).toBeUndefined();
    cluster.settle();
    expect(cluster.result(late)).toMatchObject({ type: 'readable' });
  });

  test('not after a pause, until a heartbeat that was sent since is answered', () => {
    const cluster = leased();
    cluster.wait(n1, 2 * heartbeatInterval + 1);
    cluster.step(n1);
    cluster.dropAll();
    expect(cluster.result(cluster.read(1))).toBeUndefined();
    cluster.settle();
    cluster.timeout(n1);
    cluster.settle();
    expect(cluster.result(cluster.read(1))).toMatchObject({ type: 'readable' });
  });

  test('a replica that was started again votes for nobody for a while', () => {
    const cluster = leased();
    cluster.crash(n2);
    cluster.start(n2);
    cluster.sync(n2);
    expect(electOnly(cluster, 3, 2)).toBe(false);
    cluster.wait(n2, electionTimeout);
    expect(electOnly(cluster, 3, 2)).toBe(true);
  });

  test('rely only on members that have promised: without the option on enough of them a round is asked', () => {
    const cluster = leased();
    const { timing, leaseReads } = cluster.settings;
    expect(servesAtOnce(cluster)).toBe(true);
    restart(cluster, n2, { timing });
    expect(servesAtOnce(cluster)).toBe(true);
    restart(cluster, n3, { timing });
    expect(servesAtOnce(cluster)).toBe(false);
    restart(cluster, n2, { timing, ...(leaseReads === undefined ? {} : { leaseReads }) });
    expect(servesAtOnce(cluster)).toBe(true);
  });

  test('last no longer than the shortest promise that they need', () => {
    const cluster = leased();
    const short = {
      ...cluster.settings,
      timing: { heartbeatInterval, electionTimeout: electionTimeout / 2 },
    };
    for (const id of [n2, n3]) restart(cluster, id, short);
    expect(servesAtOnce(cluster)).toBe(true);
    cluster.wait(n1, heartbeatInterval - 1);
    cluster.step(n1);
    expect(cluster.result(cluster.read(1))).toMatchObject({ type: 'readable' });
    cluster.wait(n1, electionTimeout / 2 - heartbeatInterval);
    expect(cluster.result(cluster.read(1))).toBeUndefined();
  });

  test('a promise outlives the option, and any number of starts without it', () => {
    const cluster = leased();
    const timing = { heartbeatInterval: 1, electionTimeout: 3 };
    for (let starts = 0; starts < 2; starts++) restart(cluster, n2, { timing });
    const bound = cluster.actor(n2).now + electionTimeout;
    expect(electOnly(cluster, 3, 2)).toBe(false);
    while (cluster.state(2).role.type === 'follower') cluster.timeout(n2);
    expect(cluster.actor(n2).now).toBeGreaterThanOrEqual(bound);
  });
});

describe('R-15: partial connectivity', () => {
  const topologies: readonly (readonly [string, (readonly [number, number])[], RegExp])[] = [
    [
      '(a) the leader hears a majority, and two others hear only followers',
      [...mesh(1, 2, 3), [2, 4], [3, 5]],
      /^1$/,
    ],
    [
      '(b) the leader hears one replica only, which hears a majority without it',
      [[1, 2], ...mesh(2, 3, 4)],
      /^[234]$/,
    ],
    ['(c) two leaves, one of them at the leader', [...mesh(1, 2, 3), [2, 4], [1, 5]], /^1$/],
  ];

  test.each(topologies)('%s: one leader, and it stays', (_, links, expected) => {
    const cluster = ledCluster(5, 0);
    runLinked(cluster, links, 20 * electionTimeout);
    const leader = cluster.leader();
    expect(String(leader)).toMatch(expected);
    const { term } = cluster.state(leader ?? 0).hardState;
    cluster.propose(leader ?? 0, 'goes on');
    runLinked(cluster, links, 40 * electionTimeout);
    expect(cluster.leader()).toBe(leader);
    expect(cluster.state(leader ?? 0).hardState.term).toBe(term);
    expect(cluster.applied(leader ?? 0)).toEqual(['goes on']);
  });
});

test('members and their leases are part of the encoded state, and of copies', () => {
  const cluster = ledCluster(3, 2);
  const before = cluster.actor(n1).protocol?.encodeState();
  cluster.add(1, 4);
  cluster.change(1, { type: 'promote', id: n4 });
  const protocol = cluster.actor(n1).protocol;
  assert(protocol !== undefined && before !== undefined, 'the first is up');
  expect(protocol.encodeState()).not.toEqual(before);
  const copy = protocol.fork();
  expect(copy.encodeState()).toEqual(protocol.encodeState());
  cluster.settle();
  expect(copy.encodeState()).not.toEqual(protocol.encodeState());
  expect(configuration(cluster, 1).voters).not.toContain(n5);
});
