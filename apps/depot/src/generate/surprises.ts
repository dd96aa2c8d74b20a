import type { Random } from '../../../../src/core/random.ts';
import type { ChargingProcess } from '../model/needs.ts';
import type { ScenarioEvent } from '../model/scenario.ts';
import type { Topology } from '../model/topology.ts';
import { rounded } from './day.ts';
import { sample, unit } from './distribution.ts';
import type { Specification } from './specification.ts';

/** Stays that come unannounced, and events: early departures, late arrivals, limit cuts. */
export function drawSurprises(
  specification: Specification,
  depot: { readonly topology: Topology; readonly processes: readonly ChargingProcess[] },
  random: Random,
): { processes: ChargingProcess[]; events: ScenarioEvent[] } {
  const { earlyDepartureShare, lateArrivalShare, unannouncedShare } = specification.surprises;
  const events: ScenarioEvent[] = [];
  const processes = depot.processes.map((process) => {
    const { id, arrivalS, departureS } = process;
    // Draws that do not depend on the shares: a share that is changed leaves the others' vehicles as they were.
    const [late, lateness, early, earliness, unannounced] = [0, 1, 2, 3, 4].map(() => unit(random));
    const stay = departureS - arrivalS;
    const minute = (seconds: number): number => Math.round(seconds / 60) * 60;
    const cameS = arrivalS + minute(stay * 0.25 * (lateness ?? 0));
    // Who is late but here before the scenario begins surprises nobody.
    if ((late ?? 1) < lateArrivalShare && cameS > 0) {
      events.push({ type: 'arrival', atS: cameS, process: id });
    }
    if ((early ?? 1) < earlyDepartureShare) {
      const leftS = Math.max(0, departureS - minute(stay * 0.3 * (earliness ?? 0)));
      events.push({ type: 'departure', atS: leftS, process: id });
    }
    return (unannounced ?? 1) < unannouncedShare ? { ...process, announcedS: arrivalS } : process;
  });
  return { processes, events: [...events, ...limitCuts(specification, depot.topology, random)] };
}

function limitCuts(
  { surprises, ...time }: Specification,
  topology: Topology,
  random: Random,
): ScenarioEvent[] {
  const grid = topology.nodes.find((node) => node.type === 'grid');
  const limit = grid?.capacity?.importKw;
  if (grid === undefined || limit === undefined) return [];
  const end = time.steps * time.stepSeconds;
  return Array.from({ length: surprises.limitCuts }, () => {
    // In the middle of the scenario, where most vehicles are.
    const atS = Math.floor(((0.25 + 0.45 * unit(random)) * end) / 60) * 60;
    const lastsS = random.between(30, 120) * 60;
    // What the building takes has been promised, a cut does not reach below it.
    const importKw = Math.max(time.buildingKw, rounded(limit * sample(surprises.limitCutTo, random), 1));
    return {
      type: 'limit',
      atS,
      limit: { node: grid.id, fromS: atS, toS: Math.min(end, atS + lastsS), importKw },
    };
  });
}
