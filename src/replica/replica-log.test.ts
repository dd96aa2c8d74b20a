import { expect, it } from 'vitest';
import { epoch, nodeId } from '../core/ids.ts';
import type { LogLevel } from './observer.ts';
import { ReplicaLog } from './replica-log.ts';

const [known, stranger] = [nodeId(0xabc), nodeId(0xdef)];

function logged(write: (log: ReplicaLog) => void): [LogLevel, string, unknown][] {
  const lines: [LogLevel, string, unknown][] = [];
  const observer = {
    log: (level: LogLevel, message: string, fields?: unknown) => void lines.push([level, message, fields]),
  };
  write(new ReplicaLog(observer, (id) => (id === known ? 'n1' : undefined)));
  return lines;
}

it('names members, and writes ids as the status shows them', () => {
  expect(
    logged((log) => {
      log.linkUp(known);
      log.linkDown(stranger, 'closed');
      log.leadership({ role: 'follower', leader: known, epoch: epoch(3) });
      log.leadership({ role: 'follower', leader: stranger, epoch: epoch(3) });
      log.leadership({ role: 'candidate', leader: undefined, epoch: epoch(4) });
    }),
  ).toEqual([
    ['info', 'link up', { peer: 'abc', peerName: 'n1' }],
    ['info', 'link down', { peer: 'def', reason: 'closed' }],
    ['info', 'n1 leads', { role: 'follower', leader: 'abc', epoch: 3 }],
    ['info', 'def leads', { role: 'follower', leader: 'def', epoch: 3 }],
    ['info', 'no leader', { role: 'candidate', epoch: 4 }],
  ]);
});

it('warns of a peer that is turned away, not of one that cannot be reached or is not ready yet', () => {
  const rejected = {
    type: 'rejected',
    direction: 'inbound',
    by: 'us',
    peer: undefined,
    remote: 'x',
    text: '',
  } as const;
  const levels = logged((log) => {
    log.problem({ type: 'unreachable', peer: known, address: 'a:1', reason: 'refused' });
    log.problem({ ...rejected, code: 'wrongCluster' });
    log.problem({ ...rejected, code: 'notReady' });
  }).map(([level]) => level);
  expect(levels).toEqual(['info', 'warn', 'debug']);
});
