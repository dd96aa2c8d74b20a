import { parseInstant } from '../../model/instant.ts';
import { limits } from '../../model/limits.ts';
import { join, type Reader } from '../../model/reader.ts';

/** The parts of a SpiceEV scenario that are read; times are ms since 1970. */
export interface SpiceEv {
  /** ISO 8601 with offset. */
  readonly start: string;
  readonly stepSeconds: number;
  readonly steps: number;
  readonly connectors: ReadonlyMap<string, SpiceConnector>;
  readonly stations: ReadonlyMap<string, SpiceStation>;
  readonly types: ReadonlyMap<string, SpiceVehicleType>;
  readonly vehicles: ReadonlyMap<string, SpiceVehicle>;
  readonly batteries: readonly string[];
  readonly events: readonly SpiceVehicleEvent[];
  readonly signals: readonly SpiceSignal[];
  readonly loads: readonly SpiceSeries[];
  readonly generation: readonly SpiceSeries[];
}

export interface SpiceConnector {
  readonly maxPowerKw: number | undefined;
  readonly eurPerKwh: number | undefined;
}

export interface SpiceStation {
  readonly maxPowerKw: number;
  readonly minPowerKw: number;
  readonly parent: string;
}

export interface SpiceVehicleType {
  readonly capacityKwh: number;
  /** State of charge in [0, 1] and kW, by rising state of charge. */
  readonly curve: readonly (readonly [number, number])[];
  readonly minChargeKw: number;
  readonly efficiency: number;
  readonly v2g: boolean;
  readonly v2gPowerFactor: number;
  readonly dischargeLimit: number;
}

export interface SpiceVehicle {
  readonly type: string;
  readonly soc: number;
  readonly desiredSoc: number;
  readonly station: string | undefined;
  readonly departureMs: number | undefined;
}

export interface SpiceVehicleEvent {
  readonly type: 'arrival' | 'departure';
  readonly vehicle: string;
  readonly atMs: number;
  readonly signalMs: number;
  readonly station: string | undefined;
  readonly socDelta: number;
  readonly desiredSoc: number | undefined;
  readonly departureMs: number | undefined;
}

export interface SpiceSignal {
  readonly connector: string;
  readonly startMs: number;
  readonly maxPowerKw: number | undefined;
  readonly eurPerKwh: number | undefined;
}

export interface SpiceSeries {
  readonly id: string;
  readonly connector: string;
  readonly startMs: number;
  readonly stepSeconds: number;
  readonly factor: number;
  readonly values: readonly number[] | undefined;
  readonly csv: { readonly file: string; readonly column: string } | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const power = { min: 0, max: limits.powerKw };
const share = { min: 0, max: 1 };

/** Reads the file as SpiceEV does: older names of sections are known as well, unknown properties are passed over. */
export function readSpiceEv(reader: Reader, value: unknown): SpiceEv {
  const file = fields(reader, value, '');
  const scenario = fields(reader, file['scenario'], 'scenario');
  const key = file['components'] === undefined ? 'constants' : 'components';
  const components = fields(reader, file[key], key);
  const events = fields(reader, file['events'] ?? {}, 'events');
  const start = withOffset(reader.text(scenario['start_time'], 'scenario.start_time'));
  const startMs = instant(reader, start, 'scenario.start_time');
  const stepSeconds =
    60 * reader.number(scenario['interval'], 'scenario.interval', { min: 0, aboveMin: true, max: 1440 });
  const section = <T>(name: string, read: (item: Fields, path: string) => T): Map<string, T> =>
    mapped(reader, components[name] ?? {}, `${key}.${name}`, read);
  const series = (now: string, before: string): SpiceSeries[] => {
    const name = events[now] === undefined ? before : now;
    return [
      ...mapped(reader, events[name] ?? {}, `events.${name}`, (item, at) => readSeries(reader, item, at)),
    ].map(([id, each]) => ({ ...each, id }));
  };
  const list = <T>(name: string, read: (item: Fields, path: string) => T): T[] =>
    reader.list(events[name] ?? [], `events.${name}`, (item, at) => read(fields(reader, item, at), at));
  return {
    start,
    stepSeconds,
    steps: stepsOf(reader, scenario, startMs, stepSeconds),
    connectors: section('grid_connectors', (item, at) => ({
      maxPowerKw: maybe(item['max_power'], (each) => reader.number(each, join(at, 'max_power'), power)),
      eurPerKwh: fixedCost(reader, item['cost'], join(at, 'cost')),
    })),
    stations: section('charging_stations', (item, at) => ({
      maxPowerKw: reader.number(item['max_power'], join(at, 'max_power'), power),
      minPowerKw: reader.number(item['min_power'] ?? 0, join(at, 'min_power'), power),
      parent: reader.text(item['parent'], join(at, 'parent')),
    })),
    types: section('vehicle_types', (item, at) => readType(reader, item, at)),
    vehicles: section('vehicles', (item, at) => readVehicle(reader, item, at)),
    batteries: [...section('batteries', () => undefined).keys()],
    events: list('vehicle_events', (item, at) => readVehicleEvent(reader, item, at)).flatMap((event) =>
      event === undefined ? [] : [event],
    ),
    signals: list('grid_operator_signals', (item, at) => readSignal(reader, item, at)),
    loads: series('fixed_load', 'external_load'),
    generation: series('local_generation', 'energy_feed_in'),
  };
}

function stepsOf(reader: Reader, scenario: Fields, startMs: number, stepSeconds: number): number {
  if (scenario['n_intervals'] !== undefined) {
    return reader.number(scenario['n_intervals'], 'scenario.n_intervals', {
      min: 1,
      max: limits.steps,
      integer: true,
    });
  }
  const stopMs = instant(reader, scenario['stop_time'], 'scenario.stop_time');
  const steps = Math.floor((stopMs - startMs) / (stepSeconds * 1000));
  if (steps < 1) reader.fail('scenario.stop_time', 'must be at least one interval after start_time');
  return Math.max(1, steps);
}

function readType(reader: Reader, item: Fields, path: string): SpiceVehicleType {
  const number = (key: string, fallback: number | undefined, rule: object): number =>
    reader.number(item[key] ?? fallback, join(path, key), rule);
  const at = join(path, 'charging_curve');
  const curve = reader
    .list(item['charging_curve'], at, (point, pointPath): readonly [number, number] => {
      const [soc, kw] = reader.list(point, pointPath, (each, eachPath) =>
        reader.number(each, eachPath, power),
      );
      return [soc ?? 0, kw ?? 0];
    })
    .sort((a, b) => a[0] - b[0]);
  if (curve.length < 2 || curve[0]?.[0] !== 0 || curve.at(-1)?.[0] !== 1) {
    reader.fail(at, 'must be points from a state of charge of 0 to one of 1');
  }
  return {
    capacityKwh: number('capacity', undefined, { min: 0, aboveMin: true, max: limits.energyKwh }),
    curve,
    minChargeKw: number('min_charging_power', 0, power),
    efficiency: number('battery_efficiency', 0.95, { min: 0, aboveMin: true, max: 1 }),
    v2g: item['v2g'] === true,
    v2gPowerFactor: number('v2g_power_factor', 0.5, { min: 0, max: 100 }),
    dischargeLimit: number('discharge_limit', 0.5, share),
  };
}

function readVehicle(reader: Reader, item: Fields, path: string): SpiceVehicle {
  return {
    type: reader.text(item['vehicle_type'], join(path, 'vehicle_type')),
    soc: reader.number(item['soc'] ?? 0, join(path, 'soc'), share),
    desiredSoc: reader.number(item['desired_soc'] ?? 0, join(path, 'desired_soc'), share),
    station: maybe(item['connected_charging_station'], (each) =>
      reader.text(each, join(path, 'connected_charging_station')),
    ),
    departureMs: maybe(item['estimated_time_of_departure'], (each) =>
      instant(reader, each, join(path, 'estimated_time_of_departure')),
    ),
  };
}

/** Arrivals and departures; other kinds of event, such as schedules of vehicles, have no counterpart. */
function readVehicleEvent(reader: Reader, item: Fields, path: string): SpiceVehicleEvent | undefined {
  const type = item['event_type'];
  if (type !== 'arrival' && type !== 'departure') return undefined;
  const update = fields(reader, item['update'] ?? {}, join(path, 'update'));
  const at = join(path, 'update');
  return {
    type,
    vehicle: reader.text(item['vehicle_id'], join(path, 'vehicle_id')),
    atMs: instant(reader, item['start_time'], join(path, 'start_time')),
    signalMs: instant(reader, item['signal_time'] ?? item['start_time'], join(path, 'signal_time')),
    station: maybe(update['connected_charging_station'], (each) =>
      reader.text(each, join(at, 'connected_charging_station')),
    ),
    socDelta: reader.number(update['soc_delta'] ?? 0, join(at, 'soc_delta'), { min: -10, max: 1 }),
    desiredSoc: maybe(update['desired_soc'], (each) => reader.number(each, join(at, 'desired_soc'), share)),
    departureMs: maybe(update['estimated_time_of_departure'], (each) =>
      instant(reader, each, join(at, 'estimated_time_of_departure')),
    ),
  };
}

function readSignal(reader: Reader, item: Fields, path: string): SpiceSignal {
  return {
    connector: reader.text(item['grid_connector_id'], join(path, 'grid_connector_id')),
    startMs: instant(reader, item['start_time'], join(path, 'start_time')),
    maxPowerKw: maybe(item['max_power'], (each) => reader.number(each, join(path, 'max_power'), power)),
    eurPerKwh: fixedCost(reader, item['cost'], join(path, 'cost')),
  };
}

function readSeries(reader: Reader, item: Fields, path: string): SpiceSeries {
  const file = item['csv_file'];
  return {
    id: '',
    connector: reader.text(item['grid_connector_id'], join(path, 'grid_connector_id')),
    startMs: instant(reader, item['start_time'], join(path, 'start_time')),
    stepSeconds: reader.number(item['step_duration_s'], join(path, 'step_duration_s'), {
      min: 0,
      aboveMin: true,
      max: 1e7,
    }),
    factor: reader.number(item['factor'] ?? 1, join(path, 'factor'), { min: -1e6, max: 1e6 }),
    values: maybe(item['values'], (each) =>
      reader.list(each, join(path, 'values'), (one, at) => reader.number(one, at)),
    ),
    csv: maybe(file, (each) => ({
      file: reader.text(each, join(path, 'csv_file')),
      column: reader.text(item['column'], join(path, 'column')),
    })),
  };
}

/** `{"type": "fixed", "value": EUR per kWh}`; polynomials of the power have no linear counterpart. */
function fixedCost(reader: Reader, value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const cost = fields(reader, value, path);
  if (Object.keys(cost).length === 0) return undefined;
  reader.oneOf(cost['type'], join(path, 'type'), ['fixed']);
  return reader.number(cost['value'], join(path, 'value'), { min: -limits.price, max: limits.price });
}

function fields(reader: Reader, value: unknown, path: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  return reader.record(value, path, []);
}

function mapped<T>(
  reader: Reader,
  value: unknown,
  path: string,
  read: (item: Fields, path: string) => T,
): Map<string, T> {
  const entries = Object.entries(fields(reader, value, path));
  return new Map(
    entries.map(([id, item]) => [id, read(fields(reader, item, join(path, id)), join(path, id))]),
  );
}

function maybe<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

function instant(reader: Reader, value: unknown, path: string): number {
  const text = reader.text(value, path);
  const ms = parseInstant(withOffset(text));
  if (text !== '' && ms === undefined) {
    reader.fail(path, `must be an instant such as 2025-03-30T18:00:00+01:00, is ${text}`);
  }
  return ms ?? 0;
}

/** Times without an offset are taken as UTC: all of them are, or none, so only what the clock shows is lost. */
function withOffset(text: string): string {
  const joined = text.replace(' ', 'T');
  return /T.*(Z|[+-]\d{2}:\d{2})$/.test(joined) ? joined : `${joined}Z`;
}
