import { describe, expect, it } from 'vitest';
import { Random } from '../core/random.ts';
import { clusterIdOf, incarnationOf, isRolledBack, memberIdOf } from './identity.ts';

const cluster = [
  { name: 'n1', address: 'a:1' },
  { name: 'n2', address: 'b:1' },
];

describe('identities', () => {
  it('do not depend on the order of the members, and on everything else', () => {
    const id = clusterIdOf('token', cluster, '');
    expect(clusterIdOf('token', [...cluster].reverse(), '')).toBe(id);
    expect(clusterIdOf('other', cluster, '')).not.toBe(id);
    expect(clusterIdOf('token', cluster.slice(1), '')).not.toBe(id);
    expect(clusterIdOf('token', cluster, 'backup')).not.toBe(id);
    expect(memberIdOf(id, 'n1')).not.toBe(memberIdOf(id, 'n2'));
  });

  it('of starts rise, and tell a start from one that was rolled back', () => {
    const first = incarnationOf(1, Random.fromSeed('a'));
    const second = incarnationOf(2, Random.fromSeed('b'));
    const again = incarnationOf(2, Random.fromSeed('c'));
    expect(second).toBeGreaterThan(first);
    expect(isRolledBack(second, first)).toBe(false);
    expect(isRolledBack(second, second)).toBe(false);
    expect(isRolledBack(first, second)).toBe(true);
    expect(isRolledBack(again, second)).toBe(true);
  });
});
