import { limits } from '../../model/limits.ts';
import { parseScenario } from '../../model/parse-scenario.ts';
import { Reader } from '../../model/reader.ts';
import {
  type FixedPower,
  type Prices,
  type Scenario,
  scenarioFormat,
  type TemporaryLimit,
} from '../../model/scenario.ts';
import type { Capacity, Link, Topology, TopologyNode } from '../../model/topology.ts';
import { parseCsv } from './csv.ts';
import { type ImportedScenario, invalid } from './imported.ts';
import { readSpiceEv, type SpiceEv, type SpiceSeries, type SpiceSignal } from './spice-ev-file.ts';
import { spiceStays } from './spice-ev-stays.ts';

export interface SpiceEvOptions {
  readonly name: string;
  /** Only this grid connector, with what hangs on it. */
  readonly connector?: string;
  /** The text of a CSV file that the scenario names; undefined when there is none. */
  readonly readFile: (name: string) => string | undefined;
}

interface Time {
  readonly startMs: number;
  readonly stepSeconds: number;
  readonly steps: number;
}

/**
 * A scenario of SpiceEV: grid connectors become bus bars below one grid connection, charging stations become stations with
 * one EVSE each, pairs of arrival and departure become stays.
 */
export function importSpiceEv(value: unknown, options: SpiceEvOptions): ImportedScenario {
  const reader = new Reader();
  const whole = readSpiceEv(reader, value);
  if (reader.findings.length > 0) return invalid(reader.findings.slice(0, limits.findings));
  if (options.connector !== undefined && !whole.connectors.has(options.connector)) {
    const known = [...whole.connectors.keys()].join(', ');
    return invalid([{ path: '', message: `has no grid connector ${options.connector}; there are ${known}` }]);
  }
  const file = options.connector === undefined ? whole : onlyConnector(whole, options.connector);
  const { stepSeconds, steps } = file;
  const time: Time = { startMs: Date.parse(file.start), stepSeconds, steps };
  const { processes, notes } = spiceStays(file);
  const prices = pricesOf(reader, file, time);
  const limitsOf = limitSignals(file, time);
  const fixedPower = [
    ...file.loads.flatMap((series) => fixed(reader, 'load', series, time, options)),
    ...file.generation.flatMap((series) => fixed(reader, 'pv', series, time, options)),
  ].map((power) => withoutNegative(power, notes));
  if (file.batteries.length > 0)
    notes.push(`Stationary batteries are left out: ${file.batteries.join(', ')}.`);
  const scenario: Scenario = {
    format: scenarioFormat,
    name: options.name,
    start: file.start,
    stepSeconds,
    steps,
    topology: topologyOf(file),
    processes,
    ...(prices === undefined ? {} : { prices }),
    ...(limitsOf.length === 0 ? {} : { limits: limitsOf }),
    ...(fixedPower.length === 0 ? {} : { fixedPower }),
  };
  if (reader.findings.length > 0) return invalid(reader.findings);
  const parsed = parseScenario(scenario);
  return parsed.type === 'valid' ? { type: 'imported', value: scenario, notes } : invalid(parsed.findings);
}

function onlyConnector(file: SpiceEv, connector: string): SpiceEv {
  const stations = new Map([...file.stations].filter(([, { parent }]) => parent === connector));
  const here = <T extends { readonly connector: string }>(items: readonly T[]): T[] =>
    items.filter((item) => item.connector === connector);
  return {
    ...file,
    connectors: new Map([...file.connectors].filter(([id]) => id === connector)),
    stations,
    signals: here(file.signals),
    loads: here(file.loads),
    generation: here(file.generation),
  };
}

const gridId = 'grid';
const evseOf = (station: string): string => `${station}/evse`;

function topologyOf(file: SpiceEv): Topology {
  const both = (kw: number): Capacity => ({ importKw: kw, exportKw: kw });
  const nodes: TopologyNode[] = [{ type: 'grid', id: gridId }];
  const links: Link[] = [];
  for (const [id, { maxPowerKw }] of file.connectors) {
    nodes.push({ type: 'busbar', id, ...(maxPowerKw === undefined ? {} : { capacity: both(maxPowerKw) }) });
    links.push({ from: gridId, to: id });
  }
  for (const [id, { maxPowerKw, parent }] of file.stations) {
    nodes.push({ type: 'station', id, capacity: both(maxPowerKw) });
    nodes.push({ type: 'evse', id: evseOf(id), capacity: both(maxPowerKw), supply: { type: 'dc' } });
    links.push({ from: parent, to: id }, { from: id, to: evseOf(id) });
  }
  return { nodes, links };
}

/** One price holds for the whole depot, as there is one grid connection; connectors that differ are a finding. */
function pricesOf(reader: Reader, file: SpiceEv, time: Time): Prices | undefined {
  const rows = [...file.connectors].map(([id, { eurPerKwh }]) => {
    const changes = file.signals.filter(({ connector }) => connector === id);
    return heldValues(eurPerKwh, changes, ({ eurPerKwh: price }) => price, time);
  });
  const [first, ...others] = rows.filter((row) => row.some((price) => price !== undefined));
  if (first === undefined) return undefined;
  if (others.some((row) => row.some((price, step) => price !== first[step]))) {
    reader.fail(
      'components.grid_connectors',
      `have different prices; import one of them alone (connector): ${[...file.connectors.keys()].join(', ')}`,
    );
  }
  const importEurPerKwh = first.map((price) => price ?? 0);
  // SpiceEV has one price; what is given back is not paid for, so that no arbitrage comes out of an assumption of ours.
  return { importEurPerKwh, exportEurPerKwh: importEurPerKwh.map((price) => Math.min(0, price)) };
}

/** The value in force at the start of each step: that of the latest signal that has one, `initial` before the first. */
function heldValues(
  initial: number | undefined,
  signals: readonly SpiceSignal[],
  read: (signal: SpiceSignal) => number | undefined,
  { startMs, stepSeconds, steps }: Time,
): (number | undefined)[] {
  const changes = signals
    .filter((signal) => read(signal) !== undefined)
    .toSorted((a, b) => a.startMs - b.startMs);
  let current = initial;
  let next = 0;
  return Array.from({ length: steps }, (_, step) => {
    const now = startMs + step * stepSeconds * 1000;
    for (
      let change = changes[next];
      change !== undefined && change.startMs <= now;
      change = changes[++next]
    ) {
      current = read(change);
    }
    return current;
  });
}

/** Each `max_power` of a signal holds until the next one of the same connector. */
function limitSignals(file: SpiceEv, { startMs, stepSeconds, steps }: Time): TemporaryLimit[] {
  const endS = steps * stepSeconds;
  return [...file.connectors.keys()].flatMap((connector) => {
    const signals = file.signals
      .filter((signal) => signal.connector === connector && signal.maxPowerKw !== undefined)
      .toSorted((a, b) => a.startMs - b.startMs);
    return signals.flatMap(({ startMs: fromMs, maxPowerKw }, index): TemporaryLimit[] => {
      const fromS = (fromMs - startMs) / 1000;
      const until = signals[index + 1]?.startMs;
      const toS = until === undefined ? endS : (until - startMs) / 1000;
      return toS > fromS && maxPowerKw !== undefined
        ? [{ node: connector, fromS, toS, importKw: maxPowerKw }]
        : [];
    });
  });
}

/** A series of values, each of which holds for its own step; before and after the series nothing flows. */
function fixed(
  reader: Reader,
  type: FixedPower['type'],
  series: SpiceSeries,
  { startMs, stepSeconds, steps }: Time,
  { readFile }: SpiceEvOptions,
): FixedPower[] {
  const values = series.values ?? csvColumn(reader, series, readFile);
  const at = (ms: number): number => {
    const position = Math.floor((ms - series.startMs) / (series.stepSeconds * 1000));
    return (values[position] ?? 0) * series.factor;
  };
  const kw = Array.from({ length: steps }, (_, step) => at(startMs + step * stepSeconds * 1000));
  return [{ type, id: series.id, node: series.connector, kw }];
}

/** What a meter of generation shows below 0 at night counts as 0; a load below 0 would be generation, and is refused. */
function withoutNegative(power: FixedPower, notes: string[]): FixedPower {
  const below = power.kw.filter((kw) => kw < 0).length;
  if (power.type === 'load' || below === 0) return power;
  notes.push(`${power.id}: ${below} steps below 0 kW are taken as 0.`);
  return { ...power, kw: power.kw.map((kw) => Math.max(0, kw)) };
}

function csvColumn(
  reader: Reader,
  { id, csv }: SpiceSeries,
  readFile: SpiceEvOptions['readFile'],
): readonly number[] {
  const text = csv === undefined ? undefined : readFile(csv.file);
  if (csv === undefined || text === undefined) {
    reader.fail(`events.${id}`, `needs the file ${csv?.file}, which was not found beside the scenario`);
    return [];
  }
  const [header, ...rows] = parseCsv(text).rows;
  const column = header?.cells.indexOf(csv.column) ?? -1;
  if (column < 0) {
    reader.fail(csv.file, `has no column ${csv.column}; there are ${header?.cells.join(', ')}`);
    return [];
  }
  return rows.map(({ cells, line }) => {
    const text = cells[column] ?? '';
    const value = text === '' ? Number.NaN : Number(text);
    if (Number.isNaN(value)) reader.fail(`${csv.file}:${line}`, `${text} is not a number`);
    return value;
  });
}
