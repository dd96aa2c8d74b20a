import { assert } from '../../core/assert.ts';
import { nodeId } from '../../core/ids.ts';
import type { RaftRehearsal } from './rehearsal.ts';
import { rehearsalTiming } from './rehearsal.ts';
import type { Schedule } from './schedule.ts';
import { deliver, electOnly, ledByFirst, runLinked } from './staging.ts';

const [n1, n2, n3, n4, n5] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4), nodeId(5)];
const twoTruths = /is the same everywhere|is on the disks of a quorum|holds the committed entry/;

/** Everyone can talk to everyone among these. */
const mesh = (...ids: number[]): (readonly [number, number])[] =>
  ids.flatMap((a) => ids.filter((b) => b > a).map((b) => [a, b] as const));

function findsLeader(cluster: RaftRehearsal, ...ids: number[]): void {
  runLinked(cluster, mesh(...ids), 40 * rehearsalTiming.electionTimeout);
  assert(cluster.leader() !== undefined, 'whoever can decide finds a leader');
}

/** The other half of what was led by the first goes on alone, if it can. */
function goOnWithout(cluster: RaftRehearsal, candidate: number, voter: number): void {
  cluster.dropAll();
  if (!electOnly(cluster, candidate, voter)) return;
  cluster.settle([nodeId(candidate), nodeId(voter)]);
}

/** Two spares are learners that hold everything; one of them may vote later by itself, so it is kept from that. */
function learners(cluster: RaftRehearsal): void {
  ledByFirst(cluster);
  cluster.add(1, 4);
  assert(cluster.change(1, { type: 'promote', id: n4 }) === undefined, 'the fourth is promoted');
  cluster.settle();
  cluster.add(1, 5);
}

export const membershipSchedules: readonly (readonly [string, Schedule])[] = [
  [
    'configures-at-commit',
    {
      replicas: 3,
      spares: 2,
      finds: twoTruths,
      run(cluster) {
        learners(cluster);
        cluster.change(1, { type: 'promote', id: n5 });
        cluster.settle();
        // Two of five have everything in their logs, and have forgotten what of it is committed.
        for (const id of [n2, n3]) cluster.crash(id);
        cluster.propose(1, 'a');
        cluster.settle([n1, n4, n5]);
        for (const id of [n2, n3]) cluster.start(id);
        goOnWithout(cluster, 3, 2);
      },
    },
  ],
  [
    'changes-twice-at-once',
    {
      replicas: 3,
      spares: 2,
      finds: twoTruths,
      run(cluster) {
        ledByFirst(cluster);
        cluster.add(1, 4);
        cluster.change(1, { type: 'promote', id: n4 });
        // The fifth is added, started and promoted, all of it heard of by the first and the two new ones only.
        cluster.reconfigure(1, { type: 'addLearner', id: n5, address: 'host5:1', promote: false });
        const storageId = Uint8Array.of(5);
        cluster.reconfigure(1, { type: 'identify', id: n5, name: 'n5', storageId });
        cluster.settle([n1, n4, n5]);
        cluster.change(1, { type: 'promote', id: n5 });
        cluster.settle([n1, n4, n5]);
        goOnWithout(cluster, 3, 2);
      },
    },
  ],
  [
    'changes-before-own-entry',
    {
      replicas: 4,
      spares: 1,
      finds: twoTruths,
      run(cluster) {
        ledByFirst(cluster);
        cluster.add(1, 5);
        cluster.change(1, { type: 'promote', id: n5 });
        cluster.settle([n1, n5]);
        cluster.dropAll();
        assert(electOnly(cluster, 2, 3, 4), 'the second leads in term 2');
        cluster.change(2, { type: 'remove', id: n1 });
        cluster.settle([n2, n3]);
        cluster.crash(n1);
        cluster.dropAll();
        cluster.start(n1);
        electOnly(cluster, 1, 4, 5);
      },
    },
  ],
  [
    'counts-learners',
    {
      replicas: 2,
      spares: 1,
      finds: twoTruths,
      run(cluster) {
        ledByFirst(cluster);
        cluster.add(1, 3);
        cluster.propose(1, 'a');
        cluster.settle([n1, n3]);
      },
    },
  ],
  [
    'decides-by-one-half',
    {
      replicas: 3,
      spares: 1,
      finds: twoTruths,
      run(cluster) {
        ledByFirst(cluster);
        cluster.add(1, 4);
        cluster.change(1, { type: 'exchange', promote: [n4], remove: [n3] });
        cluster.settle([n1, n4]);
        goOnWithout(cluster, 3, 2);
      },
    },
  ],
  [
    'leads-after-removal',
    {
      replicas: 3,
      finds: /steps down/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.change(1, { type: 'remove', id: n1 });
        cluster.settle();
        assert(cluster.state(1).role.type !== 'leader', 'a leader that was removed steps down');
        findsLeader(cluster, 2, 3);
      },
    },
  ],
  [
    'learners-turn-candidates-away',
    {
      replicas: 1,
      spares: 1,
      finds: /finds a leader/,
      run(cluster) {
        cluster.timeout(n1);
        cluster.settle();
        cluster.add(1, 2);
        cluster.change(1, { type: 'promote', id: n2 });
        cluster.sync(n1);
        cluster.crash(n1);
        cluster.dropAll();
        cluster.start(n1);
        findsLeader(cluster, 1, 2);
      },
    },
  ],
  [
    'removed-never-campaign',
    {
      replicas: 4,
      finds: /finds a leader/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.crash(n4);
        cluster.change(1, { type: 'remove', id: n1 });
        cluster.sync(n1);
        cluster.crash(n1);
        cluster.dropAll();
        cluster.start(n1);
        findsLeader(cluster, 1, 2, 3);
      },
    },
  ],
  [
    'promotes-at-once',
    {
      replicas: 3,
      spares: 1,
      finds: /in sync/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.add(1, 4);
        cluster.crash(n4);
        for (let more = 0; more < 40; more++) cluster.propose(1, 'x');
        cluster.settle([n1, n2, n3]);
        const refusal = cluster.change(1, { type: 'promote', id: n4 });
        assert(refusal === 'notInSync', 'only who is in sync with the leader is promoted');
        cluster.start(n4);
        deliver(cluster, 1, 4, 'appendEntries');
      },
    },
  ],
  [
    'changes-without-asking',
    {
      replicas: 3,
      finds: /two of three go on/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.crash(n2);
        // The second has just been heard of. With the third removed, only the second could make a majority.
        cluster.change(1, { type: 'remove', id: n3 });
        runLinked(cluster, mesh(1, 3), 40 * rehearsalTiming.electionTimeout);
        cluster.propose(1, 'a');
        cluster.settle([n1, n3]);
        assert(cluster.applied(1).includes('a'), 'two of three go on when the last one stops');
      },
    },
  ],
];
