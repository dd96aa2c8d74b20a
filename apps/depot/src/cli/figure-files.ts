import { join } from 'node:path';
import { drawDepot } from '../figures/depot-figure.ts';
import { drawFleet } from '../figures/fleet-figure.ts';
import type { Trajectory } from '../figures/trajectory.ts';
import { drawVehicle, drawVehicles } from '../figures/vehicle-figure.ts';
import { type Session, writeText } from './session.ts';

/** Up to this number of vehicles, each gets a figure of its own. */
const ownFigures = 24;

/** The figures that a plan and a simulated day have in common; resolves to the names of the files. */
export async function writeFigures(
  session: Session,
  directory: string,
  trajectory: Trajectory,
  others: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const files: Record<string, string> = {
    'power.svg': drawDepot(trajectory),
    'energy.svg': drawFleet(trajectory),
    ...others,
  };
  const pages = drawVehicles(trajectory);
  for (const [page, content] of pages.entries()) {
    files[pages.length === 1 ? 'vehicles.svg' : `vehicles-${page + 1}.svg`] = content;
  }
  if (trajectory.vehicles.length <= ownFigures) {
    for (const [index, vehicle] of trajectory.vehicles.entries()) {
      files[join('vehicle', `${fileName(vehicle.id, index)}.svg`)] = drawVehicle(trajectory, vehicle);
    }
  }
  for (const [name, content] of Object.entries(files)) {
    await writeText(session, join(directory, name), content);
  }
  return Object.keys(files);
}

/** An id may hold anything; two that become alike are told apart by their number. */
function fileName(id: string, index: number): string {
  const plain = id.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^\.+/, '');
  return plain === id ? plain : `${plain}-${index + 1}`;
}
