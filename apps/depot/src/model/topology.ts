/**
 * The electrical topology of a depot: grid connection, transformers, bus bars, charging stations, EVSEs. Power is
 * positive towards the vehicles (import) and negative towards the grid (export).
 */
export type NodeType = 'grid' | 'transformer' | 'busbar' | 'station' | 'evse';

/** What may flow in each direction, kW, both at least 0; a direction that is left out is unlimited. */
export interface Capacity {
  readonly importKw?: number;
  readonly exportKw?: number;
}

/** The line conductors of a three-phase supply. */
export type Phase = 'L1' | 'L2' | 'L3';

export const phases: readonly Phase[] = ['L1', 'L2', 'L3'];

/** A limit on the current of each line conductor, A, at `voltageV` between line and neutral. */
export interface PhaseLimit {
  readonly currentA: number;
  readonly voltageV: number;
}

/**
 * A node carries power through itself, up to its capacity: in the flow network it is two nodes and one capacity edge.
 * There is one node of type `grid`, and nothing feeds it. An EVSE feeds vehicles only.
 */
export interface TopologyNode {
  readonly type: NodeType;
  readonly id: string;
  readonly capacity?: Capacity;
  /** A node with a phase limit must feed all that is below it alone: its share of a sum would be unknown otherwise. */
  readonly phaseLimit?: PhaseLimit;
  /**
   * EVSE only. `ac` names the station's conductors that the vehicle's L1, L2, L3 meet, in this order (rotation); a
   * vehicle with one phase uses the first. A DC EVSE loads the three conductors evenly.
   */
  readonly supply?: { readonly type: 'dc' } | { readonly type: 'ac'; readonly conductors: readonly Phase[] };
}

/** A line from the node nearer to the grid to the node nearer to the vehicles. */
export interface Link {
  readonly from: string;
  readonly to: string;
  readonly capacity?: Capacity;
}

export interface Topology {
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly Link[];
}
