import { describe, expect, test } from 'vitest';
import { utf8 } from '../../core/bytes.ts';
import { clusterTime, commandId, epoch, index, millis, nodeId, readId } from '../../core/ids.ts';
import { Random } from '../../core/random.ts';
import { encodeConfiguration } from '../../protocol/index.ts';
import type { Entry, RaftMessage } from './messages.ts';
import { configurationOf, RaftRehearsal, rehearsalTiming } from './rehearsal.ts';
import { createRaft } from './replica.ts';
import { schedules } from './schedules.ts';

const [n1, n2, n3] = [nodeId(1), nodeId(2), nodeId(3)];
const all = (count: number) => Array.from({ length: count }, (_, at) => at + 1);

/** A cluster that replica 1 leads in term 1. */
function ledByFirst(count: number): RaftRehearsal {
  const cluster = new RaftRehearsal(count);
  cluster.elect(1, ...all(count).slice(1));
  expect(cluster.leader()).toBe(1);
  return cluster;
}

const entry = (at: number, term: number, text = 'x'): Entry => ({
  index: index(at),
  epoch: epoch(term),
  time: clusterTime(0),
  kind: 'command',
  payload: utf8(text),
});

function appendEntries(
  term: number,
  previous: [at: number, term: number],
  entries: Entry[],
  commit = 0,
): RaftMessage {
  return {
    type: 'appendEntries',
    term: epoch(term),
    previousIndex: index(previous[0]),
    previousTerm: epoch(previous[1]),
    commit: index(commit),
    entries,
  };
}

describe('section 5.1: terms', () => {
  test('whoever sees a higher term follows in it', () => {
    const cluster = ledByFirst(3);
    cluster.step(n1, {
      type: 'message',
      from: n2,
      message: { type: 'heartbeatAck', term: epoch(7), round: 0, verified: index(0) },
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
      message: { type: 'heartbeatAck', term: epoch(7), round: 0, verified: index(0) },
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

describe('the contract', () => {
  test('a full disk: writes refused, votes and heartbeats go on, and it recovers', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.step(n2, { type: 'storage', full: true });
    cluster.step(n1, { type: 'storage', full: true });
    cluster.propose(1, 'a');
    expect([...cluster.actor(n1).refusals.values()]).toEqual(['storageFull']);
    const read = cluster.read(1);
    cluster.settle();
    expect(cluster.result(read)?.type).toBe('readable');
    cluster.step(n1, { type: 'storage', full: false });
    cluster.propose(1, 'b');
    cluster.settle();
    expect(cluster.applied(3)).toEqual(['b']);
    expect(cluster.log(2)).toEqual(['-@1']);
    cluster.step(n2, { type: 'storage', full: false });
    for (let time = 0; time < 30; time++) {
      cluster.advance(1);
      cluster.settle();
    }
    expect(cluster.applied(2)).toEqual(['b']);
  });

  test('a fork behaves the same and is independent', () => {
    const options = { self: n1, random: Random.fromSeed('fork'), timing: rehearsalTiming };
    const one = createRaft(options);
    const base = {
      position: { index: index(0), epoch: epoch(0), time: clusterTime(0) },
      configuration: configurationOf(3),
    };
    one.step(millis(0), [{ type: 'recovered', base, records: [] }]);
    const other = one.fork();
    expect(other.encodeState()).toEqual(one.encodeState());
    const later = millis(100);
    const effects = one.step(later, []);
    expect(other.encodeState()).not.toEqual(one.encodeState());
    expect(other.step(later, [])).toEqual(effects);
    expect(other.encodeState()).toEqual(one.encodeState());
  });

  test('entries are stamped with the time for which the cluster was led, which never goes back', () => {
    const cluster = ledByFirst(3);
    cluster.settle();
    cluster.wait(n1, 5);
    cluster.propose(1, 'a');
    cluster.settle();
    cluster.crash(n1);
    cluster.wait(n2, 1000);
    cluster.elect(2, 3);
    cluster.propose(2, 'b');
    cluster.settle([n2, n3]);
    const times = cluster.actor(n2).applied.map(({ time }) => time);
    expect(times).toEqual([0, 5, 5, 5]);
  });
});
