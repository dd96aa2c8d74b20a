/**
 * `minimum power`: alone it could be charged, if it took less than its minimum power; the scenario may also end before
 * the stay does.
 */
export type UnmetReason =
  | 'stay too short'
  | 'the scenario ends before'
  | 'minimum power'
  | 'others or limits';

/** Demand that a plan cannot meet: who, how much, and what stands in the way. */
export interface UnmetDemand {
  readonly process: string;
  readonly kind: 'target' | 'minimum';
  /** Missing in the battery, kWh. */
  readonly kwh: number;
  readonly reason: UnmetReason;
}

/**
 * Power and energy over all steps of a problem, one row per process in the problem's order. `powerKw[i][t]` is the mean
 * power at the EVSE during step t, negative when discharging; `energyKwh[i][t]` is the energy in the battery at the
 * start of step t, with one entry more for the end of the last step. Outside of its stay a process has power 0.
 */
export interface Plan {
  readonly strategy: string;
  readonly processIds: readonly string[];
  readonly stepSeconds: number;
  readonly powerKw: readonly Float64Array[];
  readonly energyKwh: readonly Float64Array[];
  /** Generation that is fed in for each step, kW; the rest is curtailed. One row per fixed power of type `pv`. */
  readonly pvKw: readonly Float64Array[];
  readonly unmet: readonly UnmetDemand[];
  /** Only of plans that were solved to optimality. */
  readonly objective?: number;
}
