import { colourOf, palette } from './palette.ts';
import { type Box, band, heading, type LegendItem, legend, type Panel, panel, stairs } from './panel.ts';
import { powerText } from './scale.ts';
import { document, group, path, rect, text, title } from './svg.ts';
import type { Trajectory } from './trajectory.ts';

/** Above this number of vehicles, the legend shows a ramp instead of names. */
const namedVehicles = 12;

/** At most so many layers: of very many vehicles, neighbours by arrival share one. */
const layerLimit = 240;

/**
 * The power of all vehicles stacked against the limit of the grid connection, the energy that has been charged, and the
 * price.
 */
export function drawDepot(trajectory: Trajectory): string {
  const width = 1080;
  const time: readonly [number, number] = [0, trajectory.edgesS[trajectory.edgesS.length - 1] ?? 1];
  const box = (y: number, height: number): Box => ({ x: 76, y, width: width - 110, height });
  const stack = drawStack(trajectory, box(92, 330), time);
  const key = legend(legendItems(trajectory, stack.limits), { x: 76, y: 730, width: width - 110 });
  const height = 730 + key.height + 22;
  return document(
    width,
    height,
    `Power of all vehicles against the limit: ${trajectory.title}`,
    heading('Power against the limit', `${trajectory.title} · ${summary(trajectory)}`),
    stack.drawing,
    drawEnergy(trajectory, box(482, 100), time),
    drawPrices(trajectory, box(622, 64), time),
    key.drawing,
    text(
      'Areas are what devices take (up) and give (down). Limits hold for their sum, the dark line, alone.',
      {
        x: 76,
        y: 730 + key.height + 4,
        fill: palette.muted,
        'font-size': 11,
      },
    ),
    rampKey(trajectory, width),
  );
}

function summary({ edgesS, gridKw, importLimitKw, exceeded }: Trajectory): string {
  let [peak, above, hours] = [0, 0, 0];
  for (let k = 0; k < gridKw.length; k++) {
    const kw = gridKw[k] ?? 0;
    peak = Math.max(peak, kw);
    const beyond = kw - (importLimitKw[k] ?? Number.POSITIVE_INFINITY);
    if (beyond <= 1e-3) continue;
    above = Math.max(above, beyond);
    hours += ((edgesS[k + 1] ?? 0) - (edgesS[k] ?? 0)) / 3600;
  }
  const text = `peak ${powerText(peak)}`;
  if (above === 0 && exceeded.length > 0) {
    const more = exceeded.length > 1 ? ` and ${exceeded.length - 1} more` : '';
    return `${text}; ${exceeded[0]}${more} beyond the limit`;
  }
  const limit = Math.min(...finite(importLimitKw));
  if (limit === Number.POSITIVE_INFINITY) return `${text}, without a limit`;
  if (above === 0) return `${text}, the limit of ${powerText(limit)} is kept`;
  return `${text}, up to ${powerText(above)} above the limit for ${hours.toFixed(1)} h`;
}

function drawStack(
  trajectory: Trajectory,
  box: Box,
  time: readonly [number, number],
): { readonly drawing: string; readonly limits: boolean } {
  const { vehicles, edgesS, loadKw, pvKw, gridKw, importLimitKw, exportLimitKw, start } = trajectory;
  const count = gridKw.length;
  const [up, down] = [new Float64Array(count), new Float64Array(count)];
  const layers: { id: string; fill: string; low: Float64Array; high: Float64Array; positive: boolean }[] = [];
  const add = (id: string, fill: string, valueAt: (k: number) => number, positive: boolean): void => {
    const base = positive ? up : down;
    const from = base.slice();
    let used = false;
    for (let k = 0; k < count; k++) {
      const value = positive ? Math.max(0, valueAt(k)) : Math.min(0, valueAt(k));
      if (value !== 0) used = true;
      base[k] = (base[k] ?? 0) + value;
    }
    if (used) {
      const to = base.slice();
      layers.push({ id, fill, low: positive ? from : to, high: positive ? to : from, positive });
    }
  };
  add('loads', palette.load, (k) => loadKw[k] ?? 0, true);
  const bundles = bundled(vehicles);
  for (const [index, { name, charge }] of bundles.entries()) {
    add(name, colourOf(index, bundles.length), charge, true);
  }
  add('PV', palette.pv, (k) => -(pvKw[k] ?? 0), false);
  for (const [index, { name, discharge }] of bundles.entries()) {
    add(name, colourOf(index, bundles.length), discharge, false);
  }
  const limit = finite(importLimitKw);
  const low = Math.min(...down, ...(gridKw as number[]));
  // A limit far above everything that flows would flatten the picture; then it stays outside.
  const stacked = Math.max(1, ...up);
  const high = Math.max(
    stacked,
    limit.length > 0 && Math.max(...limit) < 4 * stacked ? Math.max(...limit) : 0,
  );
  const exports = finite(exportLimitKw).map((kw) => -kw);
  const shown = exports.filter((kw) => low < 0 && kw > 4 * low);
  const frame = panel(box, {
    start,
    time,
    values: [Math.min(low, ...shown), high],
    label: 'Power, kW',
    clock: true,
    ticks: 7,
  });
  const importLine = drawLimit(frame, edgesS, importLimitKw, 1);
  const exportLine = low < 0 ? drawLimit(frame, edgesS, exportLimitKw, -1) : '';
  const drawing = group(
    {},
    frame.frame,
    ...layers.map(({ id, fill, low: bottom, high: top }) =>
      group({}, title(id), band(frame, edgesS, bottom, top, fill)),
    ),
    path(stairs(frame, edgesS, gridKw), {
      fill: 'none',
      stroke: palette.ink,
      'stroke-width': 1.8,
      'stroke-linejoin': 'round',
    }),
    importLine,
    exportLine,
  );
  return { drawing, limits: importLine !== '' || exportLine !== '' };
}

interface Bundle {
  readonly name: string;
  readonly charge: (k: number) => number;
  readonly discharge: (k: number) => number;
}

function bundled(vehicles: Trajectory['vehicles']): Bundle[] {
  const size = Math.ceil(vehicles.length / layerLimit);
  const bundles: Bundle[] = [];
  for (let from = 0; from < vehicles.length; from += size) {
    const members = vehicles.slice(from, from + size);
    const [first, last] = [members[0]?.id ?? '', members.at(-1)?.id ?? ''];
    const sum = (part: (kw: number) => number) => (k: number) =>
      members.reduce((total, { powerKw }) => total + part(powerKw[k] ?? 0), 0);
    bundles.push({
      name: members.length === 1 ? first : `${first} to ${last}`,
      charge: sum((kw) => Math.max(0, kw)),
      discharge: sum((kw) => Math.min(0, kw)),
    });
  }
  return bundles;
}

const finite = (values: ArrayLike<number>): number[] => Array.from(values).filter(Number.isFinite);

function drawLimit(
  frame: Panel,
  edgesS: ArrayLike<number>,
  limitKw: ArrayLike<number>,
  sign: 1 | -1,
): string {
  const [bottom, top] = frame.y.domain;
  // Unlimited, or beyond what is drawn: nothing to see.
  const inside = Array.from(limitKw, (kw) => sign * kw).every((kw) => kw >= bottom && kw <= top);
  if (!inside) return '';
  return path(
    stairs(
      frame,
      edgesS,
      Array.from(limitKw, (kw) => sign * kw),
    ),
    { fill: 'none', stroke: palette.limit, 'stroke-width': 2, 'stroke-dasharray': '8 4' },
  );
}

function drawEnergy(trajectory: Trajectory, box: Box, time: readonly [number, number]): string {
  const { edgesS, vehicles, start } = trajectory;
  const charged = Array.from({ length: edgesS.length }, (_, k) =>
    vehicles.reduce((sum, { energyKwh }) => sum + (energyKwh[k] ?? 0) - (energyKwh[0] ?? 0), 0),
  );
  const frame = panel(box, {
    start,
    time,
    values: [Math.min(0, ...charged), Math.max(1, ...charged)],
    label: 'Energy charged into all batteries, kWh',
    clock: false,
    ticks: 3,
  });
  const points = charged.map((kwh, k) => [frame.x(edgesS[k] ?? 0), frame.y(kwh)] as const);
  return group(
    {},
    frame.frame,
    path(points, { fill: 'none', stroke: palette.energy, 'stroke-width': 2.2, 'stroke-linejoin': 'round' }),
  );
}

function drawPrices(trajectory: Trajectory, box: Box, time: readonly [number, number]): string {
  const { edgesS, importEurPerKwh, start } = trajectory;
  const prices = Array.from(importEurPerKwh);
  const frame = panel(box, {
    start,
    time,
    values: [Math.min(0, ...prices), Math.max(0.05, ...prices)],
    label: 'Price of import, EUR/kWh',
    clock: true,
    ticks: 2,
  });
  return group(
    {},
    frame.frame,
    path(stairs(frame, edgesS, prices), { fill: 'none', stroke: palette.price, 'stroke-width': 1.8 }),
  );
}

function legendItems({ vehicles, loadKw, pvKw }: Trajectory, limits: boolean): LegendItem[] {
  const used = (values: ArrayLike<number>): boolean => Array.from(values).some((kw) => kw > 1e-6);
  return [
    ...(limits ? [{ label: 'limit', colour: palette.limit, mark: 'dashed' } as const] : []),
    { label: 'at the grid connection', colour: palette.ink, mark: 'line' },
    ...(used(loadKw) ? [{ label: 'other loads', colour: palette.load, mark: 'area' } as const] : []),
    ...(used(pvKw) ? [{ label: 'PV', colour: palette.pv, mark: 'area' } as const] : []),
    ...(vehicles.length > namedVehicles
      ? []
      : vehicles.map(
          ({ id }, index): LegendItem => ({
            label: id,
            colour: colourOf(index, vehicles.length),
            mark: 'area',
          }),
        )),
  ];
}

/** Many vehicles share a ramp of colours, by arrival. */
function rampKey({ vehicles }: Trajectory, width: number): string {
  if (vehicles.length <= namedVehicles) return '';
  const [x, y, length] = [width - 34 - 150, 24, 150];
  const cells = 40;
  return group(
    {},
    ...Array.from({ length: cells }, (_, cell) =>
      rect(x + (cell * length) / cells, y, length / cells + 0.5, 10, { fill: colourOf(cell, cells) }),
    ),
    text(`${vehicles.length} vehicles, first to last arrival`, {
      x: x + length,
      y: y + 25,
      'text-anchor': 'end',
      fill: palette.muted,
      'font-size': 11,
    }),
  );
}
