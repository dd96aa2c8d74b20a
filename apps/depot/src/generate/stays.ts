import type { Random } from '../../../../src/core/random.ts';
import { sample } from './distribution.ts';
import type { Specification } from './specification.ts';

export interface Stay {
  readonly evse: string;
  /** Seconds after the start, whole minutes. */
  readonly arrivalS: number;
  readonly departureS: number;
}

export type Stays =
  | { readonly type: 'placed'; readonly stays: readonly Stay[] }
  | { readonly type: 'no room'; readonly placed: number };

/**
 * Draws arrivals and stays and deals them to EVSEs. A vehicle that finds every EVSE taken waits for the first one that
 * gets free; a stay ends with the scenario. `no room`: some would wait until nothing is left of the scenario.
 */
export function drawStays(specification: Specification, evses: readonly string[], random: Random): Stays {
  const end = specification.steps * specification.stepSeconds;
  const minute = (hours: number): number => Math.round(hours * 60) * 60;
  const wanted = Array.from({ length: specification.vehicles }, () => ({
    arrivalS: minute(sample(specification.arrivalHours, random)),
    lengthS: Math.max(60, minute(sample(specification.stayHours, random))),
  })).sort((a, b) => a.arrivalS - b.arrivalS);
  const freeFrom = new Map(random.shuffle(evses).map((evse) => [evse, Number.NEGATIVE_INFINITY]));
  const stays: Stay[] = [];
  for (const { arrivalS: wish, lengthS } of wanted) {
    const [evse, from] = firstFree(freeFrom, wish);
    const arrivalS = Math.max(wish, from);
    const departureS = Math.min(end, arrivalS + lengthS);
    // What is left must be worth plugging in for.
    if (departureS - arrivalS < Math.min(lengthS, 2 * specification.stepSeconds)) {
      return { type: 'no room', placed: stays.length };
    }
    freeFrom.set(evse, departureS);
    stays.push({ evse, arrivalS, departureS });
  }
  return { type: 'placed', stays };
}

/** The EVSE that has been free longest at `time`, or the one that gets free first. */
function firstFree(freeFrom: ReadonlyMap<string, number>, time: number): readonly [string, number] {
  let best: readonly [string, number] = ['', Number.POSITIVE_INFINITY];
  for (const [evse, from] of freeFrom) {
    if (from < best[1]) best = [evse, from];
    if (from === Number.NEGATIVE_INFINITY && from <= time) return [evse, from];
  }
  return best;
}
