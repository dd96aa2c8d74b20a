import type { Plan } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { netDemand } from '../strategies/dispatch.ts';
import { linkFlows } from '../topology/feasibility.ts';

/** How a node or link is used over all steps. */
export interface Utilization {
  /** Greatest power in either direction, kW. */
  readonly peakKw: number;
  /** The greatest share of the capacity in the direction of the flow; 0 without a limit. */
  readonly peakShare: number;
  /** Mean of the absolute power over the capacity for import; 0 without a limit. */
  readonly meanShare: number;
}

export interface NetworkUtilization {
  /** By index of node. */
  readonly nodes: readonly Utilization[];
  /** By index of link. */
  readonly links: readonly Utilization[];
}

/** What a plan lets flow through each node and link. */
export function utilizationOfPlan(problem: Problem, plan: Plan): NetworkUtilization {
  const { nodes, links } = problem.network;
  const [nodeSums, linkSums] = [nodes.map(() => new Sum()), links.map(() => new Sum())];
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const powerKw = plan.powerKw.map((row) => row[step] ?? 0);
    const pvKw = plan.pvKw.map((row) => row[step] ?? 0);
    const demand = netDemand(problem, step, powerKw, pvKw);
    const flows = linkFlows(problem, step, demand);
    for (const link of links) {
      linkSums[link.index]?.add(flows[link.index] ?? 0, link.importKw, link.exportKw);
    }
    for (const node of nodes) {
      // What comes in by the feeders goes through the node; the grid connection has none, but all that leaves it.
      const through =
        node.feeders.length > 0
          ? node.feeders.reduce((sum, link) => sum + (flows[link] ?? 0), 0)
          : demand.reduce((sum, kw) => sum + kw, 0);
      nodeSums[node.index]?.add(
        through,
        problem.importKw[node.index]?.[step] ?? Number.POSITIVE_INFINITY,
        problem.exportKw[node.index]?.[step] ?? Number.POSITIVE_INFINITY,
      );
    }
  }
  return { nodes: nodeSums.map((sum) => sum.result()), links: linkSums.map((sum) => sum.result()) };
}

class Sum {
  #peakKw = 0;
  #peakShare = 0;
  #shares = 0;
  #steps = 0;

  add(kw: number, importKw: number, exportKw: number): void {
    const capacity = kw >= 0 ? importKw : exportKw;
    this.#steps += 1;
    this.#peakKw = Math.max(this.#peakKw, Math.abs(kw));
    if (Number.isFinite(importKw) && importKw > 0) this.#shares += Math.abs(kw) / importKw;
    if (Math.abs(kw) > 1e-6 && Number.isFinite(capacity)) {
      this.#peakShare = Math.max(this.#peakShare, capacity > 0 ? Math.abs(kw) / capacity : 1);
    }
  }

  result(): Utilization {
    return {
      peakKw: this.#peakKw,
      peakShare: this.#peakShare,
      meanShare: this.#steps === 0 ? 0 : this.#shares / this.#steps,
    };
  }
}
