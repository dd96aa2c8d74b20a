import { palette } from './palette.ts';
import { linearScale, niceTicks, type Scale, shortNumber, timeTicks } from './scale.ts';
import { line, type Point, path, rect, text } from './svg.ts';

/** A rectangle of the figure, in pixels. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A part of a figure with a time axis to the right and a value axis upwards. */
export interface Panel {
  readonly box: Box;
  readonly x: Scale;
  readonly y: Scale;
  /** Axes, lines of the grid and labels; to be drawn before the content. */
  readonly frame: string;
}

export interface PanelOptions {
  readonly start: string;
  readonly time: readonly [fromS: number, toS: number];
  readonly values: readonly [low: number, high: number];
  /** What the values are and in which unit, as `Power, kW`. */
  readonly label: string;
  /** Whether the clock is written below. */
  readonly clock: boolean;
  readonly ticks?: number;
  readonly timeTicks?: number;
}

export function panel(box: Box, options: PanelOptions): Panel {
  const [low, high] = options.values;
  const room = 0.04 * (high - low);
  const domain: readonly [number, number] = [low < 0 ? low - room : low, high + room];
  const ticks = niceTicks(low, high, options.ticks ?? 5).filter(
    (value) => value >= domain[0] && value <= domain[1],
  );
  const x = linearScale(options.time, [box.x, box.x + box.width]);
  const y = linearScale(domain, [box.y + box.height, box.y]);
  const bottom = box.y + box.height;
  const times = timeTicks(options.start, ...options.time, options.timeTicks ?? 12);
  const frame = [
    ...ticks.map((value) =>
      line(box.x, y(value), box.x + box.width, y(value), {
        stroke: value === 0 ? palette.muted : palette.grid,
        'stroke-width': 1,
      }),
    ),
    ...ticks.map((value) =>
      text(shortNumber(value), {
        x: box.x - 8,
        y: y(value) + 4,
        'text-anchor': 'end',
        fill: palette.muted,
        'font-size': 11,
      }),
    ),
    ...times.map(({ atS, midnight }) =>
      line(x(atS), box.y, x(atS), bottom + (options.clock ? 4 : 0), {
        stroke: midnight ? palette.faint : palette.grid,
        'stroke-width': midnight ? 1.5 : 1,
      }),
    ),
    ...(options.clock
      ? times.map(({ atS, label, midnight }) =>
          text(label, {
            x: x(atS),
            y: bottom + 17,
            'text-anchor': 'middle',
            fill: midnight ? palette.ink : palette.muted,
            'font-size': 11,
            'font-weight': midnight ? 600 : undefined,
          }),
        )
      : []),
    line(box.x, bottom, box.x + box.width, bottom, { stroke: palette.faint }),
    text(options.label, {
      x: box.x,
      y: box.y - 8,
      fill: palette.ink,
      'font-size': 12,
      'font-weight': 600,
    }),
  ].join('');
  return { box, x, y, frame };
}

/** The outline of a series that is constant between edges: two points for each segment. */
export function stairs(
  { x, y }: Pick<Panel, 'x' | 'y'>,
  edgesS: ArrayLike<number>,
  values: ArrayLike<number>,
): Point[] {
  const points: Point[] = [];
  for (let k = 0; k < values.length; k++) {
    const level = y(values[k] ?? 0);
    points.push([x(edgesS[k] ?? 0), level], [x(edgesS[k + 1] ?? 0), level]);
  }
  return simplified(points);
}

/** The same without points in the middle of straight pieces, which a year of quarter hours is full of. */
function simplified(points: readonly Point[]): Point[] {
  return points.filter((point, index) => {
    const [before, after] = [points[index - 1], points[index + 1]];
    return before === undefined || after === undefined || before[1] !== point[1] || after[1] !== point[1];
  });
}

/** The area between two series that are constant between edges. */
export function band(
  scales: Pick<Panel, 'x' | 'y'>,
  edgesS: ArrayLike<number>,
  low: ArrayLike<number>,
  high: ArrayLike<number>,
  fill: string,
): string {
  const points = [...stairs(scales, edgesS, high), ...stairs(scales, edgesS, low).reverse()];
  // Neighbouring areas would show seams with smoothed edges.
  return path(points, { fill, 'shape-rendering': 'crispEdges' }, true);
}

export interface LegendItem {
  readonly label: string;
  readonly colour: string;
  readonly mark: 'area' | 'line' | 'dashed';
}

/** About how wide a text is, px, for the widest of the fonts of the figures. */
export function textWidth(content: string, size: number): number {
  let widths = 0;
  for (const letter of content)
    widths += /[mwMW]/.test(letter) ? 0.95 : /[ijlftrI .,:]/.test(letter) ? 0.36 : 0.63;
  return widths * size;
}

/** Items in rows no wider than `width`, from (x, y) down; and the height that they take. */
export function legend(
  items: readonly LegendItem[],
  at: { readonly x: number; readonly y: number; readonly width: number },
): { drawing: string; height: number } {
  let [x, y] = [at.x, at.y];
  const parts: string[] = [];
  for (const { label, colour, mark } of items) {
    const width = 21 + textWidth(label, 11) + 18;
    if (x > at.x && x + width > at.x + at.width) [x, y] = [at.x, y + 18];
    parts.push(
      mark === 'area'
        ? rect(x, y - 9, 14, 10, { fill: colour, stroke: palette.faint, 'stroke-width': 0.7, rx: 2 })
        : line(x, y - 4, x + 16, y - 4, {
            stroke: colour,
            'stroke-width': 2,
            'stroke-dasharray': mark === 'dashed' ? '5 3' : undefined,
          }),
      text(label, { x: x + 21, y, fill: palette.ink, 'font-size': 11 }),
    );
    x += width;
  }
  return { drawing: parts.join(''), height: y - at.y + 18 };
}

/** Title and subtitle at the top left. */
export function heading(title: string, subtitle: string, x = 24): string {
  return [
    text(title, { x, y: 30, fill: palette.ink, 'font-size': 17, 'font-weight': 700 }),
    text(subtitle, { x, y: 50, fill: palette.muted, 'font-size': 12 }),
  ].join('');
}
