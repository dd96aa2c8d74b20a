import type { Problem } from '../model/problem.ts';
import { StepFlowNetwork } from './flow-network.ts';

/** kW by which a capacity may be exceeded on paper: far below what a meter sees, far above rounding errors. */
export const toleranceKw = 1e-5;

/**
 * Whether the network can carry, in `step`, the net power that devices take at each node (kW, negative when they feed
 * in); the grid connection balances the sum. `slackKw` is allowed beyond each capacity. Phase limits are not part of it,
 * see `phases.ts`.
 */
export function isFeasible(
  problem: Problem,
  step: number,
  demandKw: Float64Array,
  slackKw: number = toleranceKw,
): boolean {
  return problem.network.isTree
    ? isFeasibleOnTree(problem, step, demandKw, slackKw)
    : isFeasibleByMaxFlow(problem, step, demandKw, slackKw);
}

/** On a tree there is one way only: what passes through a node is the sum of what is taken at and below it. */
export function isFeasibleOnTree(
  problem: Problem,
  step: number,
  demandKw: Float64Array,
  slackKw: number = toleranceKw,
): boolean {
  const through = treeFlows(problem, demandKw);
  return problem.network.nodes.every(({ index }) => {
    const kw = through[index] ?? 0;
    const importKw = problem.importKw[index]?.[step] ?? 0;
    const exportKw = problem.exportKw[index]?.[step] ?? 0;
    return kw <= importKw + slackKw && -kw <= exportKw + slackKw;
  });
}

/** For each node of a tree, the power through it, kW, positive away from the grid. */
export function treeFlows({ network }: Problem, demandKw: Float64Array): Float64Array {
  const through = demandKw.slice();
  // Against the topological order, so that a node is complete before it is added to the one that feeds it.
  for (let index = network.nodes.length - 1; index > 0; index--) {
    const feeder = network.links[network.nodes[index]?.feeders[0] ?? -1];
    if (feeder !== undefined) through[feeder.from] = (through[feeder.from] ?? 0) + (through[index] ?? 0);
  }
  return through;
}

/** In general: from those who feed in to those who take, a maximum flow must carry everything. */
export function isFeasibleByMaxFlow(
  problem: Problem,
  step: number,
  demandKw: Float64Array,
  slackKw: number = toleranceKw,
): boolean {
  return missingKw(problem, step, demandKw) <= slackKw;
}

/** What a maximum flow leaves behind of the demand or of what is fed in, the greater of both, kW; 0 if it is feasible. */
export function missingKw(problem: Problem, step: number, demandKw: Float64Array): number {
  return routed(problem, step, demandKw).missingKw;
}

/**
 * Whether the network carries the demand, or where a limit was cut below promised loads, nothing on top of them: on a tree
 * node by node, in general by what a maximum flow cannot carry of the loads alone.
 */
export function isFeasibleBesideLoads(problem: Problem, step: number, demandKw: Float64Array): boolean {
  const loadsKw = Float64Array.from(problem.loadKw, (row) => row[step] ?? 0);
  if (!problem.network.isTree) {
    const excused = missingKw(problem, step, loadsKw);
    return missingKw(problem, step, demandKw) <= excused + toleranceKw;
  }
  const loads = treeFlows(problem, loadsKw);
  const through = treeFlows(problem, demandKw);
  return problem.network.nodes.every(({ index }) => {
    const kw = through[index] ?? 0;
    const importKw = Math.max(problem.importKw[index]?.[step] ?? 0, loads[index] ?? 0);
    const exportKw = problem.exportKw[index]?.[step] ?? 0;
    return kw <= importKw + toleranceKw && -kw <= exportKw + toleranceKw;
  });
}

/** Net power on each link, kW, positive away from the grid. The demand must be feasible. */
export function linkFlows(problem: Problem, step: number, demandKw: Float64Array): Float64Array {
  const { network } = problem;
  if (!network.isTree) return routed(problem, step, demandKw).network.linkFlows();
  const through = treeFlows(problem, demandKw);
  return Float64Array.from(network.links, (link) => through[link.to] ?? 0);
}

function routed(
  problem: Problem,
  step: number,
  demandKw: Float64Array,
): { network: StepFlowNetwork; missingKw: number } {
  const network = new StepFlowNetwork(problem, step);
  const { graph } = network;
  const source = graph.addVertex();
  const sink = graph.addVertex();
  let demand = 0;
  let supply = 0;
  for (const [index, kw] of demandKw.entries()) {
    const vertex = network.inner[index] ?? 0;
    if (kw > 0) graph.addEdge(vertex, sink, kw, 0);
    if (kw < 0) graph.addEdge(source, vertex, -kw, 0);
    demand += Math.max(0, kw);
    supply += Math.max(0, -kw);
  }
  const grid = network.outer[0] ?? 0;
  // The lines have no losses, so what the grid must give or take is known beforehand.
  if (demand >= supply) graph.addEdge(source, grid, demand - supply, 0);
  else graph.addEdge(grid, sink, supply - demand, 0);
  return { network, missingKw: Math.max(demand, supply) - graph.augment(source, sink) };
}
