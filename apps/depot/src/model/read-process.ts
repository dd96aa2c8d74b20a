import { limits } from './limits.ts';
import type { Battery, ChargingNeeds, ChargingProcess, CurvePoint } from './needs.ts';
import { join, optional, type Reader } from './reader.ts';

const power = { min: 0, max: limits.powerKw };
const request = { min: -limits.energyKwh, max: limits.energyKwh };

export function readProcess(reader: Reader, value: unknown, path: string): ChargingProcess {
  const record = reader.record(value, path, [
    'id',
    'evse',
    'arrivalS',
    'departureS',
    'announcedS',
    'presentEnergyKwh',
    'battery',
    'needs',
    'phases',
    'group',
    'priority',
  ]);
  const number = (key: string, rule = {}) => reader.number(record[key], join(path, key), rule);
  const process: ChargingProcess = {
    id: reader.text(record['id'], join(path, 'id')),
    evse: reader.text(record['evse'], join(path, 'evse')),
    arrivalS: number('arrivalS'),
    departureS: number('departureS'),
    presentEnergyKwh: number('presentEnergyKwh', { min: 0, max: limits.energyKwh }),
    battery: readBattery(reader, record['battery'], join(path, 'battery')),
    needs: readNeeds(reader, record['needs'], join(path, 'needs')),
    ...optional<{ announcedS: number; phases: 1 | 2 | 3; group: string; priority: number }>(record, path, {
      announcedS: (item, at) => reader.number(item, at),
      phases: (item, at) => reader.number(item, at, { integer: true, min: 1, max: 3 }) as 1 | 2 | 3,
      group: (item, at) => reader.text(item, at),
      priority: (item, at) => reader.number(item, at, { min: -1e6, max: 1e6 }),
    }),
  };
  if (process.departureS <= process.arrivalS) {
    reader.fail(
      join(path, 'departureS'),
      `must be after arrivalS ${process.arrivalS}, is ${process.departureS}`,
    );
  }
  if (process.presentEnergyKwh > process.battery.capacityKwh) {
    reader.fail(
      join(path, 'presentEnergyKwh'),
      `must be at most the battery's ${process.battery.capacityKwh}, is ${process.presentEnergyKwh}`,
    );
  }
  checkNeeds(reader, process.needs, join(path, 'needs'), process);
  return process;
}

export function readNeeds(reader: Reader, value: unknown, path: string): ChargingNeeds {
  const record = reader.record(value, path, [
    'targetEnergyRequestKwh',
    'minimumEnergyRequestKwh',
    'maximumEnergyRequestKwh',
    'minimumV2xEnergyRequestKwh',
    'maximumV2xEnergyRequestKwh',
    'maximumChargeKw',
    'minimumChargeKw',
    'maximumDischargeKw',
    'minimumDischargeKw',
  ]);
  const energy = (item: unknown, at: string) => reader.number(item, at, request);
  const kw = (item: unknown, at: string) => reader.number(item, at, power);
  const required = (key: string, read: typeof energy) => read(record[key], join(path, key));
  return {
    targetEnergyRequestKwh: required('targetEnergyRequestKwh', energy),
    minimumEnergyRequestKwh: required('minimumEnergyRequestKwh', energy),
    maximumEnergyRequestKwh: required('maximumEnergyRequestKwh', energy),
    maximumChargeKw: required('maximumChargeKw', kw),
    ...optional<{
      minimumV2xEnergyRequestKwh: number;
      maximumV2xEnergyRequestKwh: number;
      minimumChargeKw: number;
      maximumDischargeKw: number;
      minimumDischargeKw: number;
    }>(record, path, {
      minimumV2xEnergyRequestKwh: energy,
      maximumV2xEnergyRequestKwh: energy,
      minimumChargeKw: kw,
      maximumDischargeKw: kw,
      minimumDischargeKw: kw,
    }),
  };
}

/** The relations between needs, and between needs and the battery that they are about. */
function checkNeeds(
  reader: Reader,
  needs: ChargingNeeds,
  path: string,
  { presentEnergyKwh, battery }: Pick<ChargingProcess, 'presentEnergyKwh' | 'battery'>,
): void {
  checkOrder(reader, needs, path);
  const room = battery.capacityKwh - presentEnergyKwh;
  // A level is compared with a request by a sum, which may be off by a rounding error.
  if (needs.maximumEnergyRequestKwh > room + 1e-9) {
    reader.fail(
      join(path, 'maximumEnergyRequestKwh'),
      `is a request relative to the ${presentEnergyKwh} kWh present and may be at most ${room}, which fills the battery; is ${needs.maximumEnergyRequestKwh}`,
    );
  }
  if (needs.targetEnergyRequestKwh < -presentEnergyKwh) {
    reader.fail(join(path, 'targetEnergyRequestKwh'), 'is below an empty battery');
  }
}

/** The relations between needs alone: what the battery holds when an event tells them is not known before. */
export function checkOrder(reader: Reader, needs: ChargingNeeds, path: string): void {
  const atMost = (low: keyof ChargingNeeds, high: keyof ChargingNeeds) => {
    const [lowValue, highValue] = [needs[low], needs[high]];
    if (lowValue === undefined || highValue === undefined || lowValue <= highValue) return;
    reader.fail(join(path, low), `must be at most ${high} ${highValue}, is ${lowValue}`);
  };
  atMost('minimumEnergyRequestKwh', 'targetEnergyRequestKwh');
  atMost('targetEnergyRequestKwh', 'maximumEnergyRequestKwh');
  atMost('minimumEnergyRequestKwh', 'minimumV2xEnergyRequestKwh');
  atMost('minimumV2xEnergyRequestKwh', 'maximumV2xEnergyRequestKwh');
  atMost('minimumV2xEnergyRequestKwh', 'maximumEnergyRequestKwh');
  atMost('minimumEnergyRequestKwh', 'maximumV2xEnergyRequestKwh');
  atMost('maximumV2xEnergyRequestKwh', 'maximumEnergyRequestKwh');
  atMost('minimumChargeKw', 'maximumChargeKw');
  if ((needs.minimumDischargeKw ?? 0) > (needs.maximumDischargeKw ?? 0)) {
    reader.fail(
      join(path, 'minimumDischargeKw'),
      `must be at most maximumDischargeKw ${needs.maximumDischargeKw ?? 0}, is ${needs.minimumDischargeKw ?? 0}`,
    );
  }
}

function readBattery(reader: Reader, value: unknown, path: string): Battery {
  const record = reader.record(value, path, [
    'capacityKwh',
    'chargeEfficiency',
    'dischargeEfficiency',
    'chargingCurve',
    'wearEurPerKwh',
  ]);
  const share = (item: unknown, at: string) => reader.number(item, at, limits.efficiency);
  return {
    capacityKwh: reader.number(record['capacityKwh'], join(path, 'capacityKwh'), {
      min: 0,
      aboveMin: true,
      max: limits.energyKwh,
    }),
    ...optional<{
      chargeEfficiency: number;
      dischargeEfficiency: number;
      chargingCurve: CurvePoint[];
      wearEurPerKwh: number;
    }>(record, path, {
      chargeEfficiency: share,
      dischargeEfficiency: share,
      chargingCurve: (item, at) => readCurve(reader, item, at),
      wearEurPerKwh: (item, at) => reader.number(item, at, { min: 0, max: limits.price }),
    }),
  };
}

function readCurve(reader: Reader, value: unknown, path: string): CurvePoint[] {
  const points = reader.list(value, path, (item, at) => {
    const record = reader.record(item, at, ['energyKwh', 'kw']);
    return {
      energyKwh: reader.number(record['energyKwh'], join(at, 'energyKwh'), {
        min: 0,
        max: limits.energyKwh,
      }),
      kw: reader.number(record['kw'], join(at, 'kw'), power),
    };
  });
  let slope = 0;
  for (const [index, point] of points.entries()) {
    const before = points[index - 1];
    if (before === undefined) continue;
    const at = `${path}[${index}]`;
    if (point.energyKwh <= before.energyKwh) {
      reader.fail(at, `energyKwh must rise from corner to corner, is ${point.energyKwh}`);
      continue;
    }
    const next = (point.kw - before.kw) / (point.energyKwh - before.energyKwh);
    // Only a concave curve is an intersection of half-planes, which a linear program can hold.
    if (next > slope + 1e-9) {
      reader.fail(at, 'the curve must never rise, and fall ever more steeply towards full (concave)');
    }
    slope = next;
  }
  return points;
}
