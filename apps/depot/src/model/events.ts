import type { ChargingNeeds } from './needs.ts';
import type { Prices, TemporaryLimit } from './scenario.ts';

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
