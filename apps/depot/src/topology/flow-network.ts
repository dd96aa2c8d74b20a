import type { Problem } from '../model/problem.ts';
import { FlowGraph } from './max-flow.ts';

/**
 * One step of a problem as a flow network: every node is two vertices and a capacity edge between them; lines join the
 * inner vertex of one node to the outer vertex of the next; devices are connected to the inner vertex.
 */
export class StepFlowNetwork {
  readonly graph = new FlowGraph();
  readonly outer: readonly number[];
  readonly inner: readonly number[];
  readonly #linkEdges: readonly number[];
  readonly #linkRoom: readonly number[];

  constructor(problem: Problem, step: number) {
    const { nodes, links } = problem.network;
    this.outer = nodes.map(() => this.graph.addVertex());
    this.inner = nodes.map((node) => {
      const inner = this.graph.addVertex();
      const importKw = problem.importKw[node.index]?.[step] ?? 0;
      const exportKw = problem.exportKw[node.index]?.[step] ?? 0;
      this.graph.addEdge(this.outer[node.index] ?? 0, inner, bounded(importKw), bounded(exportKw));
      return inner;
    });
    this.#linkRoom = links.map((link) => bounded(link.importKw));
    this.#linkEdges = links.map((link) =>
      this.graph.addEdge(
        this.inner[link.from] ?? 0,
        this.outer[link.to] ?? 0,
        bounded(link.importKw),
        bounded(link.exportKw),
      ),
    );
  }

  /** Net power on each link, kW, positive away from the grid. */
  linkFlows(): Float64Array {
    return Float64Array.from(
      this.#linkEdges,
      (edge, index) => (this.#linkRoom[index] ?? 0) - this.graph.residual(edge),
    );
  }
}

/** Infinity minus a flow would stay infinity and hide the flow; no depot has this many kW. */
const bounded = (kw: number): number => Math.min(kw, 1e9);
