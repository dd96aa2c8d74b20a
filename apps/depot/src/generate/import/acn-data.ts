import { parseInstant } from '../../model/instant.ts';
import { limits } from '../../model/limits.ts';
import type { ChargingProcess } from '../../model/needs.ts';
import { parseScenario } from '../../model/parse-scenario.ts';
import { join, Reader } from '../../model/reader.ts';
import { type Scenario, type ScenarioEvent, scenarioFormat } from '../../model/scenario.ts';
import type { Link, TopologyNode } from '../../model/topology.ts';
import { type ImportedScenario, invalid } from './imported.ts';

export interface AcnOptions {
  readonly name: string;
  /** Instant of step 0; midnight UTC of the first session's day if left out. */
  readonly start?: string;
  readonly stepSeconds: number;
  readonly steps: number;
  /** Power of one EVSE; 6.656 kW (32 A at 208 V) at the sites that the data come from. */
  readonly evseKw: number;
  /** Limit of the whole site; unlimited if left out. */
  readonly gridKw?: number;
  /** Whether drivers leave as they said (`requestedDeparture`) in plans, and as they did in events. */
  readonly departure: 'actual' | 'requested';
  /** Whether a stay is known from the start or only when the driver plugs in. */
  readonly announced: 'ahead' | 'at arrival';
}

interface Session {
  readonly id: string;
  readonly station: string;
  readonly arrivalMs: number;
  readonly departureMs: number;
  readonly requestedDepartureMs: number | undefined;
  readonly kwh: number;
}

/**
 * Sessions as ACN-Data gives them (`{"_items": [...]}`, or the list alone) as a scenario: one EVSE for each `stationID`. The
 * data do not tell the battery; it is taken to be empty at arrival and as large as the energy asked for (`kWhRequested`,
 * else `kWhDelivered`). Sessions that are not wholly inside of the scenario are left out.
 */
export function importAcnData(value: unknown, options: AcnOptions): ImportedScenario {
  const reader = new Reader();
  const wrapped = typeof value === 'object' && value !== null && '_items' in value;
  const items = wrapped ? value._items : value;
  const sessions = reader.list(items, wrapped ? '_items' : '', (item, at) => readSession(reader, item, at));
  if (reader.findings.length > 0) return invalid(reader.findings.slice(0, limits.findings));
  const [first] = sessions.toSorted((a, b) => a.arrivalMs - b.arrivalMs);
  if (first === undefined) return invalid([{ path: '', message: 'has no sessions' }]);
  const start = options.start ?? `${new Date(first.arrivalMs).toISOString().slice(0, 10)}T00:00:00Z`;
  const startMs = Date.parse(start);
  const endMs = startMs + options.steps * options.stepSeconds * 1000;
  const inside = sessions.filter(
    ({ arrivalMs, departureMs }) => arrivalMs >= startMs && departureMs <= endMs,
  );
  const notes: string[] = [];
  if (inside.length < sessions.length) {
    notes.push(
      `${sessions.length - inside.length} of ${sessions.length} sessions are not wholly inside of the scenario and left out.`,
    );
  }
  const built = buildScenario(inside, start, startMs, options);
  const parsed = parseScenario(built);
  return parsed.type === 'valid' ? { type: 'imported', value: built, notes } : invalid(parsed.findings);
}

function buildScenario(
  sessions: readonly Session[],
  start: string,
  startMs: number,
  options: AcnOptions,
): Scenario {
  const seconds = (ms: number): number => Math.round((ms - startMs) / 1000);
  const events: ScenarioEvent[] = [];
  const processes = sessions.map((session): ChargingProcess => {
    const arrivalS = seconds(session.arrivalMs);
    const leftS = seconds(session.departureMs);
    const departureS =
      options.departure === 'actual' ? leftS : announcedDeparture(session, sessions, seconds);
    if (departureS !== leftS) events.push({ type: 'departure', atS: leftS, process: session.id });
    return {
      id: session.id,
      evse: evseOf(session.station),
      arrivalS,
      departureS,
      presentEnergyKwh: 0,
      battery: { capacityKwh: session.kwh },
      needs: {
        targetEnergyRequestKwh: session.kwh,
        minimumEnergyRequestKwh: 0,
        maximumEnergyRequestKwh: session.kwh,
        maximumChargeKw: options.evseKw,
      },
      ...(options.announced === 'ahead' ? {} : { announcedS: arrivalS }),
    };
  });
  const stations = [...new Set(sessions.map(({ station }) => station))].sort();
  const capacity = { importKw: options.evseKw, exportKw: 0 };
  const nodes: TopologyNode[] = [
    {
      type: 'grid',
      id: 'grid',
      ...(options.gridKw === undefined ? {} : { capacity: { importKw: options.gridKw, exportKw: 0 } }),
    },
    ...stations.flatMap((station): TopologyNode[] => [
      { type: 'station', id: station, capacity },
      { type: 'evse', id: evseOf(station), capacity },
    ]),
  ];
  const links: Link[] = stations.flatMap((station) => [
    { from: 'grid', to: station },
    { from: station, to: evseOf(station) },
  ]);
  return {
    format: scenarioFormat,
    name: options.name,
    start,
    stepSeconds: options.stepSeconds,
    steps: options.steps,
    topology: { nodes, links },
    processes,
    ...(events.length === 0 ? {} : { events: events.sort((a, b) => a.atS - b.atS) }),
  };
}

const evseOf = (station: string): string => `${station}/evse`;

/** What the driver said, but not beyond the next session at the same station, which could not have been otherwise. */
function announcedDeparture(
  session: Session,
  sessions: readonly Session[],
  seconds: (ms: number) => number,
): number {
  const next = sessions
    .filter(({ station, arrivalMs }) => station === session.station && arrivalMs > session.arrivalMs)
    .reduce((earliest, { arrivalMs }) => Math.min(earliest, arrivalMs), Number.POSITIVE_INFINITY);
  const said = session.requestedDepartureMs ?? session.departureMs;
  return seconds(said <= session.arrivalMs ? session.departureMs : Math.min(said, next));
}

function readSession(reader: Reader, value: unknown, path: string): Session {
  // The data carry many more properties than are of use here, so unknown ones are no findings.
  const record: Record<string, unknown> =
    typeof value === 'object' && value !== null ? { ...value } : reader.record(value, path, []);
  const arrivalMs = readTime(reader, record['connectionTime'], join(path, 'connectionTime'));
  const departureMs = readTime(reader, record['disconnectTime'], join(path, 'disconnectTime'));
  if (departureMs <= arrivalMs) reader.fail(join(path, 'disconnectTime'), 'must be after connectionTime');
  const delivered = reader.number(record['kWhDelivered'], join(path, 'kWhDelivered'), energy);
  // A driver may change his mind: the last input counts.
  const inputs = Array.isArray(record['userInputs']) ? record['userInputs'] : [];
  const last: unknown = inputs.at(-1);
  const input: Record<string, unknown> = typeof last === 'object' && last !== null ? { ...last } : {};
  const inputPath = `${path}.userInputs[${inputs.length - 1}]`;
  const requested = input['kWhRequested'];
  const requestedDeparture = input['requestedDeparture'];
  return {
    id: reader.text(record['sessionID'], join(path, 'sessionID')),
    station: reader.text(record['stationID'], join(path, 'stationID')),
    arrivalMs,
    departureMs,
    requestedDepartureMs:
      typeof requestedDeparture === 'string'
        ? readTime(reader, requestedDeparture, join(inputPath, 'requestedDeparture'))
        : undefined,
    kwh:
      typeof requested === 'number'
        ? reader.number(requested, join(inputPath, 'kWhRequested'), energy)
        : delivered,
  };
}

const energy = { min: 0, aboveMin: true, max: limits.energyKwh };

/** `Wed, 25 Apr 2018 11:08:04 GMT` (RFC 1123), or ISO 8601 with an offset. */
function readTime(reader: Reader, value: unknown, path: string): number {
  const text = reader.text(value, path);
  const ms = parseInstant(asIso(text));
  if (text !== '' && ms === undefined) {
    reader.fail(path, `must be a time such as Wed, 25 Apr 2018 11:08:04 GMT, is ${text}`);
  }
  return ms ?? 0;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function asIso(text: string): string {
  const [, day, name = '', year, time] =
    /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}:\d{2}:\d{2}) GMT$/.exec(text) ?? [];
  if (day === undefined) return text.replace(/([+-]\d{2})(\d{2})$/, '$1:$2');
  return `${year}-${String(months.indexOf(name) + 1).padStart(2, '0')}-${day}T${time}Z`;
}
