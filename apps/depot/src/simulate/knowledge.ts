import type { ChargingNeeds, ChargingProcess } from '../model/needs.ts';
import type { Prices, Scenario, ScenarioEvent, TemporaryLimit } from '../model/scenario.ts';

/** What there is to plan. */
export interface Outlook {
  readonly scenario: Scenario;
  /** By process, powers that the vehicle really has where the scenario says less than them. */
  readonly realPower: ReadonlyMap<string, RealPower>;
}

export interface RealPower {
  readonly minimumChargeKw: number;
  readonly maximumChargeKw: number;
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

  /** `energyKwh` are the levels at that moment: new needs are relative to them. */
  learn(
    event: Extract<ScenarioEvent, { type: 'needs' | 'limit' | 'prices' }>,
    energyKwh: ReadonlyMap<string, number>,
  ): void {
    if (event.type === 'needs') {
      const process = this.#scenario.processes.find(({ id }) => id === event.process);
      if (process === undefined) return;
      const energy = energyKwh.get(event.process) ?? process.presentEnergyKwh;
      this.#needs.set(event.process, sinceArrival(process, event.needs, energy));
    } else if (event.type === 'limit') this.#limits.push(event.limit);
    else this.#prices = event.prices;
  }

  /** The process with its latest needs, relative to its energy at arrival whenever they were told. */
  latest(process: ChargingProcess): ChargingProcess {
    const needs = this.#needs.get(process.id);
    return needs === undefined ? process : { ...process, needs };
  }

  isHere(process: string): boolean {
    return this.#presence.get(process) === 'here';
  }

  /**
   * What to plan at `nowS`; `energyKwh` are the levels of those who are here. Vehicles that are overdue, to come or to go, are
   * expected to do so after one step.
   */
  outlook(nowS: number, energyKwh: ReadonlyMap<string, number>): Outlook {
    const { stepSeconds, prices: _announced, events: _unforeseen, ...rest } = this.#scenario;
    const soon = nowS + stepSeconds;
    const takenUntil = new Map<string, number>();
    const realPower = new Map<string, RealPower>();
    const processes: ChargingProcess[] = [];
    for (const each of this.#scenario.processes) {
      if (!this.isHere(each.id)) continue;
      const { announcedS: _known, ...process } = this.latest(each);
      const departureS = Math.max(process.departureS, soon);
      takenUntil.set(process.evse, departureS);
      const part = (process.departureS - nowS) / stepSeconds;
      const needs = plannable(process, part, energyKwh.get(each.id) ?? 0, stepSeconds / 3600);
      if (needs !== process.needs) {
        const { minimumChargeKw = 0, maximumChargeKw } = process.needs;
        realPower.set(each.id, { minimumChargeKw, maximumChargeKw });
      }
      processes.push({ ...process, needs, arrivalS: Math.min(process.arrivalS, nowS), departureS });
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
    return { scenario, realPower };
  }
}

/**
 * Needs that were told at the level `energyKwh`, relative to the energy at arrival instead. What was valid there may ask for
 * more than fits by now; a level stays between empty and full.
 */
function sinceArrival(
  { presentEnergyKwh, battery }: ChargingProcess,
  needs: ChargingNeeds,
  energyKwh: number,
): ChargingNeeds {
  const moved = (requestKwh: number): number =>
    Math.min(battery.capacityKwh, Math.max(0, energyKwh + requestKwh)) - presentEnergyKwh;
  const { minimumV2xEnergyRequestKwh: lowest, maximumV2xEnergyRequestKwh: highest } = needs;
  return {
    ...needs,
    targetEnergyRequestKwh: moved(needs.targetEnergyRequestKwh),
    minimumEnergyRequestKwh: moved(needs.minimumEnergyRequestKwh),
    maximumEnergyRequestKwh: moved(needs.maximumEnergyRequestKwh),
    ...(lowest === undefined ? {} : { minimumV2xEnergyRequestKwh: moved(lowest) }),
    ...(highest === undefined ? {} : { maximumV2xEnergyRequestKwh: moved(highest) }),
  };
}

/**
 * Needs that a plan with whole steps can express. Who leaves within the first step (`part` of it is left) is planned for the
 * whole of it, with as much less power. Who lacks less than a step at minimum power may have less than that power: charging
 * for a part of the step is the same on the mean.
 */
function plannable(
  { needs, battery, presentEnergyKwh }: ChargingProcess,
  part: number,
  energyKwh: number,
  stepHours: number,
): ChargingNeeds {
  const { minimumChargeKw = 0, maximumChargeKw, maximumDischargeKw = 0, minimumDischargeKw = 0 } = needs;
  const share = part > 0 && part < 1 ? part : 1;
  const missingKwh = presentEnergyKwh + needs.targetEnergyRequestKwh - energyKwh;
  const restKw = missingKwh / ((battery.chargeEfficiency ?? 1) * stepHours);
  const isRest = missingKwh > smallestRestKwh && restKw < minimumChargeKw * share;
  if (share === 1 && !isRest) return needs;
  return {
    ...needs,
    maximumChargeKw: maximumChargeKw * share,
    minimumChargeKw: isRest ? restKw : minimumChargeKw * share,
    maximumDischargeKw: maximumDischargeKw * share,
    minimumDischargeKw: minimumDischargeKw * share,
  };
}

/** kWh that are not worth charging for. */
const smallestRestKwh = 1e-3;
