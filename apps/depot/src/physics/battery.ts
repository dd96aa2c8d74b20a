import type { PlannedProcess } from '../model/problem.ts';

/** kWh by which a level may be off: rounding of many steps and of the solver. */
export const toleranceKwh = 1e-6;

/** Energy in the battery, kWh, after `kw` at the EVSE for `hours`. */
export function energyAfter(process: PlannedProcess, energyKwh: number, kw: number, hours: number): number {
  return kw >= 0
    ? energyKwh + kw * process.chargeEfficiency * hours
    : energyKwh + (kw / process.dischargeEfficiency) * hours;
}

/** The power at the EVSE, kW, that moves the battery from one level to another in `hours`. */
export function powerBetween(process: PlannedProcess, fromKwh: number, toKwh: number, hours: number): number {
  const stored = toKwh - fromKwh;
  return stored >= 0
    ? stored / (process.chargeEfficiency * hours)
    : (stored * process.dischargeEfficiency) / hours;
}

/**
 * The greatest charging power for a step of `hours` that begins at `energyKwh`, up to the level `ceilingKwh`. The curve
 * is taken where the step ends, since power falls with energy: what is planned can then be had at every instant.
 */
export function maximumCharge(
  process: PlannedProcess,
  energyKwh: number,
  hours: number,
  ceilingKwh: number = process.maximumKwh,
): number {
  const { chargeEfficiency: efficiency } = process;
  let kw = Math.min(
    process.maximumChargeKw,
    powerBetween(process, energyKwh, Math.max(energyKwh, ceilingKwh), hours),
  );
  for (const { interceptKw, slopePerHour } of process.curve) {
    // kw ≤ intercept + slope · (energy + efficiency · hours · kw), solved for kw; the slope is at most 0.
    kw = Math.min(kw, (interceptKw + slopePerHour * energyKwh) / (1 - slopePerHour * efficiency * hours));
  }
  return Math.max(0, kw);
}

/**
 * The greatest discharging power for a step of `hours` that begins at `energyKwh`, as a positive number. Energy is taken
 * only inside of the window for cycling, and never while the minimum has not been reached.
 */
export function maximumDischarge(process: PlannedProcess, energyKwh: number, hours: number): number {
  const { minimumV2xKwh, maximumV2xKwh, maximumDischargeKw } = process;
  if (energyKwh > maximumV2xKwh + toleranceKwh || energyKwh <= minimumV2xKwh) return 0;
  return Math.min(maximumDischargeKw, -powerBetween(process, energyKwh, minimumV2xKwh, hours));
}

/**
 * `kw`, or 0 where it is below what the vehicle takes at all: it would switch off. What only rounding has put below that
 * power is raised to it.
 */
export function withoutTrickle(
  process: Pick<PlannedProcess, 'minimumChargeKw' | 'minimumDischargeKw'>,
  kw: number,
): number {
  const least = kw >= 0 ? process.minimumChargeKw : process.minimumDischargeKw;
  if (kw === 0 || Math.abs(kw) < least - 1e-9) return 0;
  return Math.sign(kw) * Math.max(Math.abs(kw), least);
}
