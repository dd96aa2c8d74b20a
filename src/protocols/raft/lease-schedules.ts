import { assert } from '../../core/assert.ts';
import { nodeId } from '../../core/ids.ts';
import type { RaftRehearsal } from './rehearsal.ts';
import { rehearsalTiming } from './rehearsal.ts';
import type { Schedule } from './schedule.ts';
import { deliver, electOnly, ledByFirst } from './staging.ts';

const [n1, n2, n3] = [nodeId(1), nodeId(2), nodeId(3)];
const stale = /a read sees what was delivered before it began/;
const leaseReads = { maxDriftPpm: 100_000 };

/** Time passes for all; only the first two can talk, as far as `heard` lets them. */
function pass(cluster: RaftRehearsal, ms: number, heard: (from: number) => boolean): void {
  for (let time = 0; time < ms; time++) {
    cluster.advance(1);
    for (let at = cluster.network.length - 1; at >= 0; at--) {
      const envelope = cluster.network[at];
      if (envelope?.from === 3 || envelope?.to === 3) cluster.drop(at);
      else if (envelope !== undefined && !heard(envelope.from)) cluster.drop(at);
    }
    for (const id of [n1, n2, n3]) cluster.sync(id);
    for (let waiting = cluster.network.length; waiting > 0; waiting--) cluster.deliver(0);
  }
}

/** The first leads, and has for a while been heard by the second only: whatever the third has promised is over. */
function heardBySecondOnly(cluster: RaftRehearsal): void {
  ledByFirst(cluster);
  pass(cluster, 4 * rehearsalTiming.electionTimeout, () => true);
  while (cluster.find(1, 2, 'heartbeat') < 0) cluster.advance(1);
}

/** The third leads with the second's vote, if it gets that, and commits something that the first has not heard of. */
function overtake(cluster: RaftRehearsal): void {
  cluster.timeout(n3);
  for (let round = 0; round < 3; round++) {
    for (const id of [n2, n3]) cluster.sync(id);
    for (const type of ['preVote', 'requestVote'] as const) deliver(cluster, 3, 2, type);
    for (const id of [n2, n3]) cluster.sync(id);
    for (const type of ['preVoteReply', 'vote'] as const) deliver(cluster, 2, 3, type);
  }
  if (cluster.state(3).role.type !== 'leader') return;
  cluster.propose(3, 'new');
  cluster.settle([n2, n3]);
}

/** A millisecond in which what the first sends is lost. It hears of reads alone, and stays sure of its quorum. */
function unheard(cluster: RaftRehearsal): void {
  cluster.advance(1);
  for (const id of cluster.actors.keys()) {
    const { role } = cluster.state(id);
    if (role.type === 'follower' && role.leader === n1) cluster.read(id);
    cluster.sync(id);
  }
  for (let at = cluster.network.length - 1; at >= 0; at--) {
    const envelope = cluster.network[at];
    if (envelope?.from === n1) cluster.drop(at);
    else if (envelope?.to === n1 && envelope.type === 'message' && envelope.message.type === 'readRequest')
      cluster.deliver(at);
  }
}

/**
 * Two replicas are candidates of term 2, and nobody has got their requests yet; the other two have asked whether they should
 * campaign when they hear the first again, and promise it to vote for nobody.
 */
function twoCandidates(cluster: RaftRehearsal): { candidates: number[]; voters: number[] } {
  ledByFirst(cluster);
  const asking = (): number[] => [2, 3, 4, 5].filter((id) => cluster.state(id).role.type === 'preCandidate');
  while (asking().length < 2) unheard(cluster);
  const candidates = asking().slice(0, 2);
  const voters = [2, 3, 4, 5].filter((id) => !candidates.includes(id));
  for (const voter of voters) for (const one of candidates) deliver(cluster, one, voter, 'preVote');
  for (const voter of voters) for (const one of candidates) deliver(cluster, voter, one, 'preVoteReply');
  while (asking().length < 2) unheard(cluster);
  while (cluster.find(1, voters[0] ?? 0, 'heartbeat') < 0) cluster.advance(1);
  for (const voter of voters) {
    deliver(cluster, 1, voter, 'heartbeat');
    cluster.sync(nodeId(voter));
    deliver(cluster, voter, 1, 'heartbeatAck');
  }
  return { candidates, voters };
}

export const leaseSchedules: readonly (readonly [string, Schedule])[] = [
  [
    'lease-from-answer',
    {
      replicas: 3,
      leaseReads,
      finds: stale,
      run(cluster) {
        heardBySecondOnly(cluster);
        deliver(cluster, 1, 2, 'heartbeat');
        // The answer is under way for half an election timeout; nothing else that the first sends arrives.
        const answer = cluster.network.splice(cluster.find(2, 1, 'heartbeatAck'), 1);
        pass(cluster, rehearsalTiming.electionTimeout / 2, () => false);
        cluster.network.push(...answer);
        deliver(cluster, 2, 1, 'heartbeatAck');
        pass(cluster, rehearsalTiming.electionTimeout / 2 + 1, () => false);
        overtake(cluster);
        cluster.read(1);
      },
    },
  ],
  [
    'lease-without-promise',
    {
      replicas: 3,
      finds: stale,
      run(cluster) {
        // The option is being given to one after the other: so far only the first has been started with it.
        cluster.crash(n1);
        cluster.settings = { ...cluster.settings, leaseReads };
        cluster.start(n1);
        cluster.settings = { timing: cluster.settings.timing };
        heardBySecondOnly(cluster);
        deliver(cluster, 1, 2, 'heartbeat');
        deliver(cluster, 2, 1, 'heartbeatAck');
        // Started again, the second does not remember its leader, and has promised it nothing.
        cluster.crash(n2);
        cluster.start(n2);
        overtake(cluster);
        cluster.read(1);
      },
    },
  ],
  [
    'lease-outlasts-promise',
    {
      replicas: 3,
      leaseReads,
      finds: stale,
      run(cluster) {
        heardBySecondOnly(cluster);
        deliver(cluster, 1, 2, 'heartbeat');
        // A little later than it was sent, so that the leader does not step down at the very moment that matters.
        pass(cluster, 5, (from) => from === 2);
        pass(cluster, rehearsalTiming.electionTimeout - 4, () => false);
        overtake(cluster);
        cluster.read(1);
      },
    },
  ],
  [
    'lease-through-transfer',
    {
      replicas: 3,
      leaseReads,
      finds: stale,
      run(cluster) {
        ledByFirst(cluster);
        cluster.timeout(n1);
        cluster.settle();
        cluster.step(n1, { type: 'transfer', to: n2 });
        deliver(cluster, 1, 2, 'timeoutNow');
        cluster.settle([n2, n3]);
        assert(cluster.state(2).role.type === 'leader', 'the second has taken over');
        cluster.propose(2, 'new');
        cluster.settle([n2, n3]);
        cluster.read(1);
      },
    },
  ],
  [
    'promise-ends-with-term',
    {
      replicas: 5,
      leaseReads,
      finds: stale,
      run(cluster) {
        const { candidates, voters } = twoCandidates(cluster);
        const [early, late] = [candidates[0] ?? 0, candidates[1] ?? 0];
        // The question from before comes to the one, whose denial tells of the term that both candidates are in.
        for (const voter of voters) {
          deliver(cluster, early, voter, 'requestVote');
          deliver(cluster, voter, early, 'preVote');
          deliver(cluster, early, voter, 'preVoteReply');
          assert(cluster.state(voter).hardState.term === 2, 'a denial raises the term');
          cluster.sync(nodeId(voter));
          deliver(cluster, late, voter, 'requestVote');
          cluster.sync(nodeId(voter));
          deliver(cluster, voter, late, 'vote');
        }
        if (cluster.state(late).role.type === 'leader') {
          cluster.propose(late, 'new');
          cluster.settle([...voters, late].map(nodeId));
        }
        cluster.read(1);
      },
    },
  ],
  [
    'restart-forgets-promise',
    {
      replicas: 3,
      leaseReads,
      finds: stale,
      run(cluster) {
        heardBySecondOnly(cluster);
        deliver(cluster, 1, 2, 'heartbeat');
        deliver(cluster, 2, 1, 'heartbeatAck');
        cluster.crash(n2);
        cluster.start(n2);
        cluster.sync(n2);
        cluster.dropAll();
        if (electOnly(cluster, 3, 2)) {
          cluster.propose(3, 'new');
          cluster.settle([n2, n3]);
        }
        cluster.read(1);
      },
    },
  ],
];
