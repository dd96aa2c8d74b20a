import type { Node } from './node.ts';
import { connectAs, type Topology } from './topologies.ts';

/** Long enough for all to start, and to find out what has become of their disks. */
const discoveryMs = 3_000;
/** For how long a leader is to stay, once all are served, and how many may follow it all the same: a turn can be long. */
const steadyMs = 10_000;
const maxSuccessions = 3;
/** The longest wait until somebody leads and all are served. */
const convergenceMs = 20_000;

interface Stage {
  readonly nodes: readonly Node[];
  readonly network: { cut(from: string, to: string): void; heal(): void };
  /** In how many epochs somebody led. */
  ledEpochs(): number;
  /** Runs for `ms` at most; true as soon as `enough` holds. */
  runUntil(ms: number, enough: () => boolean): boolean;
  /** Writes through `node` until it is in `answered`. */
  probe(node: Node, answered: Set<Node>): void;
}

/**
 * Three of five who can all talk to each other find a leader and keep it, whatever the other links are like, when
 * nothing else is broken any more. Returns what goes wrong; all are connected again at the end.
 */
export function stand(topology: Topology, stage: Stage): string | undefined {
  const { nodes, network, ledEpochs, runUntil, probe } = stage;
  // A new cluster begins when all of its members hear of one another: where links are missing before, it never does.
  const begun = (): boolean => nodes.every((node) => node.tookPart || node.retired);
  if (!runUntil(convergenceMs, begun)) {
    const waiting = nodes.filter((node) => !node.tookPart && !node.retired).map(({ name }) => name);
    return `${waiting.join(', ')} did not begin although all were connected`;
  }
  runUntil(discoveryMs, () => false);
  const core = connectAs(topology, nodes, network);
  const answered = new Set<Node>();
  for (const node of core) probe(node, answered);
  if (!runUntil(convergenceMs, () => core.every((node) => answered.has(node))))
    return `${answered.size} of ${core.length} take writes, connected as ${topology}`;
  const led = ledEpochs();
  runUntil(steadyMs, () => false);
  network.heal();
  const successions = ledEpochs() - led;
  if (successions <= maxSuccessions) return undefined;
  return `${successions} changes of the leader in ${steadyMs / 1000} s, connected as ${topology}`;
}
