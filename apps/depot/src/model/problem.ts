import type { Network } from '../topology/network.ts';

/** One line of a concave charging curve: the power is at most `interceptKw + slopePerHour * energyKwh`. */
export interface CurveLine {
  readonly interceptKw: number;
  /** Below 0. */
  readonly slopePerHour: number;
}

/**
 * A charging process in the form that strategies and planning compute with: steps instead of seconds, levels of energy in
 * the battery (kWh) instead of requests, every default filled in.
 */
export interface PlannedProcess {
  readonly index: number;
  readonly id: string;
  /** Index of its EVSE among the network's nodes. */
  readonly evse: number;
  /**
   * The steps that lie wholly inside of the stay, [first, end): in a step that is cut by arrival or departure the mean
   * power would say nothing about the power at an instant. `first` is not below the problem's first step.
   */
  readonly first: number;
  readonly end: number;
  readonly arrivalS: number;
  readonly departureS: number;
  /** Level when planning begins: at arrival, or now if the vehicle is here already. */
  readonly initialKwh: number;
  readonly targetKwh: number;
  readonly minimumKwh: number;
  readonly maximumKwh: number;
  readonly minimumV2xKwh: number;
  readonly maximumV2xKwh: number;
  readonly maximumChargeKw: number;
  readonly minimumChargeKw: number;
  readonly maximumDischargeKw: number;
  readonly minimumDischargeKw: number;
  readonly chargeEfficiency: number;
  readonly dischargeEfficiency: number;
  readonly curve: readonly CurveLine[];
  readonly wearEurPerKwh: number;
  /** What one kW of this vehicle puts on the conductors L1, L2, L3 of the supply, kW; sums to 1. */
  readonly phaseShare: readonly [number, number, number];
  readonly group: string;
  readonly priority: number;
}

export interface GenerationRow {
  readonly id: string;
  /** Index of its node. */
  readonly node: number;
  /** Available power for each step, kW. */
  readonly kw: Float64Array;
}

/** What is to be planned: all that is known at `firstStep` about the steps [firstStep, steps). */
export interface Problem {
  readonly name: string;
  /** The instant of step 0, ms since 1970. */
  readonly startMs: number;
  readonly stepSeconds: number;
  readonly stepHours: number;
  readonly firstStep: number;
  readonly steps: number;
  readonly network: Network;
  readonly processes: readonly PlannedProcess[];
  /** For each node and step, kW: capacity of the node under the limits of the moment. `Infinity` is unlimited. */
  readonly importKw: readonly Float64Array[];
  readonly exportKw: readonly Float64Array[];
  /** For each node and step, kW: promised loads connected to the node itself. */
  readonly loadKw: readonly Float64Array[];
  readonly generation: readonly GenerationRow[];
  readonly importEurPerKwh: Float64Array;
  readonly exportEurPerKwh: Float64Array;
}
