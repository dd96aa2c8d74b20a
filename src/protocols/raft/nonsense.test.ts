import { expect, test } from 'vitest';
import { Malformed } from '../../core/codec.ts';
import { clusterTime, commandId, epoch, index, type NodeId, nodeId, readId } from '../../core/ids.ts';
import { Random } from '../../core/random.ts';
import { encodeConfiguration } from '../../protocol/index.ts';
import { Rehearsal } from '../../protocol/rehearsal.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { raft } from './index.ts';
import { decodeMessage, type Entry, encodeMessage, type RaftMessage } from './messages.ts';
import { rehearsalTiming } from './rehearsal.ts';
import { createRaft } from './replica.ts';

/** Well-formed and meaningless: what a broken or malicious peer may send. */
function nonsense(random: Random): RaftMessage {
  const term = epoch(random.pick([1, 1, 2, 3, random.between(1, 9), 2 ** 48]));
  const at = (): ReturnType<typeof index> => index(random.pick([0, 1, 2, 3, random.below(12), 2 ** 48]));
  const older = (): typeof term => epoch(random.pick([0, 1, Math.min(term, random.below(4)), term]));
  const count = (): number => random.pick([0, 1, 2, random.below(9), Number.MAX_SAFE_INTEGER]);
  const candidates: readonly RaftMessage[] = [
    { type: 'preVote', term, lastIndex: at(), lastTerm: older() },
    { type: 'preVoteReply', term, granted: random.chance(1, 2) },
    { type: 'requestVote', term, lastIndex: at(), lastTerm: older(), transfer: random.chance(1, 2) },
    { type: 'vote', term, granted: random.chance(1, 2) },
    { type: 'appendAck', term, match: at() },
    { type: 'appendReject', term, previousIndex: at(), hintIndex: at(), hintTerm: older() },
    { type: 'heartbeat', term, commit: at(), round: count() },
    { type: 'heartbeatAck', term, round: count(), verified: at(), promise: at() },
    { type: 'commitNotice', term, commit: at() },
    { type: 'timeoutNow', term },
    { type: 'readRequest', term, start: count(), batch: count() },
    { type: 'readReply', term, start: count(), batch: count(), index: at() },
    { type: 'readRefusal', term, start: count(), batch: count(), reason: 'notLeader' },
    appendNonsense(random, term, older()),
    appendNonsense(random, term, older()),
  ];
  return random.pick(candidates);
}

function appendNonsense(random: Random, term: number, previousTerm: number): RaftMessage {
  const previousIndex = random.pick([0, 1, 2, 3, random.below(12)]);
  const entries: Entry[] = [];
  let entryTerm = Math.max(1, previousTerm);
  for (let count = random.below(4); count > 0; count--) {
    entryTerm = Math.min(term, entryTerm + random.below(2));
    const configuration = random.chance(1, 8);
    entries.push({
      index: index(previousIndex + entries.length + 1),
      epoch: epoch(entryTerm),
      time: clusterTime(random.below(1000)),
      kind: configuration ? 'configuration' : 'command',
      payload: configuration ? encodeConfiguration(configurationOf(random.below(5))) : random.bytes(3),
    });
  }
  return {
    type: 'appendEntries',
    term: epoch(term),
    previousIndex: index(previousIndex),
    previousTerm: epoch(previousIndex === 0 ? 0 : previousTerm),
    commit: index(random.below(12)),
    entries,
  };
}

/** As the gateway lets it through; undefined for what it refuses. */
function gateway(message: RaftMessage): RaftMessage | undefined {
  const decoded = decodeMessage(encodeMessage(message));
  return decoded instanceof Malformed ? undefined : decoded;
}

test('no message trips an assertion, whoever sends it and whenever', () => {
  const senders: readonly NodeId[] = [1, 2, 3, 99].map(nodeId);
  let taken = 0;
  for (let seed = 0; seed < 150; seed++) {
    const random = Random.fromSeed(`nonsense/${seed}`);
    const cluster = new Rehearsal<RaftMessage>({
      definition: raft,
      create: (options) => createRaft(options),
      configuration: configurationOf(3),
      timing: rehearsalTiming,
      leaseReads: seed % 2 === 0 ? undefined : { maxDriftPpm: 1_000 },
      seed: `${seed}`,
    });
    const victim = nodeId(1);
    for (let step = 0; step < 200; step++) {
      const message = gateway(nonsense(random));
      if (message === undefined) continue;
      taken++;
      cluster.step(victim, { type: 'message', from: random.pick(senders), message });
      cluster.network.length = 0;
      if (random.chance(1, 3)) cluster.sync(victim, 1);
      const waits = cluster.actor(victim).protocol?.nextDeadline() !== undefined;
      if (random.chance(1, 8) && waits) cluster.timeout(victim);
      if (random.chance(1, 8))
        cluster.step(victim, { type: 'command', id: commandId(step), payload: random.bytes(2) });
      if (random.chance(1, 8)) cluster.step(victim, { type: 'read', id: readId(step) });
      cluster.actor(victim).protocol?.checkInvariants();
    }
  }
  expect(taken).toBeGreaterThan(10_000);
});
