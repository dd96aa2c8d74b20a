import { type NodeId, nodeId } from '../../core/ids.ts';
import { Random } from '../../core/random.ts';
import type { Mutant } from './mutant.ts';
import { RaftRehearsal } from './rehearsal.ts';

/**
 * A random schedule of `steps` events, decided by the seed alone, with every invariant checked after each of them:
 * messages in any order, twice or never, writes that complete late, elections at bad moments, snapshots nobody asked for,
 * crashes that tear writes. In some, members come and go, and reads rely on leases.
 * Throws `InvariantViolation`. Returns how much was committed, since a schedule in which nothing happens proves nothing.
 */
export function explore(seed: string, steps: number, mutant?: Mutant): number {
  const random = Random.fromSeed(`explore/${seed}`);
  const replicas = random.pick([3, 3, 5]);
  const membership = Random.fromSeed(`explore/membership/${seed}`);
  const spares = membership.pick([0, 0, 2]);
  const leaseReads = spares > 0 && membership.chance(1, 2) ? { maxDriftPpm: 0 } : undefined;
  const cluster = new RaftRehearsal(replicas, { seed, mutant, spares, leaseReads });
  const ids = Array.from({ length: replicas + spares }, (_, at) => nodeId(at + 1));
  // Some schedules are full of crashes, some have none: a mixture would find less of either.
  const crashes = random.pick([0, 1, 3]);
  const losses = random.pick([0, 1, 4]);
  const elections = random.pick([1, 1, 3]);
  const actions: readonly [weight: number, act: (id: NodeId) => void][] = [
    [60, () => deliverAny(cluster, random)],
    [losses, () => dropAny(cluster, random)],
    [20, (id) => cluster.sync(id, random.pick([1, 1, 9]))],
    [8, (id) => proposeAt(cluster, random.chance(3, 4) ? (cluster.leader() ?? id) : id)],
    [3, (id) => cluster.isUp(id) && cluster.read(random.chance(1, 2) ? (cluster.leader() ?? id) : id)],
    [elections, (id) => campaignAt(cluster, id, random)],
    [crashes, (id) => cluster.isUp(id) && cluster.crash(id, random.below(4))],
    [2 * crashes, (id) => !cluster.isUp(id) && cluster.start(id)],
    [2, (id) => cluster.isUp(id) && cluster.flush(id)],
    [1, (id) => cluster.isUp(id) && cluster.sendSnapshot(id, random.pick(ids))],
    [4, (id) => cluster.actor(id).installing !== undefined && cluster.install(id)],
    [spares > 0 ? 8 : 0, (id) => changeAt(cluster, id, membership)],
  ];
  const total = actions.reduce((sum, [weight]) => sum + weight, 0);
  for (let step = 0; step < steps; step++) {
    let draw = random.below(total);
    const chosen = actions.find(([weight]) => {
      draw -= weight;
      return draw < 0;
    });
    chosen?.[1](random.pick(ids));
  }
  return cluster.watch.invariants.chosen.length;
}

function deliverAny(cluster: RaftRehearsal, random: Random): void {
  const waiting = cluster.network.length;
  if (waiting === 0) return;
  // Old messages linger: mostly the first is taken, now and then any.
  const position = random.chance(3, 4) ? random.below(Math.min(waiting, 4)) : random.below(waiting);
  cluster.deliver(position, random.chance(1, 8));
}

function dropAny(cluster: RaftRehearsal, random: Random): void {
  if (cluster.network.length > 0) cluster.drop(random.below(cluster.network.length));
}

function proposeAt(cluster: RaftRehearsal, id: number): void {
  if (cluster.isUp(nodeId(id))) cluster.propose(id, 'x');
}

/** Mostly at whoever leads, mostly for something that can be. */
function changeAt(cluster: RaftRehearsal, id: NodeId, random: Random): void {
  const at = random.chance(3, 4) ? (cluster.leader() ?? id) : id;
  if (!cluster.isUp(nodeId(at))) return;
  const { learners, voters, members } = cluster.state(at).configurations.current.configuration;
  const unknown = [...cluster.actors.keys()].filter((each) => !members.some((member) => member.id === each));
  const learner = learners[0];
  const started = members.some((member) => member.id === learner && member.storageId.length > 0);
  if (learner === undefined) {
    const added = unknown[0];
    if (added !== undefined && random.chance(1, 2)) {
      const promote = random.chance(1, 2);
      cluster.reconfigure(at, { type: 'addLearner', id: added, address: `host${added}:1`, promote });
    } else if (random.chance(1, 4)) cluster.reconfigure(at, { type: 'remove', id: random.pick(voters) });
  } else if (!started) {
    const storageId = Uint8Array.of(learner);
    cluster.reconfigure(at, { type: 'identify', id: learner, name: `n${learner}`, storageId });
  } else if (random.chance(1, 2)) cluster.reconfigure(at, { type: 'promote', id: learner });
  else cluster.reconfigure(at, { type: 'exchange', promote: [learner], remove: [random.pick(voters)] });
}

function campaignAt(cluster: RaftRehearsal, id: NodeId, random: Random): void {
  if (!cluster.isUp(id)) return;
  for (const other of cluster.actors.keys()) {
    if (other !== id && cluster.isUp(other) && random.chance(3, 4)) cluster.forgetLeader(other);
  }
  if (cluster.actor(id).protocol?.nextDeadline() !== undefined) cluster.timeout(id);
}
