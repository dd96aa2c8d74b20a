import { InvalidArgumentError } from 'commander';
import { isStrategyName, type StrategyName, strategies } from '../strategies/registry.ts';

/** Parsers of option values for commander; what is wrong becomes a usage error. */

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}

export function decimal(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a number from ${min} to ${max}.`);
    }
    return value;
  };
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** `30s`, `5m`, `1.5h`; seconds, above 0. */
export function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(s|m|h)$/.exec(text);
  const seconds = Number(match?.[1]) * (unitSeconds[match?.[2] ?? ''] ?? Number.NaN);
  if (!(seconds > 0)) throw new InvalidArgumentError('It must be a duration such as 30s, 5m or 1h.');
  return seconds;
}

export type Replan =
  | { readonly type: 'never' | 'events' }
  | { readonly type: 'every'; readonly seconds: number };

export function replanPolicy(text: string): Replan {
  if (text === 'never' || text === 'events') return { type: text };
  try {
    return { type: 'every', seconds: duration(text) };
  } catch {
    throw new InvalidArgumentError('It must be a duration such as 5m, or "events", or "never".');
  }
}

export const strategyNames = Object.keys(strategies).filter(isStrategyName);

export function strategyName(text: string): StrategyName {
  if (!isStrategyName(text)) throw new InvalidArgumentError(`It must be one of ${strategyNames.join(', ')}.`);
  return text;
}

export function strategyList(text: string): StrategyName[] {
  return text.split(',').map((name) => strategyName(name.trim()));
}

export interface ClockSwitch {
  /** `12:00` */
  readonly clock: string;
  readonly name: StrategyName;
}

/** `12:00=priority`, added to those before it. */
export function clockSwitch(text: string, before: readonly ClockSwitch[]): ClockSwitch[] {
  const [, clock, name] = /^((?:[01]\d|2[0-3]):[0-5]\d)=(.*)$/.exec(text) ?? [];
  if (clock === undefined || name === undefined)
    throw new InvalidArgumentError('It must be a time of day and a strategy such as 12:00=priority.');
  return [...before, { clock, name: strategyName(name) }];
}

export type OutputFormat = 'table' | 'json';

export function outputFormat(text: string): OutputFormat {
  if (text !== 'table' && text !== 'json') throw new InvalidArgumentError('It must be table or json.');
  return text;
}

/** `0.8:0.1`: the power falls from a state of charge of 80 % on, to 10 % of the maximum when full. */
export function taper(text: string): { fromShare: number; toPowerShare: number } {
  const [from, to, ...rest] = text.split(':').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  const inside = (value: number | undefined): value is number =>
    value !== undefined && value >= 0 && value <= 1;
  if (!inside(from) || !inside(to) || from === 1 || rest.length > 0) {
    throw new InvalidArgumentError('It must be two numbers from 0 to 1 such as 0.8:0.1.');
  }
  return { fromShare: from, toPowerShare: to };
}
