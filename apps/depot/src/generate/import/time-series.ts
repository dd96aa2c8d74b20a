import { isCalendarDay } from '../../model/instant.ts';
import type { Finding } from '../../model/reader.ts';
import { type CsvRow, parseCsv } from './csv.ts';
import { type LocalTime, TimeZone, utcOf } from './time-zone.ts';

/** A value that holds from one instant to another, ms since 1970. */
export interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
  readonly value: number;
}

export type ParsedSeries =
  | { readonly type: 'series'; readonly intervals: readonly Interval[] }
  | { readonly type: 'invalid'; readonly findings: readonly Finding[] };

/** Longest time between two rows, ms; a longer one is a gap. */
const longestMs = 3_600_000;

/**
 * Reads a CSV of timestamps and values. The value is in the column named `column`, or in the second one. A timestamp has an
 * offset or `Z`, or is the wall clock of `zone`; an hour that the clock shows twice is resolved by the order of the rows.
 * Rows are at most an hour apart, each holds until the next one, and the last as long as the one before.
 */
export function parseTimeSeries(
  text: string,
  options: { readonly zone?: string; readonly column?: string; readonly file: string },
): ParsedSeries {
  const findings: Finding[] = [];
  const fail = (line: number | undefined, message: string): void => {
    findings.push({ path: line === undefined ? options.file : `${options.file}:${line}`, message });
  };
  const { separator, rows } = parseCsv(text);
  const zone = openZone(options.zone, (message) => fail(undefined, message));
  const hasHeader = rows[0] !== undefined && parseStamp(rows[0].cells[0] ?? '') === undefined;
  const column = options.column === undefined ? 1 : (rows[0]?.cells.indexOf(options.column) ?? -1);
  if (column < 0) fail(1, `has no column ${options.column}; there are ${rows[0]?.cells.join(', ')}`);
  const points: { line: number; ms: number; value: number }[] = [];
  for (const row of column < 0 ? [] : rows.slice(hasHeader ? 1 : 0)) {
    const value = parseNumber(row.cells[column] ?? '', separator);
    if (value === undefined) fail(row.line, `${row.cells[column] ?? 'nothing'} is not a number`);
    const ms = instantOf(row, zone, points.at(-1)?.ms, (message) => fail(row.line, message));
    if (ms !== undefined && value !== undefined) points.push({ line: row.line, ms, value });
    if (findings.length >= 20) break;
  }
  if (findings.length > 0) return { type: 'invalid', findings };
  if (points.length < 2) {
    fail(undefined, 'must have at least two rows of a timestamp and a number');
    return { type: 'invalid', findings };
  }
  checkSpacing(points, fail);
  if (findings.length > 0) return { type: 'invalid', findings };
  return { type: 'series', intervals: intervalsOf(points) };
}

function intervalsOf(points: readonly { readonly ms: number; readonly value: number }[]): Interval[] {
  return points.map(({ ms, value }, index) => {
    const next = points[index + 1]?.ms ?? ms + (ms - (points[index - 1]?.ms ?? ms));
    return { fromMs: ms, toMs: next, value };
  });
}

function checkSpacing(
  points: readonly { readonly line: number; readonly ms: number }[],
  fail: (line: number, message: string) => void,
): void {
  for (const [index, { line, ms }] of points.entries()) {
    const before = points[index - 1];
    if (before === undefined) continue;
    if (ms <= before.ms) {
      fail(
        line,
        `${iso(ms)} is not after ${iso(before.ms)} in the row before; rows must be in order of time`,
      );
    } else if (ms - before.ms > longestMs) {
      fail(line, `nothing is said about the time from ${iso(before.ms + longestMs)} to ${iso(ms)}`);
    }
  }
}

/**
 * Means over steps of `stepSeconds` from `startMs` on, weighted by time. A finding when the series does not cover a step.
 */
export function resample(
  intervals: readonly Interval[],
  grid: { readonly startMs: number; readonly stepSeconds: number; readonly steps: number },
):
  | { readonly type: 'values'; readonly values: number[] }
  | { readonly type: 'uncovered'; readonly message: string } {
  const values: number[] = [];
  const stepMs = grid.stepSeconds * 1000;
  let position = 0;
  for (let step = 0; step < grid.steps; step++) {
    const from = grid.startMs + step * stepMs;
    const to = from + stepMs;
    let sum = 0;
    let covered = 0;
    while ((intervals[position]?.toMs ?? Number.POSITIVE_INFINITY) <= from) position += 1;
    for (let at = position; (intervals[at]?.fromMs ?? Number.POSITIVE_INFINITY) < to; at++) {
      const interval = intervals[at];
      if (interval === undefined) break;
      const part = Math.min(to, interval.toMs) - Math.max(from, interval.fromMs);
      sum += part * interval.value;
      covered += part;
    }
    if (covered < stepMs - 0.5) {
      const [first, last] = [intervals[0], intervals.at(-1)];
      const message = `covers ${iso(first?.fromMs ?? 0)} to ${iso(last?.toMs ?? 0)}, but the scenario needs ${iso(grid.startMs)} to ${iso(grid.startMs + grid.steps * stepMs)}`;
      return { type: 'uncovered', message };
    }
    values.push(sum / covered);
  }
  return { type: 'values', values };
}

type Stamp =
  | { readonly type: 'instant'; readonly ms: number }
  | { readonly type: 'local'; readonly time: LocalTime };

const isoStamp =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/;
const dottedStamp = /^(\d{2})\.(\d{2})\.(\d{4}) (\d{2}):(\d{2})(?::(\d{2}))?$/;

/** `2025-03-30T00:00+01:00`, `2025-03-30 00:00` or `30.03.2025 00:00`; undefined for anything else. */
function parseStamp(text: string): Stamp | undefined {
  const dotted = dottedStamp.exec(text);
  const iso = isoStamp.exec(text);
  const parts =
    dotted === null ? iso?.slice(1, 7) : [dotted[3], dotted[2], dotted[1], dotted[4], dotted[5], dotted[6]];
  if (parts === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map((part) =>
    Number(part ?? 0),
  );
  const time: LocalTime = [year, month, day, hour, minute, second];
  if (!isCalendarDay(year, month, day) || hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = iso?.[7];
  return offset === undefined
    ? { type: 'local', time }
    : { type: 'instant', ms: utcOf(time) - offsetMs(offset) };
}

function offsetMs(offset: string): number {
  if (offset === 'Z') return 0;
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(-2));
  return (offset.startsWith('-') ? -1 : 1) * minutes * 60_000;
}

function instantOf(
  { cells }: CsvRow,
  zone: TimeZone | undefined,
  beforeMs: number | undefined,
  fail: (message: string) => void,
): number | undefined {
  const text = cells[0] ?? '';
  const stamp = parseStamp(text);
  if (stamp === undefined) {
    fail(
      `${text === '' ? 'nothing' : text} is not a timestamp such as 2025-03-30T00:00+01:00 or 2025-03-30 00:00`,
    );
    return undefined;
  }
  if (stamp.type === 'instant') return stamp.ms;
  if (zone === undefined) {
    fail(`${text} has no offset; name the time zone of the file, such as Europe/Berlin`);
    return undefined;
  }
  const instants = zone.instantsOf(stamp.time);
  if (instants.length === 0) fail(`${text} does not exist in ${zone.name}: clocks are put forward over it`);
  // In the hour that comes twice, the first one that is later than the row before.
  return instants.find((ms) => beforeMs === undefined || ms > beforeMs) ?? instants[0];
}

function openZone(name: string | undefined, fail: (message: string) => void): TimeZone | undefined {
  if (name === undefined) return undefined;
  try {
    return new TimeZone(name);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    fail(`the time zone ${name} is not known; it needs a name such as Europe/Berlin`);
    return undefined;
  }
}

/** With a decimal comma where the separator leaves room for one. */
function parseNumber(text: string, separator: string): number | undefined {
  const plain = separator === ',' ? text : text.replace(',', '.');
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(plain)) return undefined;
  return Number(plain);
}

const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');
