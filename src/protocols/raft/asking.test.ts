import { describe, expect, test } from 'vitest';
import { nodeId } from '../../core/ids.ts';
import type { Configuration, Reconfiguration } from '../../protocol/index.ts';
import { RaftRehearsal, rehearsalTiming } from './rehearsal.ts';
import { ledByFirst, runLinked } from './staging.ts';

const [n1, n2, n3, n4] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4)];
const { electionTimeout, heartbeatInterval } = rehearsalTiming;
const removeThird: Reconfiguration = { type: 'remove', id: n3 };

function ledCluster(replicas: number, spares = 0): RaftRehearsal {
  const cluster = new RaftRehearsal(replicas, { spares });
  ledByFirst(cluster);
  return cluster;
}

/** Of the change that the first was asked for last. */
const refusal = (cluster: RaftRehearsal): string | undefined =>
  [...cluster.actor(n1).refusals.values()].at(-1);

const configuration = (cluster: RaftRehearsal): Configuration =>
  cluster.state(1).configurations.current.configuration;

describe('who votes is changed when those who are to vote have said that they live (thesis, section 4.2)', () => {
  test('one who stopped a moment ago has not: the change is refused, and the others go on', () => {
    const cluster = ledCluster(3);
    cluster.crash(n2);
    expect(cluster.change(1, removeThird)).toBeUndefined();
    expect(cluster.isAsking(1)).toBe(true);
    runLinked(cluster, [[1, 3]], electionTimeout + heartbeatInterval);
    expect(refusal(cluster)).toBe('unhealthy');
    expect(configuration(cluster).voters).toEqual([1, 2, 3]);
    cluster.propose(1, 'goes on');
    cluster.settle([n1, n3]);
    expect(cluster.applied(1)).toEqual(['goes on']);
  });

  test('a lost question is asked again with the next heartbeat', () => {
    const cluster = ledCluster(3);
    cluster.reconfigure(1, removeThird);
    cluster.dropAll();
    runLinked(cluster, [[1, 2]], 2 * heartbeatInterval);
    expect(refusal(cluster)).toBeUndefined();
    expect(configuration(cluster).voters).toEqual([1, 2]);
  });

  test('an answer to what was sent before does not count', () => {
    const cluster = ledCluster(3);
    cluster.timeout(n1);
    for (const to of [2, 3]) cluster.deliver(cluster.find(1, to, 'heartbeat'));
    cluster.crash(n2);
    cluster.reconfigure(1, removeThird);
    for (const from of [2, 3]) cluster.deliver(cluster.find(from, 1, 'heartbeatAck'));
    expect(cluster.isAsking(1)).toBe(true);
    expect(configuration(cluster).voters).toEqual([1, 2, 3]);
  });

  test('nor does one that a leader finds after it stood still for too long', () => {
    const cluster = ledCluster(3);
    cluster.reconfigure(1, removeThird);
    for (const to of [2, 3]) cluster.deliver(cluster.find(1, to, 'heartbeat'));
    cluster.wait(n1, electionTimeout);
    cluster.turn(n1);
    expect(refusal(cluster)).toBe('unhealthy');
    expect(configuration(cluster).voters).toEqual([1, 2, 3]);
  });

  test('both halves of a joint configuration are asked', () => {
    const cluster = ledCluster(3, 1);
    cluster.add(1, 4);
    cluster.change(1, { type: 'exchange', promote: [n4], remove: [n2, n3] }, 4);
    expect(cluster.isAsking(1)).toBe(true);
    cluster.settle([n1, n2]);
    expect(cluster.isAsking(1)).toBe(false);
    cluster.settle();
    expect(configuration(cluster)).toMatchObject({ voters: [1, 4], removed: [2, 3] });
  });

  test('whoever leads alone asks nobody', () => {
    const cluster = ledCluster(2);
    cluster.change(1, { type: 'remove', id: n2 });
    cluster.settle();
    const { sent } = cluster;
    const change: Reconfiguration = { type: 'addLearner', id: n3, address: 'host3:1', promote: false };
    expect(cluster.reconfigure(1, change)).toBeUndefined();
    expect(configuration(cluster).learners).toEqual([3]);
    expect(cluster.find(1, 3, 'heartbeat')).toBe(-1);
    expect(cluster.sent).toBe(sent + 1);
  });

  test('a learner that stops is not made a voter, by itself either', () => {
    const cluster = ledCluster(3, 1);
    cluster.crash(n3);
    const added: Reconfiguration = { type: 'addLearner', id: n4, address: 'host4:1', promote: true };
    cluster.reconfigure(1, added);
    cluster.settle();
    const storageId = Uint8Array.of(4);
    cluster.reconfigure(1, { type: 'identify', id: n4, name: 'n4', storageId });
    while (!cluster.isAsking(1)) {
      const waiting = cluster.network.length > 0;
      if (waiting) cluster.deliver(0);
      else cluster.advance(1);
      for (const id of [n1, n2, n4]) cluster.sync(id);
    }
    cluster.crash(n4);
    runLinked(cluster, [[1, 2]], 2 * electionTimeout);
    expect(configuration(cluster)).toMatchObject({ voters: [1, 2, 3], promoting: [4] });
    cluster.propose(1, 'goes on');
    cluster.settle([n1, n2]);
    expect(cluster.applied(2)).toEqual(['goes on']);
  });
});

describe('while it asks, a leader', () => {
  function asking(): RaftRehearsal {
    const cluster = ledCluster(3);
    cluster.reconfigure(1, removeThird);
    return cluster;
  }

  test('takes no other change', () => {
    const cluster = asking();
    const change: Reconfiguration = { type: 'update', id: n2, address: 'elsewhere:1' };
    expect(cluster.reconfigure(1, change)).toBe('reconfiguring');
    cluster.settle();
    expect(configuration(cluster).voters).toEqual([1, 2]);
  });

  test('takes commands', () => {
    const cluster = asking();
    cluster.propose(1, 'a');
    cluster.settle();
    expect(cluster.applied(2)).toEqual(['a']);
  });

  test('refuses the change when it is to hand over, or leads no more', () => {
    const transferring = asking();
    transferring.step(n1, { type: 'transfer', to: n2 });
    expect(refusal(transferring)).toBe('transferring');
    const cutOff = asking();
    cutOff.crash(n2);
    cutOff.crash(n3);
    runLinked(cutOff, [], 2 * electionTimeout);
    expect(cutOff.state(1).role.type).not.toBe('leader');
    expect([...cutOff.actor(n1).refusals.values()].length).toBe(1);
  });

  test('knows it in its encoded state and in copies', () => {
    const cluster = ledCluster(3);
    const protocol = cluster.actor(n1).protocol;
    const before = protocol?.encodeState();
    cluster.reconfigure(1, removeThird);
    expect(protocol?.encodeState()).not.toEqual(before);
    expect(protocol?.fork().encodeState()).toEqual(protocol?.encodeState());
  });
});
