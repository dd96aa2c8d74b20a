import type { ChargingNeeds, ChargingProcess } from './needs.ts';
import type { Topology } from './topology.ts';

export const scenarioFormat = 'quorate-depot-scenario/1';

/** EUR per kWh for each step. */
export interface Prices {
  readonly importEurPerKwh: readonly number[];
  readonly exportEurPerKwh: readonly number[];
}

/** Power that is not ours to plan, kW at least 0 for each step. Generation may be curtailed; a load has been promised. */
export interface FixedPower {
  readonly type: 'load' | 'pv';
  readonly id: string;
  /** The node that it is connected to; not an EVSE. */
  readonly node: string;
  readonly kw: readonly number[];
}

/** A limit that holds from `fromS` to `toS`, seconds after the start, below the node's own capacity. */
export interface TemporaryLimit {
  readonly node: string;
  readonly fromS: number;
  readonly toS: number;
  readonly importKw?: number;
  readonly exportKw?: number;
}

/**
 * What becomes known only at `atS`, seconds after the scenario's start. An arrival or departure is one that happens then
 * instead of when it was announced. Needs are relative to the energy in the battery at `atS`.
 */
export type ScenarioEvent =
  | { readonly type: 'arrival'; readonly atS: number; readonly process: string }
  | { readonly type: 'departure'; readonly atS: number; readonly process: string }
  | { readonly type: 'needs'; readonly atS: number; readonly process: string; readonly needs: ChargingNeeds }
  | { readonly type: 'limit'; readonly atS: number; readonly limit: TemporaryLimit }
  | { readonly type: 'prices'; readonly atS: number; readonly prices: Prices };

/**
 * Everything that a plan depends on, as it is written to a file: plain JSON. `parseScenario` is the gateway, behind it
 * the rules of this and the neighbouring types hold.
 */
export interface Scenario {
  readonly format: typeof scenarioFormat;
  readonly name: string;
  /** The instant of step 0, ISO 8601 with offset or Z. */
  readonly start: string;
  readonly stepSeconds: number;
  readonly steps: number;
  readonly topology: Topology;
  readonly processes: readonly ChargingProcess[];
  /** Left out: 0.20 EUR to import, nothing for export. */
  readonly prices?: Prices;
  readonly fixedPower?: readonly FixedPower[];
  readonly limits?: readonly TemporaryLimit[];
  /** What happens unforeseen in a simulated day; plans made ahead do not know it. */
  readonly events?: readonly ScenarioEvent[];
}
