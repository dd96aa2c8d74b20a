import { join } from 'node:path';
import { drawDepot } from '../figures/depot-figure.ts';
import { drawFleet } from '../figures/fleet-figure.ts';
import { drawTopology } from '../figures/topology-figure.ts';
import type { Trajectory } from '../figures/trajectory.ts';
import { drawVehicle, drawVehicles } from '../figures/vehicle-figure.ts';
import type { Network } from '../topology/network.ts';
import type { NetworkUtilization } from '../topology/utilization.ts';
import { type Session, writeText } from './session.ts';

/** Up to this number of vehicles, each gets a figure of its own. */
const ownFigures = 24;

/** Figures with a part for each vehicle show no more than these; nobody looks at thousands. */
const drawnVehicles = 240;

/** A topology of more nodes would be a picture that no viewer opens. */
const drawnNodes = 2000;

/** The file with the drawing of the topology; none where it would be too large. */
export function topologyFigure(
  network: Network,
  used: NetworkUtilization,
  { scenario, subject }: { readonly scenario: string; readonly subject: string },
): Readonly<Record<string, string>> {
  if (network.nodes.length > drawnNodes) return {};
  return { 'topology.svg': drawTopology(network, used, `${scenario}, ${subject}`) };
}

/** The figures that a plan and a simulated day have in common; says on stderr what there is. */
export async function writeFigures(
  session: Session,
  directory: string,
  trajectory: Trajectory,
  others: Readonly<Record<string, string>> = {},
): Promise<void> {
  const first = { ...trajectory, vehicles: trajectory.vehicles.slice(0, drawnVehicles) };
  const files: Record<string, string> = {
    'power.svg': drawDepot(trajectory),
    'energy.svg': drawFleet(first),
    ...others,
  };
  const pages = drawVehicles(first);
  for (const [page, content] of pages.entries()) {
    files[pages.length === 1 ? 'vehicles.svg' : `vehicles-${page + 1}.svg`] = content;
  }
  if (trajectory.vehicles.length <= ownFigures) {
    for (const [index, vehicle] of trajectory.vehicles.entries()) {
      const plain = join('vehicle', `${plainName(vehicle.id)}.svg`);
      const taken = plain in files;
      const name = taken ? join('vehicle', `${plainName(vehicle.id)}-${index + 1}.svg`) : plain;
      files[name] = drawVehicle(trajectory, vehicle);
    }
  }
  for (const [name, content] of Object.entries(files)) {
    await writeText(session, join(directory, name), content);
  }
  session.stderr.write(`${Object.keys(files).length} figures are in ${directory}, begin with power.svg.\n`);
  if (trajectory.vehicles.length > drawnVehicles) {
    session.stderr.write(
      `Of ${trajectory.vehicles.length} vehicles, the first ${drawnVehicles} to arrive are drawn one by one.\n`,
    );
  }
}

/** An id may hold anything, a name of a file may not. */
function plainName(id: string): string {
  return id.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^\.+/, '');
}
