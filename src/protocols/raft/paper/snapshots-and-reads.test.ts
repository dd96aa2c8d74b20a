import { describe, expect, test } from 'vitest';
import { readId } from '../../../core/ids.ts';
import { encodeConfiguration } from '../../../protocol/index.ts';
import { configurationOf } from '../../../protocol/rehearsal-members.ts';
import { RaftRehearsal, rehearsalTiming } from '../rehearsal.ts';
import { all, appendEntries, entry, ledByFirst, n1, n2, n3 } from './clusters.ts';

describe('section 6 and thesis 4.1: configurations', () => {
  test('in force when appended, and no more when truncated', () => {
    const cluster = new RaftRehearsal(3);
    const payload = encodeConfiguration(configurationOf(4));
    const configuration = { ...entry(1, 1), kind: 'configuration' as const, payload };
    cluster.step(n2, { type: 'message', from: n1, message: appendEntries(1, [0, 0], [configuration]) });
    expect(cluster.state(2).configurations.current.configuration.voters).toEqual([1, 2, 3, 4]);
    cluster.step(n2, { type: 'message', from: n3, message: appendEntries(2, [0, 0], [entry(1, 2)]) });
    expect(cluster.state(2).configurations.current.configuration.voters).toEqual([1, 2, 3]);
  });
});

describe('section 7: snapshots', () => {
  /** Enough entries to cut the log, so that a late follower needs a snapshot. */
  function cutLog(): RaftRehearsal {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.crash(n3);
    for (let batch = 0; batch < 13; batch++) {
      cluster.propose(1, ...all(1000).map((at) => `${batch}.${at}`));
      cluster.settle([n1, n2]);
    }
    cluster.flush(n1);
    cluster.settle([n1, n2]);
    expect(cluster.state(1).log.floor.index).toBeGreaterThan(2000);
    cluster.dropAll();
    return cluster;
  }

  test('a follower that is too far behind gets one, and the entries after it', { timeout: 60_000 }, () => {
    const cluster = cutLog();
    cluster.start(n3);
    for (let time = 0; time < 60 && cluster.applied(3).length < 13_000; time++) {
      cluster.advance(1);
      cluster.settle();
    }
    cluster.propose(1, 'after');
    cluster.settle();
    expect(cluster.applied(3)).toEqual(cluster.applied(1));
    expect(cluster.state(3).log.floor.index).toBeGreaterThan(2000);
    cluster.crash(n3);
    cluster.start(n3);
    expect(cluster.state(3).log.lastIndex).toBe(cluster.state(1).log.lastIndex);
  });
});

describe('section 8 and thesis 6.4: reads', () => {
  test('the entry that opens a term makes the leader know what is committed', () => {
    const cluster = ledByFirst(3);
    cluster.propose(1, 'a');
    cluster.settle();
    cluster.crash(n1);
    cluster.forgetLeader(3);
    cluster.timeout(n2);
    const read = (): ReturnType<RaftRehearsal['read']> => cluster.read(2);
    while (cluster.state(2).role.type !== 'leader') {
      cluster.sync(n2);
      cluster.sync(n3);
      const at = cluster.network.findIndex(({ to }) => to !== 1);
      cluster.deliver(at);
    }
    const early = read();
    expect(cluster.result(early)).toBeUndefined();
    cluster.settle([n2, n3]);
    expect(cluster.result(early)).toEqual({ type: 'readable', index: 3 });
  });

  test('all reads of a step share a round, on followers one message', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.sent = 0;
    cluster.step(n2, { type: 'read', id: readId(101) }, { type: 'read', id: readId(102) });
    expect(cluster.network.map((envelope) => cluster.describe(envelope))).toEqual([
      '2 -> 1 readRequest term=1 batch=1.1',
    ]);
    cluster.settle();
    expect(cluster.actor(n2).reads.get(readId(101))).toEqual({ type: 'readable', index: 1 });
    expect(cluster.actor(n2).reads.get(readId(102))).toEqual({ type: 'readable', index: 1 });
    expect(cluster.sent).toBe(6);
  });

  test('who cannot reach a quorum serves nothing, and says so when it knows', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    const read = cluster.read(1);
    cluster.dropAll();
    for (let time = 0; time < 100; time++) {
      cluster.advance(1);
      cluster.dropAll();
    }
    expect(cluster.result(read)).toEqual({ type: 'failed', reason: 'notLeader' });
    expect(cluster.state(1).role.type).not.toBe('leader');
  });

  test('a follower fails its reads when the link to the leader goes down, or an answer does not come', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    const first = cluster.read(2);
    cluster.step(n2, { type: 'link', peer: n1, session: 1, up: false });
    expect(cluster.result(first)).toEqual({ type: 'failed', reason: 'notLeader' });
    const second = cluster.read(2);
    cluster.dropAll();
    cluster.wait(n2, rehearsalTiming.electionTimeout);
    cluster.step(n2);
    expect(cluster.result(second)).toEqual({ type: 'failed', reason: 'notLeader' });
  });
});
