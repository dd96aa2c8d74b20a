import type { NodeType } from '../model/topology.ts';

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
