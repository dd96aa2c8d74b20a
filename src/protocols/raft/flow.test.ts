import { describe, expect, test } from 'vitest';
import { commandId, index, nodeId, readId } from '../../core/ids.ts';
import {
  checkpointLogBytes,
  maxCommandBytes,
  maxInflightAppends,
  maxPendingReads,
  maxUncommittedEntries,
} from '../../core/limits.ts';
import { RaftRehearsal, rehearsalTiming } from './rehearsal.ts';

const [n1, n2, n3] = [nodeId(1), nodeId(2), nodeId(3)];

function ledByFirst(): RaftRehearsal {
  const cluster = new RaftRehearsal(3);
  cluster.elect(1, 2, 3);
  cluster.settle();
  return cluster;
}

function pass(cluster: RaftRehearsal, ms: number): void {
  for (let time = 0; time < ms; time++) {
    cluster.advance(1);
    cluster.settle();
  }
}

const refusals = (cluster: RaftRehearsal): string[] => [...cluster.actor(n1).refusals.values()];
const appendsTo = (cluster: RaftRehearsal, to: number): number =>
  cluster.network.filter(
    (envelope) =>
      envelope.to === to && envelope.type === 'message' && envelope.message.type === 'appendEntries',
  ).length;

describe('flow control', () => {
  test('requests follow each other without waiting, up to the window; answers open it again', () => {
    const cluster = ledByFirst();
    for (let at = 0; at < maxInflightAppends + 50; at++) cluster.propose(1, `${at}`);
    expect(appendsTo(cluster, 2)).toBe(maxInflightAppends);
    cluster.settle();
    expect(cluster.applied(2)).toHaveLength(maxInflightAppends + 50);
  });

  test('a congested link gets no entries, but heartbeats', () => {
    const cluster = ledByFirst();
    cluster.step(n1, { type: 'credit', peer: n2, bytes: 0 });
    cluster.propose(1, 'a');
    cluster.settle();
    pass(cluster, 3 * rehearsalTiming.electionTimeout);
    expect(cluster.log(2)).toEqual(['-@1']);
    expect(cluster.state(2).hardState.term).toBe(1);
    cluster.step(n1, { type: 'credit', peer: n2, bytes: 1000 });
    cluster.settle();
    expect(cluster.applied(2)).toEqual(['a']);
  });

  test('a link that was congested when it broke has room when it is there again', () => {
    const cluster = ledByFirst();
    cluster.step(n1, { type: 'credit', peer: n2, bytes: 0 });
    cluster.propose(1, 'a');
    cluster.step(n1, { type: 'link', peer: n2, session: 1, up: false });
    cluster.settle();
    expect(cluster.applied(2)).toEqual([]);
    cluster.step(n1, { type: 'link', peer: n2, session: 2, up: true });
    cluster.settle();
    expect(cluster.applied(2)).toEqual(['a']);
  });

  test('after a broken link the leader goes on at once from what was acknowledged', () => {
    const cluster = ledByFirst();
    cluster.propose(1, 'a');
    cluster.drop(cluster.find(1, 2, 'appendEntries'));
    cluster.step(n1, { type: 'link', peer: n2, session: 1, up: false });
    cluster.propose(1, 'b');
    expect(appendsTo(cluster, 2)).toBe(0);
    cluster.step(n1, { type: 'link', peer: n2, session: 2, up: true });
    cluster.settle();
    expect(cluster.applied(2)).toEqual(['a', 'b']);
  });

  test('lost requests are noticed at the next heartbeat', () => {
    const cluster = ledByFirst();
    cluster.propose(1, 'a');
    cluster.drop(cluster.find(1, 2, 'appendEntries'));
    cluster.settle();
    pass(cluster, 2 * rehearsalTiming.heartbeatInterval);
    expect(cluster.applied(2)).toEqual(['a']);
  });

  test('a follower that was started again applies what it holds without waiting for the next command', () => {
    const cluster = ledByFirst();
    cluster.propose(1, 'a');
    cluster.settle();
    cluster.crash(n3);
    cluster.start(n3);
    cluster.settle();
    expect(cluster.applied(3)).toEqual([]);
    pass(cluster, 2 * rehearsalTiming.heartbeatInterval);
    expect(cluster.applied(3)).toEqual(['a']);
  });
});

describe('limits', () => {
  test('a command that is too large is refused', () => {
    const cluster = ledByFirst();
    cluster.propose(1, 'x'.repeat(maxCommandBytes + 1));
    expect(refusals(cluster)).toEqual(['tooLarge']);
  });

  test('a leader that commits nothing takes only so much', () => {
    const cluster = ledByFirst();
    const payload = new Uint8Array(1);
    const flood = Array.from({ length: maxUncommittedEntries + 10 }, (_, at) => ({
      type: 'command' as const,
      id: commandId(at),
      payload,
    }));
    cluster.step(n1, ...flood);
    expect(refusals(cluster)).toEqual(Array.from({ length: 10 }, () => 'overloaded'));
    expect(cluster.state(1).log.lastIndex).toBe(1 + maxUncommittedEntries);
  });

  test('reads that wait are bounded, on leaders and followers', () => {
    const cluster = ledByFirst();
    for (const id of [n1, n2]) {
      const flood = Array.from({ length: maxPendingReads + 1 }, (_, at) => ({
        type: 'read' as const,
        id: readId(id * 1_000_000 + at),
      }));
      cluster.step(id, ...flood);
      const results = [...cluster.actor(id).reads.values()];
      expect(results).toEqual([{ type: 'failed', reason: 'overloaded' }]);
    }
  });

  test('the host is asked to make its state durable when the log has grown', () => {
    const cluster = ledByFirst();
    const asked: number[] = [];
    const command = 'x'.repeat(1024 * 1024);
    for (let sent = 0; sent <= checkpointLogBytes && asked.length === 0; sent += command.length) {
      cluster.propose(1, command);
      cluster.settle();
      const { unflushedBytes } = cluster.state(1);
      if (unflushedBytes < command.length) asked.push(cluster.state(1).delivered);
    }
    expect(asked).toEqual([index(17)]);
  });
});
