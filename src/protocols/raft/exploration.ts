import { type NodeId, nodeId } from '../../core/ids.ts';
import { Random } from '../../core/random.ts';
import type { Mutant } from './mutants.ts';
import { RaftRehearsal } from './rehearsal.ts';

/**
 * A random schedule of `steps` events, decided by the seed alone, with every invariant checked after each of them:
 * messages in any order, twice or never, writes that complete late, elections at bad moments, snapshots nobody asked for,
 * crashes that tear writes.
 * Throws `InvariantViolation`. Returns how much was committed, since a schedule in which nothing happens proves nothing.
 */
export function explore(seed: string, steps: number, mutant?: Mutant): number {
  const random = Random.fromSeed(`explore/${seed}`);
  const replicas = random.pick([3, 3, 5]);
  const cluster = new RaftRehearsal(replicas, { seed, mutant });
  const ids = Array.from({ length: replicas }, (_, at) => nodeId(at + 1));
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

function campaignAt(cluster: RaftRehearsal, id: NodeId, random: Random): void {
  if (!cluster.isUp(id)) return;
  for (const other of cluster.actors.keys()) {
    if (other !== id && cluster.isUp(other) && random.chance(3, 4)) cluster.forgetLeader(other);
  }
  cluster.timeout(id);
}
