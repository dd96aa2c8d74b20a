import { assert } from '../../core/assert.ts';
import { epoch, index, nodeId } from '../../core/ids.ts';
import { maxAppendBytes } from '../../core/limits.ts';
import { leaseSchedules } from './lease-schedules.ts';
import { membershipSchedules } from './membership-schedules.ts';
import type { RaftMessage } from './messages.ts';
import { rehearsalTiming } from './rehearsal.ts';
import type { Schedule } from './schedule.ts';
import { deliver, electOnly, entry, fifthSays, ledByFirst, runLinked, staleFourth } from './staging.ts';

const [n1, n2, n3, n4, n5] = [nodeId(1), nodeId(2), nodeId(3), nodeId(4), nodeId(5)];
const quorumLost = /is on the disks of a quorum/;

const replication: readonly (readonly [string, Schedule])[] = [
  [
    'commits-earlier-terms',
    {
      replicas: 5,
      finds: /holds the committed entry|on the disks of a quorum|is the same everywhere/,
      run(cluster) {
        // Figure 8; the second entry fills a message, so that the no-op of a later term does not travel with it.
        ledByFirst(cluster);
        cluster.propose(1, 'x'.repeat(maxAppendBytes));
        cluster.settle([n1, n2]);
        cluster.crash(n1);
        cluster.dropAll();
        assert(electOnly(cluster, 5, 3, 4), 'the fifth leads in term 2');
        cluster.sync(n5);
        cluster.crash(n5);
        cluster.dropAll();
        cluster.start(n1);
        assert(electOnly(cluster, 1, 2, 3), 'the first leads again');
        cluster.sync(n1);
        deliver(cluster, 1, 3, 'appendEntries');
        deliver(cluster, 3, 1, 'appendReject');
        deliver(cluster, 1, 3, 'appendEntries');
        cluster.sync(n3);
        deliver(cluster, 1, 2, 'appendEntries');
        cluster.sync(n2);
        deliver(cluster, 2, 1, 'appendAck');
        deliver(cluster, 3, 1, 'appendAck');
        cluster.crash(n1);
        cluster.dropAll();
        cluster.start(n5);
        assert(electOnly(cluster, 5, 3, 4), 'the fifth leads once more');
      },
    },
  ],
  [
    'votes-twice',
    {
      replicas: 3,
      finds: /has one leader/,
      run(cluster) {
        for (const id of [n1, n2, n3]) cluster.sync(id);
        for (const id of [n1, n3]) cluster.timeout(id);
        for (const id of [1, 3]) deliver(cluster, id, 2, 'preVote');
        for (const id of [1, 3]) deliver(cluster, 2, id, 'preVoteReply');
        // Both are candidates of the same term, and the second is asked by both.
        for (const id of [n1, n3]) {
          cluster.sync(id);
          deliver(cluster, id, 2, 'requestVote');
          cluster.sync(n2);
          deliver(cluster, 2, id, 'vote');
        }
      },
    },
  ],
  [
    'elects-short-logs',
    {
      replicas: 3,
      finds: /holds the committed entry/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.propose(1, 'acknowledged');
        cluster.settle([n1, n2]);
        cluster.dropAll();
        electOnly(cluster, 3, 2);
      },
    },
  ],
  [
    'votes-before-durable',
    {
      replicas: 3,
      finds: /has one leader/,
      run(cluster) {
        for (const id of [n1, n2, n3]) cluster.sync(id);
        cluster.timeout(n1);
        deliver(cluster, 1, 2, 'preVote');
        deliver(cluster, 2, 1, 'preVoteReply');
        cluster.sync(n1);
        deliver(cluster, 1, 2, 'requestVote');
        cluster.crash(n2);
        deliver(cluster, 2, 1, 'vote');
        cluster.start(n2);
        electOnly(cluster, 3, 2);
      },
    },
  ],
  [
    'acknowledges-before-durable',
    {
      replicas: 3,
      finds: quorumLost,
      run(cluster) {
        ledByFirst(cluster);
        cluster.propose(1, 'a');
        cluster.sync(n1);
        deliver(cluster, 1, 2, 'appendEntries');
        deliver(cluster, 2, 1, 'appendAck');
      },
    },
  ],
  [
    'forgets-terms',
    {
      replicas: 3,
      finds: /the log ends in term 5/,
      run(cluster) {
        const message: RaftMessage = {
          type: 'appendEntries',
          term: epoch(5),
          previousIndex: index(0),
          previousTerm: epoch(0),
          commit: index(0),
          entries: [entry(1, 5, 'a')],
        };
        cluster.step(n3, { type: 'message', from: n1, message });
        cluster.sync(n3);
        cluster.crash(n3);
        cluster.start(n3);
      },
    },
  ],
  [
    'entries-before-term',
    {
      replicas: 5,
      finds: /the log ends in term 5/,
      run(cluster) {
        for (const id of [1, 2, 3, 4, 5]) cluster.sync(nodeId(id));
        fifthSays(cluster, 3, 5, [0, 0], [entry(1, 5, 'a')]);
        // The power fails within the write: its first record is there, its second is not.
        cluster.crash(n3, 1);
        cluster.start(n3);
      },
    },
  ],
  [
    'truncates-without-conflict',
    {
      replicas: 3,
      finds: quorumLost,
      run(cluster) {
        ledByFirst(cluster);
        cluster.propose(1, 'a');
        deliver(cluster, 1, 2, 'appendEntries', true);
        cluster.propose(1, 'b', 'c');
        cluster.network.push(...cluster.network.splice(cluster.find(1, 2, 'appendEntries'), 1));
        deliver(cluster, 1, 2, 'appendEntries');
        cluster.sync(n1);
        cluster.sync(n2);
        while (cluster.find(2, 1, 'appendAck') >= 0) deliver(cluster, 2, 1, 'appendAck');
        // The first request again, after all three were acknowledged and committed.
        deliver(cluster, 1, 2, 'appendEntries');
        cluster.sync(n2);
      },
    },
  ],
  [
    'commits-beyond-request',
    {
      replicas: 5,
      finds: quorumLost,
      run(cluster) {
        staleFourth(cluster);
        fifthSays(cluster, 4, 2, [1, 1], [], 2);
      },
    },
  ],
  [
    'acknowledges-last-entry',
    {
      replicas: 5,
      finds: /acknowledges what was compared/,
      run(cluster) {
        staleFourth(cluster);
        fifthSays(cluster, 4, 2, [1, 1], []);
        cluster.sync(n4);
        const acks = cluster.network.map((envelope) => cluster.describe(envelope));
        assert(acks.includes('4 -> 5 appendAck term=2 match=1'), 'the fourth acknowledges what was compared');
      },
    },
  ],
  [
    'reads-before-own-entry',
    {
      replicas: 3,
      finds: /a read sees what was delivered/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.propose(1, 'a');
        cluster.sync(n1);
        deliver(cluster, 1, 2, 'appendEntries');
        cluster.sync(n2);
        deliver(cluster, 2, 1, 'appendAck');
        cluster.crash(n1);
        cluster.dropAll();
        assert(electOnly(cluster, 2, 3), 'the second leads');
        cluster.read(2);
        deliver(cluster, 2, 3, 'heartbeat');
        deliver(cluster, 3, 2, 'heartbeatAck');
      },
    },
  ],
  [
    'reuses-read-rounds',
    {
      replicas: 3,
      finds: /a read sees what was delivered/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.read(1);
        deliver(cluster, 1, 2, 'heartbeat');
        deliver(cluster, 2, 1, 'heartbeatAck', true);
        const late = cluster.network.splice(cluster.find(2, 1, 'heartbeatAck'), 1);
        cluster.dropAll();
        cluster.elect(2, 3);
        cluster.propose(2, 'new');
        cluster.settle([n2, n3]);
        cluster.read(1);
        cluster.network.push(...late);
        deliver(cluster, 2, 1, 'heartbeatAck');
      },
    },
  ],
  [
    'disturbs-the-leader',
    {
      replicas: 5,
      finds: /terms stand still/,
      run(cluster) {
        ledByFirst(cluster);
        const term = cluster.state(1).hardState.term;
        runLinked(
          cluster,
          [
            [1, 2],
            [1, 3],
            [2, 3],
            [2, 4],
            [3, 5],
          ],
          40 * rehearsalTiming.electionTimeout,
        );
        assert(cluster.state(1).hardState.term === term, 'terms stand still while a quorum hears the leader');
      },
    },
  ],
  [
    'denies-without-term',
    {
      replicas: 3,
      finds: /finds a leader/,
      run(cluster) {
        // The first has the longer log, of an older term; the second the newer term, in which nobody was elected.
        ledByFirst(cluster);
        cluster.propose(1, 'unanswered');
        cluster.sync(n1);
        cluster.crash(n1);
        cluster.dropAll();
        for (const id of [2, 3]) cluster.forgetLeader(id);
        cluster.timeout(n2);
        deliver(cluster, 2, 3, 'preVote');
        deliver(cluster, 3, 2, 'preVoteReply');
        cluster.sync(n2);
        assert(cluster.state(2).hardState.term === 2, 'the second has begun a term');
        cluster.crash(n3);
        cluster.dropAll();
        cluster.start(n1);
        runLinked(cluster, [[1, 2]], 20 * rehearsalTiming.electionTimeout);
        assert(cluster.leader() !== undefined, 'whoever can decide finds a leader');
      },
    },
  ],
  [
    'leads-without-quorum',
    {
      replicas: 5,
      finds: /a quorum finds a leader/,
      run(cluster) {
        ledByFirst(cluster);
        runLinked(
          cluster,
          [
            [1, 2],
            [2, 3],
            [2, 4],
            [3, 4],
          ],
          20 * rehearsalTiming.electionTimeout,
        );
        const leader = cluster.leader();
        assert(leader !== 1 && leader !== undefined, 'a quorum finds a leader when the old one has lost it');
      },
    },
  ],
  [
    'trusts-overtaken-writes',
    {
      replicas: 5,
      finds: /is on the disk of 4 when it is delivered/,
      run(cluster) {
        cluster.crash(n5);
        for (const id of [1, 2, 3]) {
          fifthSays(cluster, id, 2, [0, 0], [entry(1, 1, 'first'), entry(2, 2, 'right')]);
          cluster.sync(nodeId(id));
        }
        cluster.sync(n4);
        fifthSays(cluster, 4, 1, [0, 0], [entry(1, 1, 'first'), entry(2, 1, 'stale')]);
        fifthSays(cluster, 4, 2, [1, 1], [entry(2, 2, 'right')], 2);
        cluster.sync(n4, 1);
      },
    },
  ],
  [
    'counts-unsynced-self',
    {
      replicas: 3,
      finds: quorumLost,
      run(cluster) {
        ledByFirst(cluster);
        cluster.propose(1, 'a');
        deliver(cluster, 1, 2, 'appendEntries');
        cluster.sync(n2);
        deliver(cluster, 2, 1, 'appendAck');
        deliver(cluster, 1, 2, 'commitNotice');
      },
    },
  ],
  [
    'installs-old-snapshots',
    {
      replicas: 3,
      finds: /a snapshot brings something new/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.propose(1, 'a', 'b');
        cluster.settle();
        cluster.sendSnapshot(n1, n2, index(2));
        cluster.settle();
      },
    },
  ],
  [
    'drops-matching-suffix',
    {
      replicas: 3,
      finds: /holds the committed entry/,
      run(cluster) {
        ledByFirst(cluster);
        cluster.propose(1, 'a', 'b');
        cluster.sync(n1);
        deliver(cluster, 1, 2, 'appendEntries');
        cluster.sync(n2);
        deliver(cluster, 2, 1, 'appendAck');
        cluster.dropAll();
        cluster.sendSnapshot(n1, n2, index(2));
        cluster.deliver(0);
        cluster.install(n2);
        electOnly(cluster, 2, 3);
      },
    },
  ],
  [
    'commits-uncompared',
    {
      replicas: 5,
      finds: quorumLost,
      run(cluster) {
        staleFourth(cluster);
        const message: RaftMessage = { type: 'heartbeat', term: epoch(2), commit: index(2), round: 0 };
        cluster.step(n4, { type: 'message', from: n5, message });
      },
    },
  ],
];

export const schedules: ReadonlyMap<string, Schedule> = new Map([
  ...replication,
  ...membershipSchedules,
  ...leaseSchedules,
]);
