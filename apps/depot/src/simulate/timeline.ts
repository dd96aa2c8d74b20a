import type { ChargingProcess } from '../model/needs.ts';
import type { Scenario, ScenarioEvent, TemporaryLimit } from '../model/scenario.ts';
import { type ActualStay, actualStays } from './actual-stays.ts';

export type DayEvent =
  | { readonly type: 'arrival'; readonly atS: number; readonly stay: ActualStay }
  | { readonly type: 'departure'; readonly atS: number; readonly stay: ActualStay }
  | { readonly type: 'release'; readonly atS: number; readonly limit: TemporaryLimit }
  | Extract<ScenarioEvent, { type: 'needs' | 'limit' | 'prices' }>;

export interface DayTimeline {
  /** In order of time. */
  readonly events: readonly DayEvent[];
  readonly missed: readonly ChargingProcess[];
  /** The next instant after `nowS` at which something happens, a limit begins or ends, or a step of the scenario ends. */
  nextChangeS(nowS: number): number;
}

/** Everything that happens in fact. Who leaves an EVSE does so before the next one comes. */
export function timelineOf(scenario: Scenario): DayTimeline {
  const { stays, missed } = actualStays(scenario);
  const events: DayEvent[] = [];
  for (const stay of stays) {
    events.push({ type: 'departure', atS: stay.departureS, stay });
    events.push({ type: 'arrival', atS: stay.arrivalS, stay });
  }
  const instants = new Set<number>();
  const addLimit = (limit: TemporaryLimit): void => {
    instants.add(limit.fromS);
    events.push({ type: 'release', atS: limit.toS, limit });
  };
  for (const limit of scenario.limits ?? []) addLimit(limit);
  for (const event of scenario.events ?? []) {
    if (event.type === 'arrival' || event.type === 'departure') continue;
    events.push(event);
    if (event.type === 'limit') addLimit(event.limit);
  }
  const order = (event: DayEvent): number => (event.type === 'departure' ? 0 : 1);
  events.sort((a, b) => a.atS - b.atS || order(a) - order(b));
  for (const { atS } of events) instants.add(atS);
  const sorted = [...instants].sort((a, b) => a - b);
  let position = 0;
  return {
    events,
    missed,
    nextChangeS: (nowS) => {
      // Asked in rising order.
      while ((sorted[position] ?? Number.POSITIVE_INFINITY) <= nowS) position += 1;
      const boundary = (Math.floor(nowS / scenario.stepSeconds + 1e-9) + 1) * scenario.stepSeconds;
      return Math.min(boundary, sorted[position] ?? Number.POSITIVE_INFINITY);
    },
  };
}
