import { describe, expect, test } from 'vitest';
import { clusterTime, epoch, index, millis } from './../../core/ids.ts';
import { Random } from './../../core/random.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { ledByFirst, n1, n2, n3 } from './paper/clusters.ts';
import { rehearsalTiming } from './rehearsal.ts';
import { createRaft } from './replica.ts';

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
