import { expect, test } from 'vitest';
import { present } from '../../core/assert.ts';
import { nodeId } from '../../core/ids.ts';
import type { CommittedEntry, Effect, Protocol } from '../../protocol/index.ts';
import { RaftInvariants } from './cluster-invariants.ts';
import { RaftRehearsal } from './rehearsal.ts';
import { ledByFirst } from './staging.ts';

const [n1, n2] = [nodeId(1), nodeId(2)];

/** Led by the first; what was delivered can be told once more, otherwise. */
function led(): { leader: Protocol; follower: Protocol; told: (...at: number[]) => Effect[] } {
  const cluster = new RaftRehearsal(3);
  ledByFirst(cluster);
  cluster.propose(1, 'a', 'b');
  cluster.settle();
  const { applied, protocol } = cluster.actor(n1);
  const entries = (at: readonly number[]) => at.map((each) => applied[each - 1] as CommittedEntry);
  return {
    leader: present(protocol, 'the first is up'),
    follower: present(cluster.actor(n2).protocol, 'the second is up'),
    told: (...at) => [{ type: 'commit', entries: entries(at) }],
  };
}

test.each([
  [[1, 3], /2 delivers entry 3 after 1/],
  [[1, 1], /2 delivers entry 1 after 1/],
])('a replica that delivers %j is found, also where others have delivered all', (at, finds) => {
  const { leader, follower, told } = led();
  const invariants = new RaftInvariants();
  invariants.observe(n1, leader, told(1, 2, 3));
  const [first, ...rest] = at;
  invariants.observe(n2, follower, told(first ?? 0));
  expect(() => invariants.observe(n2, follower, told(...rest))).toThrow(finds);
});

test('a new life delivers anew', () => {
  const { leader, follower, told } = led();
  const invariants = new RaftInvariants();
  invariants.observe(n1, leader, told(1, 2, 3));
  invariants.observe(n2, follower, told(1, 2));
  invariants.restarted(n2);
  invariants.observe(n2, follower, told());
  invariants.observe(n2, follower, told(1, 2, 3));
});

test('a term is not led in two lives', () => {
  const { leader } = led();
  const invariants = new RaftInvariants();
  invariants.observe(n1, leader, []);
  invariants.observe(n1, leader, []);
  invariants.restarted(n1);
  expect(() => invariants.observe(n1, leader, [])).toThrow(/1 does not lead it twice/);
});
