import { describe, expect, test } from 'vitest';
import { epoch, index } from '../../../core/ids.ts';
import { RaftRehearsal, rehearsalTiming } from '../rehearsal.ts';
import { all, ledByFirst, n1, n2, n3 } from './clusters.ts';

describe('section 5.1: terms', () => {
  test('whoever sees a higher term follows in it', () => {
    const cluster = ledByFirst(3);
    cluster.step(n1, {
      type: 'message',
      from: n2,
      message: { type: 'heartbeatAck', term: epoch(7), round: 0, verified: index(0), promise: 0 },
    });
    expect(cluster.state(1).role).toEqual({ type: 'follower', leader: undefined });
    expect(cluster.state(1).hardState.term).toBe(7);
  });

  test('a leader of an older term is told, and changes nothing', () => {
    const cluster = ledByFirst(3);
    cluster.elect(2, 3);
    cluster.propose(1, 'late');
    cluster.deliver(cluster.find(1, 3, 'appendEntries'));
    expect(cluster.log(3)).toEqual(['-@1', '-@2']);
    cluster.settle();
    expect(cluster.state(1).role).toEqual({ type: 'follower', leader: 2 });
    expect(cluster.log(1)).toEqual(['-@1', '-@2']);
  });
});

describe('section 5.2: leader election', () => {
  test('a replica starts as a follower, and campaigns between one and two election timeouts later', () => {
    const deadlines = all(40).map((seed) => {
      const cluster = new RaftRehearsal(3, { seed: `${seed}` });
      expect(cluster.state(1).role.type).toBe('follower');
      return cluster.state(1).electionDeadline ?? 0;
    });
    expect(Math.min(...deadlines)).toBeGreaterThanOrEqual(rehearsalTiming.electionTimeout);
    expect(Math.max(...deadlines)).toBeLessThan(2 * rehearsalTiming.electionTimeout);
    expect(new Set(deadlines).size).toBeGreaterThan(10);
  });

  test('the leader sends heartbeats, and followers that hear them do not campaign', () => {
    const cluster = ledByFirst(3);
    for (let time = 0; time < 300; time++) {
      cluster.advance(1);
      cluster.settle();
    }
    expect(cluster.leader()).toBe(1);
    expect(cluster.state(2).hardState.term).toBe(1);
  });

  test('one vote in a term, also after a crash: first come, first served', () => {
    const cluster = new RaftRehearsal(3);
    const request = (from: typeof n1): void =>
      cluster.step(n2, {
        type: 'message',
        from,
        message: {
          type: 'requestVote',
          term: epoch(1),
          lastIndex: index(0),
          lastTerm: epoch(0),
          transfer: false,
        },
      });
    request(n1);
    cluster.sync(n2);
    cluster.crash(n2);
    cluster.start(n2);
    request(n3);
    cluster.sync(n2);
    const votes = cluster.network.map((envelope) => cluster.describe(envelope));
    expect(votes).toEqual(['2 -> 1 vote term=1 granted', '2 -> 3 vote term=1 denied']);
  });

  test('a candidate gives way to the leader of an EQUAL term', () => {
    const cluster = new RaftRehearsal(3);
    cluster.timeout(n1);
    cluster.settle([n1, n2]);
    cluster.timeout(n3);
    cluster.sync(n3);
    const ask = cluster.find(3, 2, 'preVote');
    expect(ask).toBeGreaterThanOrEqual(0);
    cluster.step(n3, {
      type: 'message',
      from: n2,
      message: { type: 'preVoteReply', term: epoch(1), granted: true },
    });
    expect(cluster.state(3).role.type).toBe('candidate');
    cluster.deliver(cluster.find(1, 3, 'appendEntries'));
    expect(cluster.state(3).role).toEqual({ type: 'follower', leader: 1 });
  });

  test('a split vote is followed by another election', () => {
    const cluster = new RaftRehearsal(4);
    for (let time = 0; time < 1000 && cluster.leader() === undefined; time++) {
      cluster.advance(1);
      cluster.settle();
    }
    expect(cluster.leader()).toBeDefined();
  });

  test('a lone voter leads at once, when its vote is durable', () => {
    const cluster = new RaftRehearsal(1);
    cluster.step(n1);
    expect(cluster.leader()).toBeUndefined();
    cluster.settle();
    expect(cluster.leader()).toBe(1);
    cluster.propose(1, 'a');
    expect(cluster.applied(1)).toEqual([]);
    cluster.sync(n1);
    expect(cluster.applied(1)).toEqual(['a']);
  });
});

describe('thesis 3.10: leadership transfer', () => {
  test('a caught-up follower takes over without waiting for any timeout; commands are refused meanwhile', () => {
    const cluster = ledByFirst(3);
    cluster.propose(1, 'a');
    cluster.settle();
    cluster.step(n1, { type: 'transfer', to: undefined });
    cluster.propose(1, 'b');
    expect([...cluster.actor(n1).refusals.values()]).toEqual(['transferring']);
    cluster.settle();
    expect(cluster.leader()).toBe(2);
    expect(cluster.state(1).role).toEqual({ type: 'follower', leader: 2 });
  });

  test('given up after an election timeout', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.step(n1, { type: 'transfer', to: n3 });
    cluster.dropAll();
    for (let time = 0; time <= rehearsalTiming.electionTimeout; time++) {
      cluster.advance(1);
      for (let at = cluster.find(1, 3, 'timeoutNow'); at >= 0; at = cluster.find(1, 3, 'timeoutNow'))
        cluster.drop(at);
      cluster.settle();
    }
    cluster.propose(1, 'again');
    cluster.settle();
    expect(cluster.applied(2)).toEqual(['again']);
  });
});

describe('thesis 6.2, 4.2.3 and 9.6: CheckQuorum and PreVote', () => {
  test('who comes back after a long absence disturbs nobody', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    for (let time = 0; time < 500; time++) {
      cluster.advance(1);
      for (let at = cluster.network.length - 1; at >= 0; at--) {
        const envelope = cluster.network[at];
        if (envelope?.to === 3 || envelope?.from === 3) cluster.drop(at);
      }
      cluster.settle([n1, n2]);
    }
    expect(cluster.state(3).hardState.term).toBe(1);
    for (let time = 0; time < 50; time++) {
      cluster.advance(1);
      cluster.settle();
    }
    expect(cluster.leader()).toBe(1);
    expect(cluster.state(3).role).toEqual({ type: 'follower', leader: 1 });
  });
});
