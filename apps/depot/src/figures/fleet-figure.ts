import { palette } from './palette.ts';
import { heading } from './panel.ts';
import { linearScale, timeTicks } from './scale.ts';
import { document, group, line, rect, text, title } from './svg.ts';
import type { Trajectory, VehicleTrack } from './trajectory.ts';

const row = { height: 17, gap: 4 };

/**
 * One row for each vehicle over its stay. The bar is filled up to the state of energy between empty and maximum; its colour
 * tells whether it charges or discharges; marks show the levels of minimum and target.
 */
export function drawFleet(trajectory: Trajectory): string {
  const { vehicles, edgesS, start } = trajectory;
  const width = 1080;
  const top = 108;
  const labels = Math.min(150, 24 + 7 * Math.max(4, ...vehicles.map(({ id }) => id.length)));
  const bottom = top + vehicles.length * (row.height + row.gap);
  const height = bottom + 44;
  const endS = edgesS[edgesS.length - 1] ?? 1;
  const x = linearScale([0, endS], [labels, width - 120]);
  const met = vehicles.filter((vehicle) => shortage(vehicle) <= 0.05).length;
  const ticks = timeTicks(start, 0, endS, 14);
  return document(
    width,
    height,
    `State of energy of all vehicles: ${trajectory.title}`,
    heading(
      'State of energy',
      `${trajectory.title} · ${met} of ${vehicles.length} vehicles leave with their target`,
    ),
    key(labels),
    ...ticks.map(({ atS, label, midnight }) =>
      group(
        {},
        line(x(atS), top - 8, x(atS), bottom, {
          stroke: midnight ? palette.faint : palette.grid,
          'stroke-width': midnight ? 1.5 : 1,
        }),
        text(label, {
          x: x(atS),
          y: bottom + 16,
          'text-anchor': 'middle',
          'font-size': 11,
          fill: midnight ? palette.ink : palette.muted,
          'font-weight': midnight ? 600 : undefined,
        }),
      ),
    ),
    ...vehicles.map((vehicle, index) =>
      drawRow(trajectory, vehicle, top + index * (row.height + row.gap), labels, x),
    ),
  );
}

function drawRow(
  { edgesS }: Trajectory,
  vehicle: VehicleTrack,
  y: number,
  labels: number,
  x: (seconds: number) => number,
): string {
  const end = edgesS[edgesS.length - 1] ?? 0;
  const [left, right] = [x(Math.max(0, vehicle.arrivalS)), x(Math.min(end, vehicle.departureS))];
  const missing = shortage(vehicle);
  const mark = (kwh: number, colour: string): string => {
    const level = y + row.height * (1 - Math.min(1, kwh / vehicle.maximumKwh));
    return line(left, level, right, level, { stroke: colour, 'stroke-width': 1, 'stroke-dasharray': '3 2' });
  };
  return group(
    {},
    title(`${vehicle.id} at ${vehicle.evse}`),
    text(vehicle.id, {
      x: labels - 10,
      y: y + row.height - 4,
      'text-anchor': 'end',
      'font-size': 11,
      fill: palette.ink,
    }),
    rect(left, y, right - left, row.height, {
      fill: palette.stay,
      stroke: palette.faint,
      'stroke-width': 0.7,
    }),
    ...fills(edgesS, vehicle, y, x),
    mark(vehicle.minimumKwh, palette.minimum),
    mark(vehicle.targetKwh, palette.target),
    text(missing > 0.05 ? `−${missing.toFixed(1)} kWh` : 'met', {
      x: right + 6,
      y: y + row.height - 4,
      'font-size': 11,
      fill: missing > 0.05 ? palette.bad : palette.good,
    }),
  );
}

/** Columns of neighbouring segments with the same direction are drawn one by one, since their level changes. */
function fills(
  edgesS: ArrayLike<number>,
  { powerKw, energyKwh, arrivalS, departureS, maximumKwh }: VehicleTrack,
  y: number,
  x: (seconds: number) => number,
): string[] {
  const columns: string[] = [];
  // A column narrower than a pixel is not seen: segments are joined up to that width.
  let from = 0;
  for (let k = 0; k < powerKw.length; k++) {
    const [low, high] = [edgesS[from] ?? 0, edgesS[k + 1] ?? 0];
    const last = k === powerKw.length - 1;
    if (!last && x(high) - x(low) < 2 && (edgesS[k + 2] ?? 0) <= departureS) continue;
    const [left, right] = [Math.max(low, arrivalS), Math.min(high, departureS)];
    if (right > left) {
      const level = ((energyKwh[from] ?? 0) + (energyKwh[k + 1] ?? 0)) / 2;
      const height = row.height * Math.min(1, Math.max(0, level / maximumKwh));
      columns.push(
        rect(x(left), y + row.height - height, x(right) - x(left) + 0.4, height, {
          fill: fillOf(powerKw[k] ?? 0),
        }),
      );
    }
    from = k + 1;
  }
  return columns;
}

function fillOf(kw: number): string {
  if (kw > 0.01) return palette.chargeFill;
  return kw < -0.01 ? palette.dischargeFill : '#cfd8e1';
}

function shortage({ energyKwh, targetKwh }: VehicleTrack): number {
  return targetKwh - (energyKwh[energyKwh.length - 1] ?? 0);
}

function key(x: number): string {
  const items: readonly (readonly [string, string, 'area' | 'line'])[] = [
    ['charging', palette.chargeFill, 'area'],
    ['discharging', palette.dischargeFill, 'area'],
    ['resting', '#cfd8e1', 'area'],
    ['minimum', palette.minimum, 'line'],
    ['target', palette.target, 'line'],
  ];
  let at = x;
  return items
    .map(([label, colour, mark]) => {
      const drawing = group(
        {},
        mark === 'area'
          ? rect(at, 68, 14, 10, { fill: colour })
          : line(at, 73, at + 16, 73, { stroke: colour, 'stroke-width': 1.6, 'stroke-dasharray': '3 2' }),
        text(label, { x: at + 21, y: 77, 'font-size': 11, fill: palette.ink }),
      );
      at += 34 + label.length * 6.6;
      return drawing;
    })
    .concat(text('full bar: maximum energy', { x: at + 4, y: 77, 'font-size': 11, fill: palette.muted }))
    .join('');
}
