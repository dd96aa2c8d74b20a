import { assert } from '../../core/assert.ts';
import { utf8 } from '../../core/bytes.ts';
import { clusterTime, epoch, index, nodeId } from '../../core/ids.ts';
import type { Entry, RaftMessage } from './messages.ts';
import type { RaftRehearsal } from './rehearsal.ts';

// Steps that several schedules begin with.

const [n4, n5] = [nodeId(4), nodeId(5)];
const electionTypes = ['preVote', 'preVoteReply', 'requestVote', 'vote'] as const;

/**
 * Lets `id` campaign among `voters`, again when it only learnt of a higher term; true when it leads, and nothing that it
 * sent as a leader has been delivered.
 */
export function electOnly(cluster: RaftRehearsal, id: number, ...voters: number[]): boolean {
  const among = [id, ...voters];
  for (let attempt = 0; attempt < 5 && cluster.state(id).role.type !== 'leader'; attempt++) {
    for (const voter of voters) cluster.forgetLeader(voter);
    cluster.timeout(nodeId(id));
    while (cluster.state(id).role.type !== 'leader') {
      for (const one of among) cluster.sync(nodeId(one));
      const at = cluster.network.findIndex(
        (envelope) =>
          envelope.type === 'message' &&
          among.includes(envelope.from) &&
          among.includes(envelope.to) &&
          electionTypes.some((type) => type === envelope.message.type),
      );
      if (at < 0) break;
      cluster.deliver(at);
    }
  }
  return cluster.state(id).role.type === 'leader';
}

/** Delivers the first message of that type, if there is one. */
export function deliver(
  cluster: RaftRehearsal,
  from: number,
  to: number,
  type: RaftMessage['type'],
  keep = false,
): void {
  const at = cluster.find(from, to, type);
  if (at >= 0) cluster.deliver(at, keep);
}

export const entry = (at: number, term: number, text: string): Entry => ({
  index: index(at),
  epoch: epoch(term),
  time: clusterTime(0),
  kind: 'command',
  payload: utf8(text),
});

/** Says to `to` what the fifth replica, which is down, may have said as leader of `term`. */
export function fifthSays(
  cluster: RaftRehearsal,
  to: number,
  term: number,
  previous: readonly [index: number, term: number],
  entries: readonly Entry[],
  commit = 0,
): void {
  const message: RaftMessage = {
    type: 'appendEntries',
    term: epoch(term),
    previousIndex: index(previous[0]),
    previousTerm: epoch(previous[1]),
    commit: index(commit),
    entries,
  };
  cluster.step(nodeId(to), { type: 'message', from: n5, message });
}

/**
 * Five replicas. In term 1 the fifth gave the first entry to all and a stale second one to the fourth only; in term 2 it
 * has given another second entry to the first three, which makes that one committed.
 */
export function staleFourth(cluster: RaftRehearsal): void {
  cluster.crash(n5);
  for (const id of [1, 2, 3]) {
    fifthSays(cluster, id, 2, [0, 0], [entry(1, 1, 'first'), entry(2, 2, 'right')]);
    cluster.sync(nodeId(id));
  }
  fifthSays(cluster, 4, 1, [0, 0], [entry(1, 1, 'first'), entry(2, 1, 'stale')]);
  cluster.sync(n4);
  cluster.dropAll();
}

export function ledByFirst(cluster: RaftRehearsal): void {
  cluster.elect(1, ...[...cluster.actors.keys()].filter((id) => id !== 1));
  cluster.settle();
  assert(cluster.leader() === 1, 'the first leads');
}

/** Lets time pass while only the given pairs can talk. */
export function runLinked(
  cluster: RaftRehearsal,
  links: readonly (readonly [number, number])[],
  ms: number,
): void {
  const linked = (a: number, b: number): boolean =>
    links.some(([x, y]) => (x === a && y === b) || (x === b && y === a));
  for (let time = 0; time < ms; time++) {
    cluster.advance(1);
    for (let at = cluster.network.length - 1; at >= 0; at--) {
      const envelope = cluster.network[at];
      if (envelope !== undefined && !linked(envelope.from, envelope.to)) cluster.drop(at);
    }
    for (const id of cluster.actors.keys()) cluster.sync(id);
    for (let waiting = cluster.network.length; waiting > 0; waiting--) cluster.deliver(0);
  }
}
