import { colourOf, palette } from './palette.ts';
import { type Box, heading, type LegendItem, legend } from './panel.ts';
import { decades, logScale, shortNumber } from './scale.ts';
import { document, element, group, halo, line, path, text, title } from './svg.ts';

/** How long something took for one size, both above 0. */
export interface GrowthPoint {
  readonly series: string;
  readonly size: number;
  readonly seconds: number;
}

/** What is promised: at most so many seconds at this size. */
export interface GrowthTarget {
  readonly label: string;
  readonly size: number;
  readonly seconds: number;
}

/** Time over size, both logarithmic: a straight line is a power of the size, and its slope the exponent. */
export function drawGrowth(
  points: readonly GrowthPoint[],
  options: {
    readonly subtitle: string;
    readonly sizeLabel: string;
    readonly targets?: readonly GrowthTarget[];
  },
): string {
  const [width, height] = [900, 560];
  const targets = options.targets ?? [];
  const box: Box = { x: 84, y: 92, width: width - 130, height: 370 };
  const sizes = [...points, ...targets].map(({ size }) => size);
  const times = [...points, ...targets].map(({ seconds }) => seconds);
  const x = logScale(widened(sizes), [box.x, box.x + box.width]);
  const y = logScale(widened(times), [box.y + box.height, box.y]);
  const names = [...new Set(points.map(({ series }) => series))];
  const items = names.map(
    (label, index): LegendItem => ({ label, colour: colourOf(index, names.length), mark: 'line' }),
  );
  return document(
    width,
    height,
    'Time over size',
    heading('Growth of the time with the size', options.subtitle),
    ...axes(box, x, y, options.sizeLabel),
    ...names.map((name, index) =>
      drawSeries(
        points.filter(({ series }) => series === name).sort((a, b) => a.size - b.size),
        colourOf(index, names.length),
        x,
        y,
      ),
    ),
    ...targets.map(({ label, size, seconds }) => {
      const hides = points.some((point) => {
        const above = y(seconds) - y(point.seconds);
        return point.size === size && above > 0 && above < labelRoom;
      });
      return group(
        {},
        line(x(size) - 22, y(seconds), x(size) + 22, y(seconds), {
          stroke: palette.limit,
          'stroke-width': 2.5,
        }),
        text(label, {
          x: x(size),
          y: y(seconds) + (hides ? 18 : -8),
          'text-anchor': 'middle',
          'font-size': 11,
          fill: palette.limit,
          ...halo,
        }),
      );
    }),
    legend([...items, ...(targets.length > 0 ? [promise] : [])], {
      x: box.x,
      y: height - 24,
      width: box.width,
    }).drawing,
  );
}

/** Pixels above a mark that its label takes. */
const labelRoom = 24;

const promise: LegendItem = { label: 'promised at most', colour: palette.limit, mark: 'line' };

/** A little room around, and never empty. */
function widened(values: readonly number[]): readonly [number, number] {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return [1, 10];
  return [Math.min(...positive) / 1.5, Math.max(...positive) * 1.5];
}

function axes(
  { x: left, y: top, width, height }: Box,
  x: ReturnType<typeof logScale>,
  y: ReturnType<typeof logScale>,
  sizeLabel: string,
): string[] {
  const [right, bottom] = [left + width, top + height];
  const finer = (domain: readonly [number, number]): number[] =>
    decades(domain[0] / 10, domain[1])
      .flatMap((decade) => [decade, 2 * decade, 5 * decade])
      .filter((value) => value >= domain[0] && value <= domain[1]);
  return [
    ...finer(x.domain).flatMap((value) => [
      line(x(value), top, x(value), bottom, { stroke: palette.grid }),
      text(shortNumber(value), {
        x: x(value),
        y: bottom + 18,
        'text-anchor': 'middle',
        'font-size': 11,
        fill: palette.muted,
      }),
    ]),
    ...finer(y.domain).flatMap((value) => [
      line(left, y(value), right, y(value), { stroke: palette.grid }),
      text(duration(value), {
        x: left - 8,
        y: y(value) + 4,
        'text-anchor': 'end',
        'font-size': 11,
        fill: palette.muted,
      }),
    ]),
    line(left, bottom, right, bottom, { stroke: palette.muted }),
    line(left, top, left, bottom, { stroke: palette.muted }),
    text('Time', { x: left, y: top - 8, 'font-weight': 600, fill: palette.ink }),
    text(sizeLabel, {
      x: right,
      y: bottom + 38,
      'text-anchor': 'end',
      'font-weight': 600,
      fill: palette.ink,
    }),
  ];
}

const duration = (seconds: number): string =>
  seconds < 1 ? `${shortNumber(Number((seconds * 1000).toPrecision(3)))} ms` : `${shortNumber(seconds)} s`;

function drawSeries(
  points: readonly GrowthPoint[],
  colour: string,
  x: (size: number) => number,
  y: (seconds: number) => number,
): string {
  const places = points.map(({ size, seconds }) => [x(size), y(seconds)] as const);
  return group(
    {},
    path(places, { fill: 'none', stroke: colour, 'stroke-width': 2 }),
    ...points.map(({ series, size, seconds }) =>
      element(
        'circle',
        { cx: x(size), cy: y(seconds), r: 4, fill: colour },
        title(`${series}, ${shortNumber(size)}: ${duration(seconds)}`),
      ),
    ),
  );
}
