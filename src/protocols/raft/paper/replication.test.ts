import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../core/bytes.ts';
import { commandId, epoch, index, nodeId } from '../../../core/ids.ts';
import { RaftRehearsal } from '../rehearsal.ts';
import { schedules } from '../schedules.ts';
import { all, appendEntries, entry, ledByFirst, n1, n2, n3 } from './clusters.ts';

describe('section 5.3: log replication', () => {
  test('an entry is committed when a majority holds it, and applied everywhere', () => {
    const cluster = ledByFirst(3);
    cluster.propose(1, 'a', 'b');
    cluster.settle([n1, n2]);
    expect(cluster.applied(1)).toEqual(['a', 'b']);
    expect(cluster.applied(3)).toEqual([]);
    cluster.settle();
    for (const id of all(3)) expect(cluster.applied(id)).toEqual(['a', 'b']);
  });

  test('a follower without the previous entry refuses, and says where to look', () => {
    const cluster = new RaftRehearsal(3);
    cluster.step(n2, { type: 'message', from: n1, message: appendEntries(1, [0, 0], [entry(1, 1)]) });
    cluster.step(n2, { type: 'message', from: n1, message: appendEntries(1, [5, 1], [entry(6, 1)]) });
    cluster.sync(n2);
    expect(cluster.network.map((envelope) => cluster.describe(envelope))).toEqual([
      '2 -> 1 appendAck term=1 match=1',
      '2 -> 1 appendReject term=1 previous=5 hint=1@1',
    ]);
  });

  /** Figure 7: what followers may hold when the leader of term 8 comes to power. */
  const figure7: readonly [name: string, terms: readonly number[]][] = [
    ['a: misses one', [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ['b: misses many', [1, 1, 1, 4]],
    ['c: one too many', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ['d: two of a later term', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ['e: misses some, has others', [1, 1, 1, 4, 4, 4, 4]],
    ['f: long wrong terms', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ];
  const leaderTerms = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];

  test.each(figure7)('figure 7, follower %s: its log becomes the leader’s', (_, terms) => {
    const cluster = new RaftRehearsal(3);
    const give = (id: typeof n1, held: readonly number[]): void => {
      const entries = held.map((term, at) => entry(at + 1, term, `${at + 1}`));
      const last = held.at(-1) ?? 1;
      cluster.step(id, { type: 'message', from: n2, message: appendEntries(last, [0, 0], entries) });
    };
    give(n1, leaderTerms);
    give(n3, terms);
    cluster.settle();
    cluster.dropAll();
    cluster.forgetLeader(1);
    cluster.step(n1, {
      type: 'message',
      from: n2,
      message: { type: 'heartbeatAck', term: epoch(7), round: 0, verified: index(0), promise: 0 },
    });
    cluster.elect(1, 2);
    expect(cluster.state(1).hardState.term).toBe(8);
    const rejects = (): number =>
      cluster.network.filter((envelope) => cluster.describe(envelope).includes('appendReject')).length;
    let rejected = 0;
    for (
      let guard = 0;
      guard < 100 && cluster.network.length + cluster.actor(n3).disk.pending.length > 0;
      guard++
    ) {
      cluster.sync(n3);
      rejected += rejects();
      if (cluster.network.length > 0) cluster.deliver(0);
    }
    cluster.settle();
    expect(cluster.log(3)).toEqual(cluster.log(1));
    expect(rejected).toBeLessThanOrEqual(6);
  });

  test('several commands of one step are one message to each peer and one write', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.sent = 0;
    cluster.propose(1, 'a', 'b', 'c');
    expect(cluster.network.map((envelope) => cluster.describe(envelope))).toEqual([
      '1 -> 2 appendEntries term=1 previous=1@1 commit=1 entries=2..4@1',
      '1 -> 3 appendEntries term=1 previous=1@1 commit=1 entries=2..4@1',
    ]);
    expect(cluster.actor(n1).disk.pending).toHaveLength(1);
  });

  test.each([3, 5])(
    'without faults a decision among %i costs 2(n-1) messages, commit piggybacked',
    (count) => {
      const cluster = ledByFirst(count);
      cluster.settle();
      cluster.sent = 0;
      const decisions = 50;
      for (let at = 0; at < decisions; at++) {
        // Each command comes in the step in which the one before is committed, and its request carries that.
        cluster.turn(n1, { type: 'command', id: commandId(at), payload: utf8(`${at}`) });
        for (const id of all(count).slice(1)) {
          cluster.turn(nodeId(id));
          cluster.sync(nodeId(id));
        }
        expect(cluster.sent).toBe(2 * (count - 1) * (at + 1));
        expect(cluster.state(1).commit).toBe(1 + at);
      }
      cluster.turn(n1);
      expect(cluster.applied(1)).toHaveLength(decisions);
      expect(cluster.sent).toBe(2 * (count - 1) * decisions + (count - 1));
    },
  );
});

describe('section 5.4: safety', () => {
  test('5.4.1: no vote for a log that is not up to date: last term first, then length', () => {
    const cluster = new RaftRehearsal(3);
    cluster.step(n2, {
      type: 'message',
      from: n3,
      message: appendEntries(2, [0, 0], [entry(1, 1), entry(2, 2)]),
    });
    const ask = (lastIndex: number, lastTerm: number): string => {
      cluster.settle();
      cluster.dropAll();
      cluster.forgetLeader(2);
      const term = epoch(cluster.state(2).hardState.term + 1);
      cluster.step(n2, {
        type: 'message',
        from: n1,
        message: {
          type: 'requestVote',
          term,
          lastIndex: index(lastIndex),
          lastTerm: epoch(lastTerm),
          transfer: false,
        },
      });
      cluster.sync(n2);
      return cluster.network
        .map((envelope) => cluster.describe(envelope))
        .join()
        .replace(/.* /, '');
    };
    expect(ask(9, 1)).toBe('denied');
    expect(ask(1, 2)).toBe('denied');
    expect(ask(2, 2)).toBe('granted');
    expect(ask(1, 3)).toBe('granted');
  });

  test('5.4.2, figure 8: a majority alone does not commit an entry of an earlier term', () => {
    const cluster = new RaftRehearsal(5);
    schedules.get('commits-earlier-terms')?.run(cluster);
    // Three of five held the second entry of term 1, which the fifth may still overwrite, and now does.
    expect(cluster.watch.invariants.chosen.map(({ index: at, epoch: term }) => [at, term])).toEqual([[1, 1]]);
    expect(cluster.state(3).log.termAt(2)).toBe(1);
    cluster.settle([nodeId(5), n3, nodeId(4)]);
    expect(cluster.state(3).log.termAt(2)).toBeGreaterThan(1);
    expect(cluster.applied(3)).toEqual([]);
  });
});

describe('section 5.5: crashes of followers', () => {
  test('what was lost is sent again, and a request that comes twice changes nothing', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.propose(1, 'a');
    const request = cluster.find(1, 2, 'appendEntries');
    cluster.deliver(request, true);
    cluster.settle();
    expect(cluster.log(2)).toEqual(['-@1', 'a@1']);
    cluster.crash(n3);
    cluster.propose(1, 'b');
    cluster.settle([n1, n2]);
    cluster.start(n3);
    cluster.settle();
    for (let time = 0; time < 30; time++) {
      cluster.advance(1);
      cluster.settle();
    }
    expect(cluster.log(3)).toEqual(['-@1', 'a@1', 'b@1']);
  });
});

describe('thesis 10.2.1: writing in parallel', () => {
  test('the leader sends before its own write is durable, and commits without it', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.propose(1, 'a');
    cluster.deliver(cluster.find(1, 2, 'appendEntries'));
    cluster.deliver(cluster.find(1, 3, 'appendEntries'));
    cluster.settle([n2, n3]);
    cluster.deliver(cluster.find(2, 1, 'appendAck'));
    expect(cluster.state(1).commit).toBe(1);
    cluster.deliver(cluster.find(3, 1, 'appendAck'));
    expect(cluster.state(1).commit).toBe(2);
    expect(cluster.applied(1)).toEqual([]);
    cluster.sync(n1);
    expect(cluster.applied(1)).toEqual(['a']);
  });
});
