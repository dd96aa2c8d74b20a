/** Maps a domain to pixels. */
export interface Scale {
  (value: number): number;
  readonly domain: readonly [number, number];
}

export function linearScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const [low, high] = domain;
  const [from, to] = range;
  const width = high - low || 1;
  return Object.assign((value: number) => from + ((value - low) / width) * (to - from), { domain });
}

/** Both ends of the domain above 0. */
export function logScale(domain: readonly [number, number], range: readonly [number, number]): Scale {
  const logs = linearScale([Math.log10(domain[0]), Math.log10(domain[1])], range);
  return Object.assign((value: number) => logs(Math.log10(value)), { domain });
}

/** Round numbers (1, 2, 2.5 or 5 times a power of ten) that cover [low, high], about `count` of them. */
export function niceTicks(low: number, high: number, count: number): number[] {
  const span = high - low || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

/** Powers of ten in [low, high]. */
export function decades(low: number, high: number): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => 10 ** (first + index));
}

export interface TimeTick {
  readonly atS: number;
  readonly label: string;
  /** The local day begins here. */
  readonly midnight: boolean;
}

/** Full hours of the wall clock that `start` is written with, at most about `count` of them. */
export function timeTicks(start: string, fromS: number, toS: number, count: number): TimeTick[] {
  const localMs = localStartMs(start);
  const everyH = [0.25, 0.5, 1, 2, 3, 4, 6, 12, 24, 48, 168].find(
    (hours) => (toS - fromS) / 3600 / hours <= count,
  );
  const everyMs = (everyH ?? 168) * 3_600_000;
  const ticks: TimeTick[] = [];
  const first = Math.ceil((localMs + fromS * 1000) / everyMs) * everyMs;
  for (let ms = first; ms <= localMs + toS * 1000 + 1; ms += everyMs) {
    const shown = new Date(ms);
    const midnight = ms % 86_400_000 === 0;
    ticks.push({
      atS: (ms - localMs) / 1000,
      label: midnight ? dayLabel(shown) : clock(shown),
      midnight,
    });
  }
  return ticks;
}

/** `18:45`, by the wall clock that `start` is written with. */
export function clockAt(start: string, atS: number): string {
  return clock(new Date(localStartMs(start) + atS * 1000));
}

/** The first instant, s after `start`, at which the same wall clock shows `18:45`. */
export function firstAt(start: string, time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  const day = 86_400_000;
  const soonMs = (hours * 60 + minutes) * 60_000 - localStartMs(start);
  return (((soonMs % day) + day) % day) / 1000;
}

/** The instant of the start as if its wall clock showed UTC. */
function localStartMs(start: string): number {
  return Date.parse(`${start.replace(/(Z|[+-]\d{2}:\d{2})$/, '')}Z`);
}

const clock = (shown: Date): string => shown.toISOString().slice(11, 16);

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

const dayLabel = (shown: Date): string => `${shown.getUTCDate()} ${months[shown.getUTCMonth()]}`;

/** A number for people: as few digits as tell it apart. */
export function shortNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim(value / 1e6)} M`;
  if (size >= 1e4) return `${trim(value / 1e3)} k`;
  return trim(value);
}

/** A power for people: kW, or MW where that is shorter. */
export function powerText(kw: number): string {
  return Math.abs(kw) >= 1e4 ? `${trim(kw / 1e3)} MW` : `${trim(kw)} kW`;
}

function trim(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}
