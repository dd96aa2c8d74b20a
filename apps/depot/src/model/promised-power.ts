import { toleranceKw } from '../topology/feasibility.ts';
import { StepFlowNetwork } from '../topology/flow-network.ts';
import type { Network } from '../topology/network.ts';
import { compileProblem } from './compile-problem.ts';
import type { Problem } from './problem.ts';
import type { Finding } from './reader.ts';
import type { Scenario } from './scenario.ts';

/** Promised loads for which the capacity does not suffice, with all generation that there is. */
export function checkPromisedPower(scenario: Scenario, network: Network): Finding[] {
  if ((scenario.fixedPower ?? []).every(({ type }) => type === 'pv')) return [];
  const compiled = compileProblem({ ...scenario, processes: [] }, { step: 0 }, network);
  const problem: Problem = {
    ...compiled,
    importKw: withinConductors(compiled, compiled.importKw),
    exportKw: withinConductors(compiled, compiled.exportKw),
  };
  for (let step = 0; step < problem.steps; step++) {
    const finding = network.isTree ? treeShortage(problem, step) : flowShortage(problem, step);
    if (finding !== undefined) return [finding];
  }
  return [];
}

/** Loads and generation are balanced: of them, a node carries three times what one of its conductors does. */
function withinConductors({ network }: Problem, capacityKw: readonly Float64Array[]): Float64Array[] {
  return capacityKw.map((row, index) => {
    const conductorsKw = 3 * (network.nodes[index]?.phaseKw ?? Infinity);
    return conductorsKw === Infinity ? row : row.map((kw) => Math.min(kw, conductorsKw));
  });
}

/**
 * The least power that each node of a tree must import when no vehicle takes any, kW: promised loads at and below it minus
 * generation, of which no more than the export capacity can leave a node.
 */
export function leastImports(problem: Problem, step: number): Float64Array {
  const { network } = problem;
  const least = Float64Array.from(network.nodes, ({ index }) => problem.loadKw[index]?.[step] ?? 0);
  for (const { node, kw } of problem.generation) least[node] = (least[node] ?? 0) - (kw[step] ?? 0);
  for (let index = network.nodes.length - 1; index >= 0; index--) {
    const exportKw = Math.min(
      problem.exportKw[index]?.[step] ?? 0,
      3 * (network.nodes[index]?.phaseKw ?? Infinity),
    );
    least[index] = Math.max(least[index] ?? 0, -exportKw);
    const feeder = network.links[network.nodes[index]?.feeders[0] ?? -1];
    if (feeder !== undefined) least[feeder.from] = (least[feeder.from] ?? 0) + (least[index] ?? 0);
  }
  return least;
}

function treeShortage(problem: Problem, step: number): Finding | undefined {
  const least = leastImports(problem, step);
  for (const { index, id, phaseKw } of problem.network.nodes) {
    const promised = least[index] ?? 0;
    const capacity = problem.importKw[index]?.[step] ?? 0;
    if (promised > capacity + toleranceKw) {
      const how = capacity < 3 * phaseKw ? '' : ' over its three conductors';
      const message = `${id} can import ${Number(capacity.toFixed(6))} kW${how} in step ${step}, but ${Number(promised.toFixed(6))} kW are promised to loads below it`;
      return { path: 'fixedPower', message };
    }
  }
  return undefined;
}

function flowShortage(problem: Problem, step: number): Finding | undefined {
  const { promised, carried } = loadsFedBy(problem, step, 'generation and grid');
  if (carried >= promised - toleranceKw) return undefined;
  const message = `${promised} kW are promised in step ${step}, but the topology can carry ${carried} kW to these loads`;
  return { path: 'fixedPower', message };
}

/** The least import through the grid connection of any network, kW: what generation cannot bring to the promised loads. */
export function leastGridImport(problem: Problem, step: number): number {
  const { promised, carried } = loadsFedBy(problem, step, 'generation');
  return promised - carried;
}

/** Promised loads of a step, and what a maximum flow can carry of it to them, kW. */
function loadsFedBy(
  problem: Problem,
  step: number,
  feeders: 'generation' | 'generation and grid',
): { promised: number; carried: number } {
  const { graph, inner, outer } = new StepFlowNetwork(problem, step);
  const source = graph.addVertex();
  const sink = graph.addVertex();
  let promised = 0;
  for (const [index, row] of problem.loadKw.entries()) {
    promised += row[step] ?? 0;
    graph.addEdge(inner[index] ?? 0, sink, row[step] ?? 0, 0);
  }
  for (const { node, kw } of problem.generation) graph.addEdge(source, inner[node] ?? 0, kw[step] ?? 0, 0);
  if (feeders === 'generation and grid') graph.addEdge(source, outer[0] ?? 0, Infinity, 0);
  return { promised, carried: graph.augment(source, sink) };
}
