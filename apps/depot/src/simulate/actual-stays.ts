import type { ChargingProcess } from '../model/needs.ts';
import type { Scenario } from '../model/scenario.ts';

export interface ActualStay {
  readonly process: ChargingProcess;
  readonly arrivalS: number;
  readonly departureS: number;
}

/**
 * When vehicles come and go in fact: as announced, unless an event says otherwise. A vehicle that finds its EVSE taken
 * waits for it; `missed` are those that have to leave before they get one.
 */
export function actualStays(scenario: Scenario): { stays: ActualStay[]; missed: ChargingProcess[] } {
  const arrivals = new Map<string, number>();
  const departures = new Map<string, number>();
  for (const event of scenario.events ?? []) {
    if (event.type === 'arrival') arrivals.set(event.process, event.atS);
    if (event.type === 'departure') departures.set(event.process, event.atS);
  }
  const wanted = scenario.processes
    .map((process) => ({
      process,
      arrivalS: arrivals.get(process.id) ?? process.arrivalS,
      departureS: departures.get(process.id) ?? process.departureS,
    }))
    .sort((a, b) => a.arrivalS - b.arrivalS);
  const freeFrom = new Map<string, number>();
  const stays: ActualStay[] = [];
  const missed: ChargingProcess[] = [];
  for (const { process, arrivalS: cameS, departureS } of wanted) {
    const arrivalS = Math.max(cameS, freeFrom.get(process.evse) ?? cameS);
    if (departureS <= arrivalS) {
      missed.push(process);
      continue;
    }
    freeFrom.set(process.evse, departureS);
    stays.push({ process, arrivalS, departureS });
  }
  return { stays, missed };
}
