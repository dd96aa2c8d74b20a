import type { NetworkUtilization } from '../topology/utilization.ts';

/** What happens in a depot, and may be a reason to plan again; `release` is the end of a temporary limit. */
export type Trigger = 'arrival' | 'departure' | 'needs' | 'limit' | 'release' | 'prices';

export interface LogEntry {
  /** Seconds after the scenario's start. */
  readonly atS: number;
  readonly type: Trigger | 'strategy' | 'plan' | 'late' | 'failed';
  readonly message: string;
}

/** How one stay went in fact. */
export interface StayOutcome {
  readonly process: string;
  readonly arrivalS: number;
  readonly departureS: number;
  readonly initialKwh: number;
  readonly finalKwh: number;
  readonly minimumKwh: number;
  readonly targetKwh: number;
  /** Left before it was announced: what is missing is nobody's fault. */
  readonly early: boolean;
}

/**
 * A node, one of its conductors, or the network as a whole that carried more than it may: a limit was cut below what is
 * promised to loads, or vehicles did not do what they were told.
 */
export interface Exceedance {
  readonly node: string;
  /** Most that was carried beyond the capacity, kW. */
  readonly kw: number;
  readonly seconds: number;
}

/**
 * What was measured in a simulated day. The day is cut into segments of constant power, from `edgesS[k]` to `edgesS[k + 1]`,
 * seconds after the start; rows of power have one entry for each segment, rows of energy one for each edge.
 */
export interface SimulatedDay {
  readonly strategy: string;
  readonly processIds: readonly string[];
  readonly edgesS: readonly number[];
  /** At the EVSE, kW, negative when discharging; by process. */
  readonly powerKw: readonly (readonly number[])[];
  /** In the battery, kWh; by process. */
  readonly energyKwh: readonly (readonly number[])[];
  /** Net import at the grid connection, and its limits at the time, kW. */
  readonly gridKw: readonly number[];
  readonly importLimitKw: readonly number[];
  readonly exportLimitKw: readonly number[];
  /** The price of import in force, EUR per kWh. */
  readonly importEurPerKwh: readonly number[];
  /** Of each node and link of the topology, over the day. */
  readonly utilization: NetworkUtilization;
  /** Energy bought minus energy sold plus wear, EUR. */
  readonly costEur: number;
  readonly stays: readonly StayOutcome[];
  /** Vehicles that did not come, or found their EVSE taken until they left again. */
  readonly missed: readonly string[];
  readonly plans: {
    readonly made: number;
    /** Dropped, because they were not ready in time; the plan before stayed in force. */
    readonly late: number;
    /** Of those that the strategy could not make. */
    readonly failed: number;
  };
  readonly exceeded: readonly Exceedance[];
  readonly log: readonly LogEntry[];
}
