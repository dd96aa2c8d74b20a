/**
 * What a vehicle asks for, in the words of ISO 15118-20 and OCPP 2.1.
 *
 * An energy request is the level asked for minus the present energy, kWh in the battery. So a *positive*
 * `minimumEnergyRequestKwh` means that the vehicle is still below its minimum and may only be charged; at zero or below,
 * the minimum is reached and energy may be taken as well.
 */
export interface ChargingNeeds {
  /** To be reached at departure. */
  readonly targetEnergyRequestKwh: number;
  /** To be reached as early as possible, and not to be left again. */
  readonly minimumEnergyRequestKwh: number;
  /** Never to be exceeded. */
  readonly maximumEnergyRequestKwh: number;
  /** Cycling stays above this; `minimumEnergyRequestKwh` if left out. */
  readonly minimumV2xEnergyRequestKwh?: number;
  /** Cycling stays below this; `maximumEnergyRequestKwh` if left out. */
  readonly maximumV2xEnergyRequestKwh?: number;
  /** Power at the EVSE, kW. */
  readonly maximumChargeKw: number;
  /** The smallest power other than 0 that the vehicle takes, kW; 0 if left out. */
  readonly minimumChargeKw?: number;
  /** 0, or left out: the vehicle cannot discharge. */
  readonly maximumDischargeKw?: number;
  readonly minimumDischargeKw?: number;
}

/** A corner of the charging curve: `kw` may be charged while the battery holds `energyKwh`. */
export interface CurvePoint {
  readonly energyKwh: number;
  readonly kw: number;
}

export interface Battery {
  readonly capacityKwh: number;
  /** Stored energy per energy charged at the EVSE, in [0.1, 1]; 1 if left out. */
  readonly chargeEfficiency?: number;
  /** Energy discharged at the EVSE per stored energy, in [0.1, 1]; 1 if left out. */
  readonly dischargeEfficiency?: number;
  /**
   * Concave and piecewise linear, by rising energy; it tapers towards full. Below the first corner the power of the first
   * one holds. Left out: no taper.
   */
  readonly chargingCurve?: readonly CurvePoint[];
  /** Cost of wear per kWh discharged at the EVSE, EUR; 0 if left out. */
  readonly wearEurPerKwh?: number;
}

/** One stay of one vehicle at one EVSE. */
export interface ChargingProcess {
  readonly id: string;
  readonly evse: string;
  /** Seconds after the scenario's start. */
  readonly arrivalS: number;
  readonly departureS: number;
  /** When the stay becomes known, seconds after the start; 0, as in a timetable, if left out. */
  readonly announcedS?: number;
  /** Energy in the battery at arrival, kWh; the needs are relative to it (those of an event to the energy then). */
  readonly presentEnergyKwh: number;
  readonly battery: Battery;
  readonly needs: ChargingNeeds;
  /** AC only: how many phases the vehicle uses; 3 if left out. */
  readonly phases?: 1 | 2 | 3;
  /** Vehicles of one group get the same percentage by the strategy Equal. */
  readonly group?: string;
  /** From an external schedule, for the strategy Priority: the greater is served first; 0 if left out. */
  readonly priority?: number;
}
