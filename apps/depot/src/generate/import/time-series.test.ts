import { describe, expect, it } from 'vitest';
import { importPrices, importPv } from './prices.ts';
import { type Interval, parseTimeSeries, resample } from './time-series.ts';

const zone = 'Europe/Berlin';

function intervals(text: string, options: { zone?: string; column?: string } = {}): readonly Interval[] {
  const parsed = parseTimeSeries(text, { file: 'x.csv', ...options });
  if (parsed.type === 'invalid') throw new Error(JSON.stringify(parsed.findings));
  return parsed.intervals;
}

function findings(text: string, options: { zone?: string; column?: string } = {}): string[] {
  const parsed = parseTimeSeries(text, { file: 'x.csv', ...options });
  return parsed.type === 'invalid' ? parsed.findings.map(({ path, message }) => `${path} ${message}`) : [];
}

/** One row for each reading of the local clock, the value counts the rows. */
function localDay(date: string, clock: readonly string[]): string {
  return ['time,value', ...clock.map((time, row) => `${date} ${time},${row}`)].join('\n');
}

const hours = (list: readonly number[], minutes: readonly string[]): string[] =>
  list.flatMap((hour) => minutes.map((minute) => `${String(hour).padStart(2, '0')}:${minute}`));

const upTo = (end: number, without: readonly number[] = []): number[] =>
  Array.from({ length: end }, (_, hour) => hour).filter((hour) => !without.includes(hour));

describe('days of 23 and 25 hours', () => {
  it.each([
    ['hourly', ['00'], 3600],
    ['quarter-hourly', ['00', '15', '30', '45'], 900],
  ])('spring leaves an hour out, %s', (_name, minutes, seconds) => {
    const rows = intervals(localDay('2025-03-30', hours(upTo(24, [2]), minutes)), { zone });
    expect(rows).toHaveLength(23 * minutes.length);
    expect(new Set(rows.map(({ fromMs, toMs }) => toMs - fromMs))).toEqual(new Set([seconds * 1000]));
    expect(rows[0]?.fromMs).toBe(Date.parse('2025-03-29T23:00Z'));
    expect(rows.at(-1)?.toMs).toBe(Date.parse('2025-03-30T22:00Z'));
  });

  it.each([
    ['hourly', ['00'], 3600],
    ['quarter-hourly', ['00', '15', '30', '45'], 900],
  ])('autumn has an hour twice, told apart by the order of rows, %s', (_name, minutes, seconds) => {
    const clock = hours([0, 1, 2, 2, ...upTo(24, [0, 1, 2])], minutes);
    const rows = intervals(localDay('2025-10-26', clock), { zone });
    expect(rows).toHaveLength(25 * minutes.length);
    expect(new Set(rows.map(({ fromMs, toMs }) => toMs - fromMs))).toEqual(new Set([seconds * 1000]));
    expect(rows[0]?.fromMs).toBe(Date.parse('2025-10-25T22:00Z'));
    expect(rows.at(-1)?.toMs).toBe(Date.parse('2025-10-26T23:00Z'));
  });

  it('refuses a clock reading that spring leaves out', () => {
    const text = localDay('2025-03-30', hours(upTo(4), ['00']));
    expect(findings(text, { zone })).toEqual([
      'x.csv:4 2025-03-30 02:00 does not exist in Europe/Berlin: clocks are put forward over it',
    ]);
  });

  it('sees that the second of two hours is missing', () => {
    const text = localDay('2025-10-26', hours(upTo(5), ['00']));
    expect(findings(text, { zone })).toEqual([
      'x.csv:5 nothing is said about the time from 2025-10-26T01:00:00Z to 2025-10-26T02:00:00Z',
    ]);
  });
});

describe('forms of CSV', () => {
  it('takes offsets, Z, dotted dates, decimal commas, tabs, quotes and a byte order mark', () => {
    const expected = [
      { fromMs: Date.parse('2025-01-01T00:00Z'), toMs: Date.parse('2025-01-01T01:00Z'), value: 1.5 },
      { fromMs: Date.parse('2025-01-01T01:00Z'), toMs: Date.parse('2025-01-01T02:00Z'), value: -2 },
    ];
    for (const text of [
      '2025-01-01T00:00Z,1.5\n2025-01-01T01:00Z,-2\n',
      'time,EUR/MWh\r\n2025-01-01T01:00+01:00,1.5\r\n2025-01-01T02:00:00+01:00,-2\r\n',
      '\uFEFFZeit;Preis\n01.01.2025 01:00;1,5\n01.01.2025 02:00;-2,0\n',
      'a\tb\n2025-01-01 01:00:00\t1.5\n\n2025-01-01 02:00:00\t-2e0',
      '"time","value"\n"2025-01-01 01:00","1.5"\n"2025-01-01 02:00","-2"\n',
    ]) {
      expect(intervals(text, { zone })).toEqual(expected);
    }
  });

  it('reads the column with the given header', () => {
    const text = 'time,volume,price\n2025-01-01T00:00Z,7,1\n2025-01-01T01:00Z,8,2\n';
    expect(intervals(text, { column: 'price' }).map(({ value }) => value)).toEqual([1, 2]);
    expect(findings(text, { column: 'prize' })).toEqual([
      'x.csv:1 has no column prize; there are time, volume, price',
    ]);
  });

  it.each([
    ['', 'at least two rows'],
    ['2025-01-01T00:00Z,1', 'at least two rows'],
    ['2025-01-01 00:00,1\n2025-01-01 01:00,2', 'has no offset; name the time zone'],
    ['2025-01-01T00:00Z,1\nnonsense,2', 'x.csv:2 nonsense is not a timestamp'],
    ['2025-01-01T00:00Z,1\n2025-02-30T00:00Z,2', 'x.csv:2 2025-02-30T00:00Z is not a timestamp'],
    ['2025-01-01T00:00Z,1\n2025-01-01T01:00Z,NaN', 'x.csv:2 NaN is not a number'],
    ['2025-01-01T00:00Z,1\n2025-01-01T01:00Z', 'x.csv:2 nothing is not a number'],
    ['2025-01-01T01:00Z,1\n2025-01-01T00:00Z,2', 'rows must be in order of time'],
    ['2025-01-01T00:00Z,1\n2025-01-01T03:00Z,2', 'nothing is said about the time'],
  ])('refuses %j', (text, message) => {
    expect(findings(text).join()).toContain(message);
  });

  it('refuses a time zone that nobody knows', () => {
    expect(findings('2025-01-01 00:00,1\n2025-01-01 01:00,2', { zone: 'Mars/Olympus' }).join()).toContain(
      'Mars/Olympus is not known',
    );
  });
});

describe('resampling', () => {
  const series = intervals('2025-01-01T00:00Z,10\n2025-01-01T01:00Z,20\n2025-01-01T01:15Z,40\n');

  it('takes means weighted by time', () => {
    const grid = { startMs: Date.parse('2025-01-01T00:30Z'), stepSeconds: 1800, steps: 2 };
    expect(resample(series, grid)).toEqual({ type: 'values', values: [10, 30] });
  });

  it('says what is covered when a step is not', () => {
    const grid = { startMs: Date.parse('2025-01-01T01:00Z'), stepSeconds: 1800, steps: 2 };
    expect(resample(series, grid)).toEqual({
      type: 'uncovered',
      message:
        'covers 2025-01-01T00:00:00Z to 2025-01-01T01:30:00Z, but the scenario needs 2025-01-01T01:00:00Z to 2025-01-01T02:00:00Z',
    });
  });
});

describe('prices and PV', () => {
  const scenario = { start: '2025-01-01T00:00:00Z', stepSeconds: 1800, steps: 2 };

  it('turns EUR/MWh into EUR/kWh; fees are paid for import only', () => {
    const text = '2025-01-01T00:00Z,-50\n2025-01-01T00:30Z,100\n';
    const imported = importPrices({ text, file: 'p.csv' }, scenario, 0.1);
    if (imported.type !== 'imported') throw new Error('refused');
    expect(imported.value.exportEurPerKwh).toEqual([-0.05, 0.1]);
    expect(imported.value.importEurPerKwh.map((price) => price.toFixed(3))).toEqual(['0.050', '0.200']);
  });

  it('sees prices that cannot be EUR/MWh', () => {
    const text = '2025-01-01T00:00Z,2e6\n2025-01-01T00:30Z,1\n';
    expect(importPrices({ text, file: 'p.csv' }, scenario, 0)).toMatchObject({ type: 'invalid' });
  });

  it('takes what PV meters show below 0 as 0, and says so', () => {
    const text = '2025-01-01T00:00Z,-0.2\n2025-01-01T00:30Z,5\n';
    expect(importPv({ text, file: 'pv.csv' }, scenario)).toEqual({
      type: 'imported',
      value: [0, 5],
      notes: ['pv.csv: 1 steps below 0 kW are taken as 0.'],
    });
  });
});
