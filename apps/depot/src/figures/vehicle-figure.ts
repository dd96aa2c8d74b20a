import { palette } from './palette.ts';
import { type Box, band, heading, type LegendItem, legend, panel, stairs } from './panel.ts';
import { clockAt } from './scale.ts';
import { document, group, line, path, rect, text, title } from './svg.ts';
import type { Trajectory, VehicleTrack } from './trajectory.ts';

const legendItems: readonly LegendItem[] = [
  { label: 'charging', colour: palette.chargeFill, mark: 'area' },
  { label: 'discharging', colour: palette.dischargeFill, mark: 'area' },
  { label: 'energy', colour: palette.energy, mark: 'line' },
  { label: 'target', colour: palette.target, mark: 'dashed' },
  { label: 'minimum', colour: palette.minimum, mark: 'dashed' },
  { label: 'maximum', colour: palette.maximum, mark: 'dashed' },
  { label: 'plugged in', colour: palette.stay, mark: 'area' },
];

/** Power, and below it energy, of one vehicle. */
export function drawVehicle(trajectory: Trajectory, vehicle: VehicleTrack): string {
  const [width, height] = [860, 560];
  const time = windowAround(trajectory, vehicle);
  const stay = `${clockAt(trajectory.start, vehicle.arrivalS)} to ${clockAt(trajectory.start, vehicle.departureS)}`;
  const last = energyAt(trajectory, vehicle, vehicle.departureS);
  const subtitle = `${trajectory.title} · ${vehicle.evse}, ${stay}, leaves with ${last.toFixed(1)} of ${vehicle.targetKwh.toFixed(1)} kWh`;
  const { drawing } = legend(legendItems, { x: 72, y: height - 16, width: width - 96 });
  return document(
    width,
    height,
    `Power and energy of ${vehicle.id}`,
    heading(vehicle.id, subtitle),
    drawPower(trajectory, vehicle, time, { x: 72, y: 92, width: width - 100, height: 170 }, false),
    drawEnergy(trajectory, vehicle, time, { x: 72, y: 302, width: width - 100, height: 190 }),
    drawing,
  );
}

/** Many vehicles, small, one beside the other: at most `perFigure` in each of the documents. */
export function drawVehicles(trajectory: Trajectory, perFigure = 24): string[] {
  const documents: string[] = [];
  for (let from = 0; from < trajectory.vehicles.length; from += perFigure) {
    documents.push(drawPage(trajectory, trajectory.vehicles.slice(from, from + perFigure)));
  }
  return documents;
}

function drawPage(trajectory: Trajectory, vehicles: readonly VehicleTrack[]): string {
  const columns = Math.min(4, vehicles.length);
  const cell = { width: 330, height: 250 };
  const width = Math.max(700, columns * cell.width + 30);
  const height = 84 + Math.ceil(vehicles.length / columns) * cell.height + 30;
  const cells = vehicles.map((vehicle, index) => {
    const x = 30 + (index % columns) * cell.width;
    const y = 84 + Math.floor(index / columns) * cell.height;
    return drawCell(trajectory, vehicle, { x, y, ...cell });
  });
  const { drawing } = legend(legendItems, { x: 60, y: height - 14, width: width - 90 });
  return document(
    width,
    height,
    `Power and energy of ${vehicles.length} vehicles`,
    heading('Vehicles', `${trajectory.title} · power above, energy below`, 30),
    ...cells,
    drawing,
  );
}

function drawCell(trajectory: Trajectory, vehicle: VehicleTrack, cell: Box): string {
  const time = windowAround(trajectory, vehicle);
  const missing = vehicle.targetKwh - energyAt(trajectory, vehicle, vehicle.departureS);
  const left = cell.x + 36;
  const width = cell.width - 62;
  return group(
    {},
    text(vehicle.id, { x: left, y: cell.y + 14, 'font-weight': 700, 'font-size': 13, fill: palette.ink }),
    text(missing > 0.05 ? `${missing.toFixed(1)} kWh short` : 'target met', {
      x: left + width,
      y: cell.y + 14,
      'text-anchor': 'end',
      'font-size': 11,
      fill: missing > 0.05 ? palette.bad : palette.good,
    }),
    drawPower(trajectory, vehicle, time, { x: left, y: cell.y + 40, width, height: 60 }, true),
    drawEnergy(trajectory, vehicle, time, { x: left, y: cell.y + 124, width, height: 76 }, true),
  );
}

/** The stay and a little around it. */
function windowAround(
  { edgesS }: Trajectory,
  { arrivalS, departureS }: VehicleTrack,
): readonly [number, number] {
  const margin = Math.max(1800, (departureS - arrivalS) * 0.06);
  const end = edgesS[edgesS.length - 1] ?? 0;
  return [Math.max(0, arrivalS - margin), Math.min(end, departureS + margin)];
}

function drawPower(
  trajectory: Trajectory,
  vehicle: VehicleTrack,
  time: readonly [number, number],
  box: Box,
  small: boolean,
): string {
  const { edgesS, powerKw } = cut(trajectory, vehicle, time);
  const most = powerKw.reduce((greatest, kw) => Math.max(greatest, kw), 0);
  const lowest = powerKw.reduce((least, kw) => Math.min(least, kw), 0);
  // Who got nothing is shown against what he could have taken.
  const highest = most > 0 || lowest < 0 ? Math.max(1, most) : Math.max(1, vehicle.maximumChargeKw);
  const frame = panel(box, {
    start: trajectory.start,
    time,
    values: [lowest, highest],
    label: small ? 'kW' : 'Power, kW',
    clock: false,
    ticks: small ? 3 : 5,
    timeTicks: small ? 5 : 12,
  });
  const zero = powerKw.map(() => 0);
  const charge = powerKw.map((kw) => Math.max(0, kw));
  const discharge = powerKw.map((kw) => Math.min(0, kw));
  return group(
    {},
    stayBackground(frame, vehicle, time),
    frame.frame,
    band(frame, edgesS, zero, charge, palette.chargeFill),
    band(frame, edgesS, discharge, zero, palette.dischargeFill),
    path(stairs(frame, edgesS, powerKw), {
      fill: 'none',
      stroke: palette.charge,
      'stroke-width': 1.5,
      'stroke-linejoin': 'round',
    }),
  );
}

function drawEnergy(
  trajectory: Trajectory,
  vehicle: VehicleTrack,
  time: readonly [number, number],
  box: Box,
  small = false,
): string {
  const frame = panel(box, {
    start: trajectory.start,
    time,
    values: [0, Math.max(1, vehicle.maximumKwh)],
    label: small ? 'kWh' : 'Energy in the battery, kWh',
    clock: true,
    ticks: small ? 3 : 5,
    timeTicks: small ? 5 : 12,
  });
  const from = Math.max(time[0], vehicle.arrivalS);
  const to = Math.min(time[1], vehicle.departureS);
  const points = [
    [frame.x(from), frame.y(energyAt(trajectory, vehicle, from))] as const,
    ...Array.from({ length: trajectory.edgesS.length }, (_, k) => trajectory.edgesS[k] ?? 0)
      .map((atS, k) => [atS, vehicle.energyKwh[k] ?? 0] as const)
      .filter(([atS]) => atS > from && atS < to)
      .map(([atS, kwh]) => [frame.x(atS), frame.y(kwh)] as const),
    [frame.x(to), frame.y(energyAt(trajectory, vehicle, to))] as const,
  ];
  const level = (kwh: number, colour: string): string =>
    line(frame.x(from), frame.y(kwh), frame.x(to), frame.y(kwh), {
      stroke: colour,
      'stroke-width': small ? 1.2 : 1.6,
      'stroke-dasharray': '6 4',
    });
  return group(
    {},
    stayBackground(frame, vehicle, time),
    frame.frame,
    level(vehicle.maximumKwh, palette.maximum),
    level(vehicle.minimumKwh, palette.minimum),
    level(vehicle.targetKwh, palette.target),
    path(points, {
      fill: 'none',
      stroke: palette.energy,
      'stroke-width': small ? 1.8 : 2.4,
      'stroke-linejoin': 'round',
    }),
  );
}

function stayBackground(
  { box, x }: { readonly box: Box; readonly x: (seconds: number) => number },
  { id, arrivalS, departureS }: VehicleTrack,
  [fromS, toS]: readonly [number, number],
): string {
  const [left, right] = [x(Math.max(fromS, arrivalS)), x(Math.min(toS, departureS))];
  return group(
    {},
    title(`${id} is plugged in`),
    rect(left, box.y, right - left, box.height, { fill: palette.stay }),
  );
}

/** The segments that lie in a window of time, the outermost ones cut to it. */
function cut(
  { edgesS }: Trajectory,
  { powerKw }: VehicleTrack,
  [fromS, toS]: readonly [number, number],
): { edgesS: number[]; powerKw: number[] } {
  const edges: number[] = [];
  const powers: number[] = [];
  for (let k = 0; k < powerKw.length; k++) {
    const [low, high] = [edgesS[k] ?? 0, edgesS[k + 1] ?? 0];
    if (high <= fromS || low >= toS) continue;
    if (edges.length === 0) edges.push(Math.max(low, fromS));
    edges.push(Math.min(high, toS));
    powers.push(powerKw[k] ?? 0);
  }
  return { edgesS: edges, powerKw: powers };
}

/** Energy at an instant, kWh, between edges in a straight line. */
function energyAt({ edgesS }: Trajectory, { energyKwh }: VehicleTrack, atS: number): number {
  let next = 0;
  while (next < edgesS.length - 1 && (edgesS[next] ?? 0) < atS) next += 1;
  const [high, low] = [edgesS[next] ?? 0, edgesS[Math.max(0, next - 1)] ?? 0];
  const [after, before] = [energyKwh[next] ?? 0, energyKwh[Math.max(0, next - 1)] ?? 0];
  const share = high > low ? Math.min(1, Math.max(0, (atS - low) / (high - low))) : 1;
  return before + (after - before) * share;
}
