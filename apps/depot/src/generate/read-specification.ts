import { limits } from '../model/limits.ts';
import { readTopology } from '../model/read-topology.ts';
import { type Finding, join, type NumberRule, optional, Reader } from '../model/reader.ts';
import { readDistribution } from './distribution.ts';
import type {
  PriceSpecification,
  Specification,
  SurpriseSpecification,
  TopologySpecification,
  TreeSpecification,
  VehicleKind,
} from './specification.ts';

export type ParsedSpecification =
  | { readonly type: 'valid'; readonly specification: Specification }
  | { readonly type: 'invalid'; readonly findings: readonly Finding[] };

const share = { min: 0, max: 1 };
const count = { min: 1, max: limits.processes, integer: true };
const kw = { min: 0, max: limits.powerKw };
const kwh = { min: 0, aboveMin: true, max: limits.energyKwh };
const price = { min: -limits.price, max: limits.price };
const hours = { min: -48, max: 24 * 366 };

/** Reads a specification; what is left out is taken from `defaults`. */
export function parseSpecification(value: unknown, defaults: Specification): ParsedSpecification {
  const reader = new Reader();
  const record = reader.record(value, '', Object.keys(defaults));
  const vehicles =
    record['vehicles'] === undefined
      ? defaults.vehicles
      : reader.number(record['vehicles'], 'vehicles', count);
  const specification: Specification = {
    ...defaults,
    ...optional<Omit<Specification, 'vehicles' | 'prices'> & { prices: PriceSpecification }>(record, '', {
      name: (item, at) => reader.text(item, at),
      start: (item, at) => reader.text(item, at),
      stepSeconds: (item, at) => reader.number(item, at, limits.stepSeconds),
      steps: (item, at) => reader.number(item, at, { min: 1, max: limits.steps, integer: true }),
      topology: (item, at) => readTopologySpecification(reader, item, at, defaults.topology),
      kinds: (item, at) => readKinds(reader, item, at),
      arrivalHours: (item, at) => readDistribution(reader, item, at, hours),
      stayHours: (item, at) => readDistribution(reader, item, at, { min: 0.01, max: hours.max }),
      presentShare: (item, at) => readDistribution(reader, item, at, share),
      minimumShare: (item, at) => readDistribution(reader, item, at, share),
      targetShare: (item, at) => readDistribution(reader, item, at, share),
      maximumShare: (item, at) => readDistribution(reader, item, at, share),
      bptShare: (item, at) => reader.number(item, at, share),
      groups: (item, at) => reader.number(item, at, count),
      prices: (item, at) => readPriceSpecification(reader, item, at),
      pvPeakKw: (item, at) => reader.number(item, at, kw),
      buildingKw: (item, at) => reader.number(item, at, kw),
      surprises: (item, at) => readSurprises(reader, item, at, defaults.surprises),
    }),
    vehicles,
  };
  return reader.findings.length === 0
    ? { type: 'valid', specification }
    : { type: 'invalid', findings: reader.findings };
}

function readTopologySpecification(
  reader: Reader,
  value: unknown,
  path: string,
  defaults: TopologySpecification,
): TopologySpecification {
  const content = typeof value === 'object' && value !== null ? value : {};
  const type = reader.oneOf(Reflect.get(content, 'type'), join(path, 'type'), ['tree', 'given']);
  if (type === 'given') {
    const record = reader.record(value, path, ['type', 'topology']);
    return { type, topology: readTopology(reader, record['topology'], join(path, 'topology')) };
  }
  const counts = ['evses', 'evsesPerStation', 'stationsPerBusbar', 'busbarsPerTransformer'] as const;
  const powers = [
    'evseKw',
    'stationKw',
    'busbarKwPerEvse',
    'transformerKwPerEvse',
    'gridKwPerEvse',
    'gridExportKwPerEvse',
  ] as const;
  const record = reader.record(value, path, ['type', ...counts, ...powers]);
  const fallback: Partial<TreeSpecification> = defaults.type === 'tree' ? defaults : {};
  const number = (key: (typeof counts)[number] | (typeof powers)[number], rule: NumberRule): number =>
    reader.number(record[key] ?? fallback[key], join(path, key), rule);
  return {
    type,
    evses: number('evses', count),
    evsesPerStation: number('evsesPerStation', count),
    stationsPerBusbar: number('stationsPerBusbar', count),
    busbarsPerTransformer: number('busbarsPerTransformer', count),
    evseKw: number('evseKw', kw),
    stationKw: number('stationKw', kw),
    busbarKwPerEvse: number('busbarKwPerEvse', kw),
    transformerKwPerEvse: number('transformerKwPerEvse', kw),
    gridKwPerEvse: number('gridKwPerEvse', kw),
    gridExportKwPerEvse: number('gridExportKwPerEvse', kw),
  };
}

function readKinds(reader: Reader, value: unknown, path: string): VehicleKind[] {
  const kinds = reader.list(value, path, (item, at) => readKind(reader, item, at));
  if (kinds.length === 0) reader.fail(path, 'must name at least one kind of vehicle');
  return kinds;
}

function readKind(reader: Reader, value: unknown, path: string): VehicleKind {
  const record = reader.record(value, path, [
    'name',
    'weight',
    'capacityKwh',
    'maximumChargeKw',
    'minimumChargeKw',
    'maximumDischargeKw',
    'chargeEfficiency',
    'dischargeEfficiency',
    'wearEurPerKwh',
    'taperFromShare',
    'taperToPowerShare',
    'phases',
  ]);
  const power = (key: string) => readDistribution(reader, record[key] ?? 0, join(path, key), kw);
  const efficiency = (key: string) => reader.number(record[key] ?? 1, join(path, key), limits.efficiency);
  return {
    name: reader.text(record['name'], join(path, 'name')),
    weight: reader.number(record['weight'] ?? 1, join(path, 'weight'), { min: 0, aboveMin: true, max: 1e6 }),
    capacityKwh: readDistribution(reader, record['capacityKwh'], join(path, 'capacityKwh'), kwh),
    maximumChargeKw: readDistribution(reader, record['maximumChargeKw'], join(path, 'maximumChargeKw'), kw),
    minimumChargeKw: power('minimumChargeKw'),
    maximumDischargeKw: power('maximumDischargeKw'),
    chargeEfficiency: efficiency('chargeEfficiency'),
    dischargeEfficiency: efficiency('dischargeEfficiency'),
    wearEurPerKwh: reader.number(record['wearEurPerKwh'] ?? 0, join(path, 'wearEurPerKwh'), {
      min: 0,
      max: limits.price,
    }),
    ...optional<{ taperFromShare: number; taperToPowerShare: number; phases: 1 | 2 | 3 }>(record, path, {
      taperFromShare: (item, at) => reader.number(item, at, { min: 0, max: 0.99 }),
      taperToPowerShare: (item, at) => reader.number(item, at, share),
      phases: (item, at) => reader.number(item, at, { min: 1, max: 3, integer: true }) as 1 | 2 | 3,
    }),
  };
}

function readPriceSpecification(reader: Reader, value: unknown, path: string): PriceSpecification {
  const record = reader.record(value, path, ['meanEurPerKwh', 'swingEurPerKwh', 'feesEurPerKwh']);
  return {
    meanEurPerKwh: reader.number(record['meanEurPerKwh'], join(path, 'meanEurPerKwh'), price),
    swingEurPerKwh: reader.number(record['swingEurPerKwh'] ?? 0, join(path, 'swingEurPerKwh'), price),
    feesEurPerKwh: reader.number(record['feesEurPerKwh'] ?? 0, join(path, 'feesEurPerKwh'), {
      ...price,
      min: 0,
    }),
  };
}

function readSurprises(
  reader: Reader,
  value: unknown,
  path: string,
  defaults: SurpriseSpecification,
): SurpriseSpecification {
  const record = reader.record(value, path, Object.keys(defaults));
  const events = { min: 0, max: 1000, integer: true };
  return {
    ...defaults,
    ...optional<SurpriseSpecification>(record, path, {
      earlyDepartureShare: (item, at) => reader.number(item, at, share),
      lateArrivalShare: (item, at) => reader.number(item, at, share),
      unannouncedShare: (item, at) => reader.number(item, at, share),
      limitCuts: (item, at) => reader.number(item, at, events),
      limitCutTo: (item, at) => readDistribution(reader, item, at, share),
      priceChanges: (item, at) => reader.number(item, at, events),
    }),
  };
}
