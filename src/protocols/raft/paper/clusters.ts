import { assert } from '../../../core/assert.ts';
import { utf8 } from '../../../core/bytes.ts';
import { clusterTime, epoch, index, nodeId } from '../../../core/ids.ts';
import type { Entry, RaftMessage } from '../messages.ts';
import { RaftRehearsal } from '../rehearsal.ts';

export const [n1, n2, n3] = [nodeId(1), nodeId(2), nodeId(3)];
export const all = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);

/** A cluster that replica 1 leads in term 1. */
export function ledByFirst(count: number): RaftRehearsal {
  const cluster = new RaftRehearsal(count);
  cluster.elect(1, ...all(count).slice(1));
  assert(cluster.leader() === 1, 'the first is elected');
  return cluster;
}

export const entry = (at: number, term: number, text = 'x'): Entry => ({
  index: index(at),
  epoch: epoch(term),
  time: clusterTime(0),
  kind: 'command',
  payload: utf8(text),
});

export function appendEntries(
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
