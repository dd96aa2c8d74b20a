import type { Problem } from '../model/problem.ts';
import { linkFlows } from './feasibility.ts';
import type { Network } from './network.ts';
import { phaseExcess } from './phases.ts';

/** How a node or link is used over some time. */
export interface Utilization {
  /** Greatest power in either direction, kW. */
  readonly peakKw: number;
  /** The greatest share of the capacity in the direction of the flow; 0 without a limit. */
  readonly peakShare: number;
  /** Mean of the absolute power over the capacity for import; 0 without a limit. */
  readonly meanShare: number;
  /** Most on one conductor, kW, and its share of the phase limit; undefined without one. */
  readonly conductor?: { readonly peakKw: number; readonly peakShare: number };
}

export interface NetworkUtilization {
  /** By index of node. */
  readonly nodes: readonly Utilization[];
  /** By index of link. */
  readonly links: readonly Utilization[];
}

/** What vehicles take and generation feeds in, kW each, and what that makes of each node, kW. */
export interface NetworkPower {
  readonly powerKw: ArrayLike<number>;
  readonly pvKw: ArrayLike<number>;
  readonly demandKw: Float64Array;
}

/** Sums up what flows through each node and link, step by step. */
export class UtilizationMeter {
  readonly #network: Network;
  readonly #nodes: readonly Sum[];
  readonly #links: readonly Sum[];

  constructor(network: Network) {
    this.#network = network;
    this.#nodes = network.nodes.map(() => new Sum());
    this.#links = network.links.map(() => new Sum());
  }

  /** `problem` is one of this network; `seconds` is how long the power of its `step` lasts. */
  add(problem: Problem, step: number, { powerKw, pvKw, demandKw }: NetworkPower, seconds: number): void {
    const { nodes, links } = this.#network;
    const flows = linkFlows(problem, step, demandKw);
    for (const { index, importKw, exportKw } of links)
      this.#links[index]?.add(flows[index] ?? 0, { importKw, exportKw, seconds });
    for (const { index, feeders } of nodes) {
      // What comes in by the feeders goes through the node; the grid connection has none, but all that leaves it.
      const through =
        feeders.length > 0
          ? feeders.reduce((sum, link) => sum + (flows[link] ?? 0), 0)
          : demandKw.reduce((sum, kw) => sum + kw, 0);
      const importKw = problem.importKw[index]?.[step] ?? Number.POSITIVE_INFINITY;
      const exportKw = problem.exportKw[index]?.[step] ?? Number.POSITIVE_INFINITY;
      this.#nodes[index]?.add(through, { importKw, exportKw, seconds });
    }
    for (const { node, kw } of phaseExcess(problem, step, powerKw, pvKw)) {
      const { phaseKw = 0 } = nodes[node] ?? {};
      this.#nodes[node]?.addConductor(kw + phaseKw, phaseKw);
    }
  }

  result(): NetworkUtilization {
    return { nodes: this.#nodes.map((sum) => sum.result()), links: this.#links.map((sum) => sum.result()) };
  }
}

class Sum {
  #peakKw = 0;
  #peakShare = 0;
  #shares = 0;
  #seconds = 0;
  #conductor: Utilization['conductor'];

  add(
    kw: number,
    limits: { readonly importKw: number; readonly exportKw: number; readonly seconds: number },
  ): void {
    const { importKw, exportKw, seconds } = limits;
    const capacity = kw >= 0 ? importKw : exportKw;
    this.#seconds += seconds;
    this.#peakKw = Math.max(this.#peakKw, Math.abs(kw));
    if (Number.isFinite(importKw) && importKw > 0) this.#shares += (seconds * Math.abs(kw)) / importKw;
    if (Math.abs(kw) > 1e-6 && Number.isFinite(capacity)) {
      this.#peakShare = Math.max(this.#peakShare, capacity > 0 ? Math.abs(kw) / capacity : 1);
    }
  }

  addConductor(kw: number, phaseKw: number): void {
    if (kw < (this.#conductor?.peakKw ?? 0)) return;
    this.#conductor = { peakKw: kw, peakShare: phaseKw > 0 ? kw / phaseKw : 1 };
  }

  result(): Utilization {
    return {
      peakKw: this.#peakKw,
      peakShare: this.#peakShare,
      meanShare: this.#seconds === 0 ? 0 : this.#shares / this.#seconds,
      ...(this.#conductor === undefined ? {} : { conductor: this.#conductor }),
    };
  }
}
