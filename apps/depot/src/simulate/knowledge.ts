import type { ScenarioEvent } from '../model/events.ts';
import type { ChargingNeeds, ChargingProcess } from '../model/needs.ts';
import type { Prices, Scenario, TemporaryLimit } from '../model/scenario.ts';

/** What there is to plan. */
export interface Outlook {
  readonly scenario: Scenario;
  /**
   * Vehicles that leave within the first step, with the part of it that they stay, in (0, 1): they are planned as if they
   * stayed for the whole of it, since a plan has no shorter steps, and must do the same in less time.
   */
  readonly partOfStep: ReadonlyMap<string, number>;
}

type Presence = 'expected' | 'here' | 'gone';

/** What the depot's controller knows: the scenario as announced, and what has happened since. */
export class Knowledge {
  readonly #scenario: Scenario;
  readonly #presence = new Map<string, Presence>();
  readonly #needs = new Map<string, ChargingNeeds>();
  readonly #limits: TemporaryLimit[];
  #prices: Prices | undefined;

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#limits = [...(scenario.limits ?? [])];
    this.#prices = scenario.prices;
  }

  get limits(): readonly TemporaryLimit[] {
    return this.#limits;
  }

  get prices(): Prices | undefined {
    return this.#prices;
  }

  arrived(process: string): void {
    this.#presence.set(process, 'here');
  }

  departed(process: string): void {
    this.#presence.set(process, 'gone');
  }

  learn(event: Extract<ScenarioEvent, { type: 'needs' | 'limit' | 'prices' }>): void {
    if (event.type === 'needs') this.#needs.set(event.process, event.needs);
    else if (event.type === 'limit') this.#limits.push(event.limit);
    else this.#prices = event.prices;
  }

  /** The process with its latest needs. */
  latest(process: ChargingProcess): ChargingProcess {
    const needs = this.#needs.get(process.id);
    return needs === undefined ? process : { ...process, needs };
  }

  isHere(process: string): boolean {
    return this.#presence.get(process) === 'here';
  }

  /** What to plan at `nowS`. Vehicles that are overdue, to come or to go, are expected to do so after one step. */
  outlook(nowS: number): Outlook {
    const { stepSeconds, prices: _announced, events: _unforeseen, ...rest } = this.#scenario;
    const soon = nowS + stepSeconds;
    const takenUntil = new Map<string, number>();
    const partOfStep = new Map<string, number>();
    const processes: ChargingProcess[] = [];
    for (const each of this.#scenario.processes) {
      if (!this.isHere(each.id)) continue;
      const { announcedS: _known, ...process } = this.latest(each);
      const departureS = Math.max(process.departureS, soon);
      const part = (process.departureS - nowS) / stepSeconds;
      if (part > 0 && part < 1) partOfStep.set(process.id, part);
      takenUntil.set(process.evse, departureS);
      processes.push({ ...process, arrivalS: Math.min(process.arrivalS, nowS), departureS });
    }
    for (const each of this.#scenario.processes) {
      if (this.#presence.has(each.id)) continue;
      const process = this.latest(each);
      const arrivalS = Math.max(
        process.arrivalS > nowS ? process.arrivalS : soon,
        takenUntil.get(process.evse) ?? Number.NEGATIVE_INFINITY,
      );
      if (arrivalS < process.departureS) processes.push({ ...process, arrivalS });
    }
    const scenario: Scenario = {
      ...rest,
      stepSeconds,
      processes,
      limits: this.#limits,
      ...(this.#prices === undefined ? {} : { prices: this.#prices }),
    };
    return { scenario, partOfStep };
  }
}
