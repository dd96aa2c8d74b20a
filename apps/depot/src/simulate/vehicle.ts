import type { ChargingProcess } from '../model/needs.ts';
import type { PlannedProcess } from '../model/problem.ts';
import { energyAfter, powerBetween, withoutTrickle } from '../physics/battery.ts';

/** How the power that vehicles really take falls, although they have not said so. */
export interface UndeclaredTaper {
  /** State of charge in [0, 1) from which on the power falls in a straight line. */
  readonly fromShare: number;
  /** Share of the maximum power that is left when full. */
  readonly toPowerShare: number;
}

/** What a vehicle does in a segment: its mean power at the EVSE, kW, and the energy in its battery after it, kWh. */
export interface VehicleResponse {
  readonly kw: number;
  readonly energyKwh: number;
}

/**
 * A vehicle obeys, except that it never takes more than its battery accepts, and switches off when that is below its
 * minimum power.
 */
export function respond(
  { battery, needs }: Pick<ChargingProcess, 'battery' | 'needs'>,
  planned: PlannedProcess,
  segment: { readonly energyKwh: number; readonly setPointKw: number; readonly hours: number },
  taper: UndeclaredTaper | undefined,
): VehicleResponse {
  const { energyKwh, setPointKw, hours } = segment;
  let kw = setPointKw;
  if (kw > 0) {
    kw = Math.min(kw, acceptedKw(battery.capacityKwh, needs.maximumChargeKw, energyKwh, taper));
    kw = Math.min(kw, powerBetween(planned, energyKwh, Math.max(energyKwh, battery.capacityKwh), hours));
    kw = withoutTrickle({ minimumChargeKw: needs.minimumChargeKw ?? 0, minimumDischargeKw: 0 }, kw);
  } else if (kw < 0) {
    kw = Math.max(kw, powerBetween(planned, energyKwh, 0, hours));
  }
  return { kw, energyKwh: energyAfter(planned, energyKwh, kw, hours) };
}

function acceptedKw(
  capacityKwh: number,
  maximumKw: number,
  energyKwh: number,
  taper: UndeclaredTaper | undefined,
): number {
  if (taper === undefined) return maximumKw;
  const beyond = Math.max(0, energyKwh / capacityKwh - taper.fromShare) / (1 - taper.fromShare);
  return maximumKw * (1 - Math.min(1, beyond) * (1 - taper.toPowerShare));
}
