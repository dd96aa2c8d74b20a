import { assert, present } from '../../../../src/core/assert.ts';
import type { NodeType, Topology, TopologyNode } from '../model/topology.ts';

/** A line; power is positive from `from` to `to`. */
export interface NetworkLink {
  readonly index: number;
  /** Indices of nodes; `from` is nearer to the grid. */
  readonly from: number;
  readonly to: number;
  readonly importKw: number;
  readonly exportKw: number;
}

export interface NetworkNode {
  readonly index: number;
  readonly id: string;
  readonly type: NodeType;
  readonly importKw: number;
  readonly exportKw: number;
  /** Limit on each line conductor, kW; `Infinity` without one. */
  readonly phaseKw: number;
  /** Indices of the nodes with a phase limit that all power for this node passes through, itself included. */
  readonly phaseLimited: readonly number[];
  /** Indices of links. */
  readonly feeders: readonly number[];
  readonly outlets: readonly number[];
}

/** A validated topology. Nodes are in topological order: a node comes after all that feed it; node 0 is the grid. */
export interface Network {
  readonly nodes: readonly NetworkNode[];
  readonly links: readonly NetworkLink[];
  /** Every node but the grid has exactly one feeder. */
  readonly isTree: boolean;
}

/** Compiles a topology that `validateTopology` found nothing wrong with. */
export function compileNetwork(topology: Topology): Network {
  const order = topologicalOrder(topology);
  const position = new Map(order.map((node, index) => [node.id, index]));
  const at = (id: string): number => present(position.get(id), `node ${id} is known`);
  const links = topology.links.map((link, index): NetworkLink => {
    const { importKw = Infinity, exportKw = Infinity } = link.capacity ?? {};
    return { index, from: at(link.from), to: at(link.to), importKw, exportKw };
  });
  const feeders = order.map((): number[] => []);
  const outlets = order.map((): number[] => []);
  for (const link of links) {
    feeders[link.to]?.push(link.index);
    outlets[link.from]?.push(link.index);
  }
  const nodes = order.map((node, index): NetworkNode => {
    const { importKw = Infinity, exportKw = Infinity } = node.capacity ?? {};
    const phaseKw =
      node.phaseLimit === undefined ? Infinity : (node.phaseLimit.currentA * node.phaseLimit.voltageV) / 1000;
    return {
      index,
      id: node.id,
      type: node.type,
      importKw,
      exportKw,
      phaseKw,
      phaseLimited: [],
      feeders: feeders[index] ?? [],
      outlets: outlets[index] ?? [],
    };
  });
  const network = { nodes, links, isTree: nodes.every((node) => node.feeders.length <= 1) };
  const phaseLimited = nodes.map((): number[] => []);
  for (const node of nodes) {
    if (node.phaseKw === Infinity) continue;
    for (const inside of subtree(network, node.index)) phaseLimited[inside]?.push(node.index);
  }
  return {
    ...network,
    nodes: nodes.map((node) => ({ ...node, phaseLimited: phaseLimited[node.index] ?? [] })),
  };
}

/** The indices of a node and of all that it feeds. */
export function subtree({ nodes, links }: Network, root: number): number[] {
  const inside = new Set([root]);
  // A set may grow while it is walked through: what is added is visited as well.
  for (const index of inside)
    for (const link of nodes[index]?.outlets ?? []) inside.add(links[link]?.to ?? index);
  return [...inside];
}

/** Kahn's algorithm; nodes that are free at the same time keep the order of the topology. */
function topologicalOrder({ nodes, links }: Topology): TopologyNode[] {
  const waiting = new Map(nodes.map((node) => [node.id, 0]));
  const outlets = new Map(nodes.map((node): [string, string[]] => [node.id, []]));
  for (const link of links) {
    waiting.set(link.to, (waiting.get(link.to) ?? 0) + 1);
    outlets.get(link.from)?.push(link.to);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const order = nodes.filter((node) => waiting.get(node.id) === 0);
  for (const node of order) {
    for (const to of outlets.get(node.id) ?? []) {
      const left = (waiting.get(to) ?? 0) - 1;
      waiting.set(to, left);
      const freed = byId.get(to);
      if (left === 0 && freed !== undefined) order.push(freed);
    }
  }
  assert(order.length === nodes.length, 'a validated topology has no cycle');
  return order;
}
