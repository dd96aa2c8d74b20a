import { compileNetwork } from '../topology/network.ts';
import { validateTopology } from '../topology/validate.ts';
import { parseInstant } from './instant.ts';
import { limits } from './limits.ts';
import type { ChargingProcess } from './needs.ts';
import { checkPromisedPower } from './promised-power.ts';
import { checkOrder, readNeeds, readProcess } from './read-process.ts';
import { readTopology } from './read-topology.ts';
import { type Finding, join, optional, Reader } from './reader.ts';
import {
  type FixedPower,
  type Prices,
  type Scenario,
  type ScenarioEvent,
  scenarioFormat,
  type TemporaryLimit,
} from './scenario.ts';

export type ParsedScenario =
  | { readonly type: 'valid'; readonly scenario: Scenario }
  | { readonly type: 'invalid'; readonly findings: readonly Finding[] };

/** The gateway: checks all that a scenario promises. Later code relies on it and does not check again. */
export function parseScenario(value: unknown): ParsedScenario {
  const reader = new Reader();
  const scenario = readScenario(reader, value);
  if (reader.findings.length === 0) checkScenario(reader, scenario);
  if (reader.findings.length === 0)
    reader.findings.push(...checkPromisedPower(scenario, compileNetwork(scenario.topology)));
  return reader.findings.length === 0
    ? { type: 'valid', scenario }
    : { type: 'invalid', findings: shortened(reader.findings) };
}

/** One line for each finding. */
export function describeFindings(findings: readonly Finding[]): string {
  return findings.map(({ path, message }) => `${path === '' ? 'scenario' : path}: ${message}`).join('\n');
}

function shortened(findings: readonly Finding[]): readonly Finding[] {
  const left = findings.length - limits.findings;
  if (left <= 0) return findings;
  return [...findings.slice(0, limits.findings), { path: '', message: `and ${left} more of this kind` }];
}

function readScenario(reader: Reader, value: unknown): Scenario {
  const record = reader.record(value, '', [
    'format',
    'name',
    'start',
    'stepSeconds',
    'steps',
    'topology',
    'processes',
    'prices',
    'fixedPower',
    'limits',
    'events',
  ]);
  const stepSeconds = reader.number(record['stepSeconds'], 'stepSeconds', limits.stepSeconds);
  const steps = reader.number(record['steps'], 'steps', { min: 1, max: limits.steps, integer: true });
  return {
    format: reader.oneOf(record['format'], 'format', [scenarioFormat]),
    name: reader.text(record['name'], 'name'),
    start: readInstant(reader, record['start'], 'start'),
    stepSeconds,
    steps,
    topology: readTopology(reader, record['topology'], 'topology'),
    processes: reader.list(record['processes'], 'processes', (item, at) => readProcess(reader, item, at)),
    ...optional<{
      prices: Prices;
      fixedPower: FixedPower[];
      limits: TemporaryLimit[];
      events: ScenarioEvent[];
    }>(record, '', {
      prices: (item, at) => readPrices(reader, item, at, steps),
      fixedPower: (list, path) =>
        reader.list(list, path, (item, at) => readFixedPower(reader, item, at, steps)),
      limits: (list, path) => reader.list(list, path, (item, at) => readLimit(reader, item, at)),
      events: (list, path) => reader.list(list, path, (item, at) => readEvent(reader, item, at, steps)),
    }),
  };
}

function readInstant(reader: Reader, value: unknown, path: string): string {
  const text = reader.text(value, path);
  if (text !== '' && parseInstant(text) === undefined) {
    reader.fail(path, `must be an instant such as 2025-03-30T18:00:00+01:00, is ${text}`);
  }
  return text;
}

function readPrices(reader: Reader, value: unknown, path: string, steps: number): Prices {
  const record = reader.record(value, path, ['importEurPerKwh', 'exportEurPerKwh']);
  const rule = { min: -limits.price, max: limits.price };
  const series = (key: string) => reader.series(record[key], join(path, key), steps, rule);
  const prices = { importEurPerKwh: series('importEurPerKwh'), exportEurPerKwh: series('exportEurPerKwh') };
  const arbitrage = prices.importEurPerKwh.findIndex(
    (price, t) => price < (prices.exportEurPerKwh[t] ?? price),
  );
  if (arbitrage >= 0) {
    // Importing and exporting at once would earn money without end, and make every plan unbounded.
    reader.fail(
      `${path}.exportEurPerKwh[${arbitrage}]`,
      'must be at most the price of import in the same step',
    );
  }
  return prices;
}

function readFixedPower(reader: Reader, value: unknown, path: string, steps: number): FixedPower {
  const record = reader.record(value, path, ['type', 'id', 'node', 'kw']);
  return {
    type: reader.oneOf(record['type'], join(path, 'type'), ['load', 'pv']),
    id: reader.text(record['id'], join(path, 'id')),
    node: reader.text(record['node'], join(path, 'node')),
    kw: reader.series(record['kw'], join(path, 'kw'), steps, { min: 0, max: limits.powerKw }),
  };
}

function readLimit(reader: Reader, value: unknown, path: string): TemporaryLimit {
  const record = reader.record(value, path, ['node', 'fromS', 'toS', 'importKw', 'exportKw']);
  const kw = (item: unknown, at: string) => reader.number(item, at, { min: 0, max: limits.powerKw });
  const fromS = reader.number(record['fromS'], join(path, 'fromS'));
  const toS = reader.number(record['toS'], join(path, 'toS'));
  if (toS <= fromS) reader.fail(join(path, 'toS'), `must be after fromS ${fromS}, is ${toS}`);
  return {
    node: reader.text(record['node'], join(path, 'node')),
    fromS,
    toS,
    ...optional<{ importKw: number; exportKw: number }>(record, path, { importKw: kw, exportKw: kw }),
  };
}

function readEvent(reader: Reader, value: unknown, path: string, steps: number): ScenarioEvent {
  const content = typeof value === 'object' && value !== null ? value : {};
  const type = reader.oneOf(Reflect.get(content, 'type'), join(path, 'type'), [
    'arrival',
    'departure',
    'needs',
    'limit',
    'prices',
  ]);
  const about = {
    arrival: ['process'],
    departure: ['process'],
    needs: ['process', 'needs'],
    limit: ['limit'],
    prices: ['prices'],
  };
  const record = reader.record(value, path, ['type', 'atS', ...about[type]]);
  const atS = reader.number(record['atS'], join(path, 'atS'));
  const process = () => reader.text(record['process'], join(path, 'process'));
  switch (type) {
    case 'arrival':
    case 'departure':
      return { type, atS, process: process() };
    case 'needs':
      return {
        type,
        atS,
        process: process(),
        needs: readNeeds(reader, record['needs'], join(path, 'needs')),
      };
    case 'limit':
      return { type, atS, limit: readLimit(reader, record['limit'], join(path, 'limit')) };
    case 'prices':
      return { type, atS, prices: readPrices(reader, record['prices'], join(path, 'prices'), steps) };
  }
}

/** What can only be seen when all parts have been read: sizes, names that must be known or unique, stays that overlap. */
function checkScenario(reader: Reader, scenario: Scenario): void {
  const { processes, topology, steps } = scenario;
  if (topology.nodes.length > limits.nodes) reader.fail('topology.nodes', `are more than ${limits.nodes}`);
  if (processes.length > limits.processes) reader.fail('processes', `are more than ${limits.processes}`);
  if (processes.length * steps > limits.cells) {
    reader.fail(
      'steps',
      `times processes is more than ${limits.cells}; take longer steps or divide the depot`,
    );
  }
  if (reader.findings.length > 0) return;
  reader.findings.push(...validateTopology(topology));
  const types = new Map(topology.nodes.map((node) => [node.id, node.type]));
  const byId = new Map<string, ChargingProcess>();
  for (const [index, process] of processes.entries()) {
    const path = `processes[${index}]`;
    if (byId.has(process.id)) reader.fail(`${path}.id`, `${process.id} is the id of another process as well`);
    byId.set(process.id, process);
    const type = types.get(process.evse);
    if (type === undefined) reader.fail(`${path}.evse`, `names the unknown node ${process.evse}`);
    else if (type !== 'evse')
      reader.fail(`${path}.evse`, `must be an EVSE, ${process.evse} is of type ${type}`);
  }
  checkOverlaps(reader, processes);
  const known = (node: string, path: string, mayBeEvse: boolean) => {
    const type = types.get(node);
    if (type === undefined) reader.fail(path, `names the unknown node ${node}`);
    else if (type === 'evse' && !mayBeEvse)
      reader.fail(path, `is the EVSE ${node}, which feeds only vehicles`);
  };
  for (const [index, power] of (scenario.fixedPower ?? []).entries())
    known(power.node, `fixedPower[${index}].node`, false);
  for (const [index, limit] of (scenario.limits ?? []).entries())
    known(limit.node, `limits[${index}].node`, true);
  const endS = steps * scenario.stepSeconds;
  for (const [index, event] of (scenario.events ?? []).entries()) {
    if (event.atS < 0 || event.atS > endS) {
      reader.fail(
        `events[${index}].atS`,
        `must lie inside of the scenario, from 0 to ${endS}, is ${event.atS}; it would never happen`,
      );
    }
    if (event.type === 'limit') known(event.limit.node, `events[${index}].limit.node`, true);
    if (event.type === 'limit' || event.type === 'prices') continue;
    const process = byId.get(event.process);
    if (process === undefined)
      reader.fail(`events[${index}].process`, `names the unknown process ${event.process}`);
    else if (event.type === 'needs') checkOrder(reader, event.needs, `events[${index}].needs`);
  }
}

function checkOverlaps(reader: Reader, processes: readonly ChargingProcess[]): void {
  const byEvse = new Map<string, { readonly process: ChargingProcess; readonly index: number }[]>();
  for (const [index, process] of processes.entries()) {
    const list = byEvse.get(process.evse) ?? [];
    list.push({ process, index });
    byEvse.set(process.evse, list);
  }
  for (const [evse, stays] of byEvse) {
    stays.sort((a, b) => a.process.arrivalS - b.process.arrivalS);
    for (const [position, { process, index }] of stays.entries()) {
      const before = stays[position - 1]?.process;
      if (before === undefined || before.departureS <= process.arrivalS) continue;
      reader.fail(
        `processes[${index}].arrivalS`,
        `${process.id} arrives at ${evse} at ${process.arrivalS}, while ${before.id} stays until ${before.departureS}`,
      );
    }
  }
}
