import { expect, test } from 'vitest';
import { RaftRehearsal } from './rehearsal.ts';

/** Every field was decided about: written by `writeState`, or left out because nothing that is explored depends on it. */
test('a new field of the state is not forgotten', () => {
  const cluster = new RaftRehearsal(3);
  cluster.elect(1, 2, 3);
  const { role, storage, ...state } = cluster.state(1);
  const written = ['hardState', 'log', 'commit', 'delivered', 'verified', 'applied', 'flushed'];
  const leftOut = [
    // Times, on which nothing depends without PreVote, CheckQuorum and leases.
    ...['leaderHeard', 'promisedUntil', 'electionDeadline'],
    // Changes of membership, reads at followers, checkpoints and snapshots are not explored.
    ...['configurations', 'forwarded', 'unflushedBytes', 'installing'],
    // Decides only what the host is told.
    'announced',
  ];
  expect(Object.keys(state).sort()).toEqual([...written, ...leftOut].sort());
  expect(Object.keys(storage).sort()).toEqual(
    ['full', 'lastToken', 'durableToken', 'hardStateToken', 'durable', 'writes'].sort(),
  );
  const ofLeaders = ['type', 'progress', 'reads'];
  const ofChanges = ['asking'];
  const ofTime = ['timeAtElection', 'electedAt', 'heartbeatDeadline', 'lease'];
  expect(Object.keys(role).sort()).toEqual(
    [...ofLeaders, ...ofChanges, ...ofTime, 'uncommittedBytes', 'transfer'].sort(),
  );
});
