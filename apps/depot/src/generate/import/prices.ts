import { limits } from '../../model/limits.ts';
import type { Prices, Scenario } from '../../model/scenario.ts';
import { type Imported, invalid } from './imported.ts';
import { parseTimeSeries, resample } from './time-series.ts';

export interface SeriesFile {
  readonly text: string;
  /** For messages. */
  readonly file: string;
  /** IANA time zone of timestamps without an offset. */
  readonly zone?: string;
  /** Header of the column to read; the second one if left out. */
  readonly column?: string;
}

/**
 * Day-ahead prices, EUR/MWh, hourly or quarter-hourly, as prices of a scenario. What is exported earns the market's price;
 * what is imported costs `feesEurPerKwh` on top.
 */
export function importPrices(
  source: SeriesFile,
  scenario: Pick<Scenario, 'start' | 'stepSeconds' | 'steps'>,
  feesEurPerKwh: number,
): Imported<Prices> {
  const read = seriesFor(source, scenario);
  if (read.type === 'invalid') return read;
  const market = read.value.map((eurPerMwh) => eurPerMwh / 1000);
  const extreme = market.findIndex((price) => Math.abs(price) + feesEurPerKwh > limits.price);
  if (extreme >= 0) {
    const message = `${market[extreme]} EUR/kWh in step ${extreme} is beyond ${limits.price}; the file must hold EUR/MWh`;
    return invalid([{ path: source.file, message }]);
  }
  const prices = { importEurPerKwh: market.map((price) => price + feesEurPerKwh), exportEurPerKwh: market };
  return { type: 'imported', value: prices, notes: [] };
}

/** Power of a PV plant, kW, for the steps of a scenario. What night measurements show below 0 counts as 0. */
export function importPv(
  source: SeriesFile,
  scenario: Pick<Scenario, 'start' | 'stepSeconds' | 'steps'>,
): Imported<number[]> {
  const read = seriesFor(source, scenario);
  if (read.type === 'invalid') return read;
  const below = read.value.filter((kw) => kw < 0).length;
  const notes = below === 0 ? [] : [`${source.file}: ${below} steps below 0 kW are taken as 0.`];
  return { type: 'imported', value: read.value.map((kw) => Math.max(0, kw)), notes };
}

function seriesFor(
  source: SeriesFile,
  { start, stepSeconds, steps }: Pick<Scenario, 'start' | 'stepSeconds' | 'steps'>,
): Imported<number[]> {
  const parsed = parseTimeSeries(source.text, source);
  if (parsed.type === 'invalid') return parsed;
  const sampled = resample(parsed.intervals, { startMs: Date.parse(start), stepSeconds, steps });
  if (sampled.type === 'uncovered') return invalid([{ path: source.file, message: sampled.message }]);
  return { type: 'imported', value: sampled.values, notes: [] };
}
