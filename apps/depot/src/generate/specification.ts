import type { Topology } from '../model/topology.ts';
import type { Distribution } from './distribution.ts';

/** A kind of vehicle; the shares of a battery are fractions of its capacity, at arrival and at departure. */
export interface VehicleKind {
  readonly name: string;
  /** How often this kind comes, relative to the others. */
  readonly weight: number;
  readonly capacityKwh: Distribution;
  readonly maximumChargeKw: Distribution;
  readonly minimumChargeKw: Distribution;
  /** Of those vehicles that can discharge, see `bptShare`. */
  readonly maximumDischargeKw: Distribution;
  readonly chargeEfficiency: number;
  readonly dischargeEfficiency: number;
  readonly wearEurPerKwh: number;
  /** The power falls in a straight line from here, as a share of the capacity, ... */
  readonly taperFromShare?: number;
  /** ... to this share of the maximum power when full. */
  readonly taperToPowerShare?: number;
  /** AC vehicles only: how many phases they use. */
  readonly phases?: 1 | 2 | 3;
}

/** Stations in a tree: grid connection, transformers, bus bars, stations, EVSEs. */
export interface TreeSpecification {
  readonly type: 'tree';
  readonly evses: number;
  readonly evsesPerStation: number;
  readonly stationsPerBusbar: number;
  readonly busbarsPerTransformer: number;
  readonly evseKw: number;
  readonly stationKw: number;
  /** Capacities of the shared levels, kW per EVSE below them; what is exported may be limited further. */
  readonly busbarKwPerEvse: number;
  readonly transformerKwPerEvse: number;
  readonly gridKwPerEvse: number;
  readonly gridExportKwPerEvse: number;
}

export type TopologySpecification =
  | TreeSpecification
  | { readonly type: 'given'; readonly topology: Topology };

/** What happens unforeseen in a simulated day. */
export interface SurpriseSpecification {
  /** Share of the vehicles that leave before they said. */
  readonly earlyDepartureShare: number;
  /** Share of the vehicles that come later than they said. */
  readonly lateArrivalShare: number;
  /** Share of the vehicles whose stay is known only when they arrive. */
  readonly unannouncedShare: number;
  /** How often the grid operator cuts the limit at the grid connection, for 30 to 120 minutes. */
  readonly limitCuts: number;
  /** What is left of the limit in a cut, as a fraction. */
  readonly limitCutTo: Distribution;
  /** How often the prices of the rest of the day change. */
  readonly priceChanges: number;
}

export interface PriceSpecification {
  /** Mean of the day-ahead price, EUR per kWh. */
  readonly meanEurPerKwh: number;
  /** How far the peaks of morning and evening lie above the mean and the hours around noon below it. */
  readonly swingEurPerKwh: number;
  /** Fees and taxes on what is imported; they are not paid for what is exported. */
  readonly feesEurPerKwh: number;
}

/** Everything that a generated scenario depends on, besides the seed. */
export interface Specification {
  readonly name: string;
  readonly start: string;
  readonly stepSeconds: number;
  readonly steps: number;
  /** Number of charging processes. */
  readonly vehicles: number;
  readonly topology: TopologySpecification;
  readonly kinds: readonly VehicleKind[];
  /** Hours after the start. */
  readonly arrivalHours: Distribution;
  readonly stayHours: Distribution;
  /** Energy at arrival, and asked for, as shares of the battery's capacity. */
  readonly presentShare: Distribution;
  readonly minimumShare: Distribution;
  readonly targetShare: Distribution;
  readonly maximumShare: Distribution;
  /** Share of the vehicles that can discharge (bidirectional power transfer). */
  readonly bptShare: number;
  /** Processes are dealt to this many groups. */
  readonly groups: number;
  readonly prices?: PriceSpecification;
  /** Peak power of a PV plant at the grid connection, kW; none if 0. */
  readonly pvPeakKw: number;
  /** A constant load of the building at the grid connection, kW. */
  readonly buildingKw: number;
  readonly surprises: SurpriseSpecification;
}

/**
 * A depot of electric buses from noon to noon: they come home in the evening, some around noon, and leave early. The grid
 * connection has 25 kW for each EVSE, as in the instance of the article that the planner follows (12 EVSEs, 300 kW).
 */
export function defaultSpecification(vehicles: number): Specification {
  return {
    name: `${vehicles} buses`,
    start: '2025-06-10T12:00:00+02:00',
    stepSeconds: 900,
    steps: 96,
    vehicles,
    topology: {
      type: 'tree',
      evses: vehicles,
      evsesPerStation: 2,
      stationsPerBusbar: 5,
      busbarsPerTransformer: 4,
      evseKw: 150,
      stationKw: 200,
      busbarKwPerEvse: 40,
      transformerKwPerEvse: 30,
      gridKwPerEvse: 25,
      gridExportKwPerEvse: 12.5,
    },
    kinds: [
      bus('solo bus', 2, { type: 'uniform', low: 300, high: 400 }),
      bus('articulated bus', 1, { type: 'uniform', low: 450, high: 560 }),
    ],
    arrivalHours: {
      type: 'mixture',
      parts: [
        { weight: 3, of: { type: 'normal', mean: 7, deviation: 1.6, low: 1, high: 13 } },
        { weight: 1, of: { type: 'uniform', low: 0, high: 5 } },
      ],
    },
    stayHours: { type: 'normal', mean: 9.5, deviation: 2, low: 2, high: 16 },
    presentShare: { type: 'normal', mean: 0.4, deviation: 0.12, low: 0.12, high: 0.75 },
    minimumShare: { type: 'constant', value: 0.3 },
    targetShare: { type: 'uniform', low: 0.7, high: 0.9 },
    maximumShare: { type: 'constant', value: 0.95 },
    bptShare: 0.5,
    groups: 2,
    prices: { meanEurPerKwh: 0.08, swingEurPerKwh: 0.09, feesEurPerKwh: 0.05 },
    pvPeakKw: 0,
    buildingKw: 0,
    surprises: {
      earlyDepartureShare: 0.15,
      lateArrivalShare: 0.1,
      unannouncedShare: 0,
      limitCuts: 1,
      limitCutTo: { type: 'uniform', low: 0.4, high: 0.7 },
      priceChanges: 1,
    },
  };
}

function bus(name: string, weight: number, capacityKwh: Distribution): VehicleKind {
  return {
    name,
    weight,
    capacityKwh,
    maximumChargeKw: { type: 'constant', value: 150 },
    minimumChargeKw: { type: 'constant', value: 5 },
    maximumDischargeKw: { type: 'constant', value: 80 },
    chargeEfficiency: 0.95,
    dischargeEfficiency: 0.95,
    wearEurPerKwh: 0.03,
    taperFromShare: 0.85,
    taperToPowerShare: 0.2,
  };
}
