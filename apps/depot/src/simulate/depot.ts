import { assertNever, present } from '../../../../src/core/assert.ts';
import { defaultImportPrice } from '../model/compile-problem.ts';
import type { ChargingProcess } from '../model/needs.ts';
import type { Scenario } from '../model/scenario.ts';
import { netDemand } from '../strategies/dispatch.ts';
import { compileNetwork, type Network } from '../topology/network.ts';
import { UtilizationMeter } from '../topology/utilization.ts';
import type { ActualStay } from './actual-stays.ts';
import { describeAttempt, describeEvent } from './descriptions.ts';
import { ExceedanceWatch } from './exceedance-watch.ts';
import { type Plugged, type SetPoints, setPoints } from './execution.ts';
import { Knowledge } from './knowledge.ts';
import type { Instructions, Known, PlanAttempt } from './replanner.ts';
import type { LogEntry, SimulatedDay, StayOutcome, Trigger } from './simulated-day.ts';
import type { DayEvent, DayTimeline } from './timeline.ts';
import { respond, type UndeclaredTaper, type VehicleResponse } from './vehicle.ts';

/** A share by which a vehicle that took less than told may take more in the next segment, so that it can recover. */
const recovery = 1.1;

/** kW that a vehicle which takes nothing is offered again. */
const probeKw = 1;

interface Vehicle {
  readonly stay: ActualStay;
  energyKwh: number;
  acceptedKw: number | undefined;
}

/** The depot in fact: who is plugged in, what the batteries hold, what flows; and the record of all that. */
export class Depot {
  readonly network: Network;
  readonly #scenario: Scenario;
  readonly #timeline: DayTimeline;
  readonly #taper: UndeclaredTaper | undefined;
  readonly #knowledge: Knowledge;
  readonly #plugged = new Map<string, Vehicle>();
  readonly #energyKwh: Map<string, number>;
  readonly #watch = new ExceedanceWatch();
  readonly #meter: UtilizationMeter;
  readonly #stays: StayOutcome[] = [];
  readonly #log: LogEntry[] = [];
  readonly #edgesS: number[] = [0];
  readonly #powerKw: number[][];
  readonly #levelsKwh: number[][];
  readonly #gridKw: number[] = [];
  readonly #importLimitKw: number[] = [];
  readonly #exportLimitKw: number[] = [];
  readonly #importEurPerKwh: number[] = [];
  #costEur = 0;
  #nextEvent = 0;

  constructor(scenario: Scenario, timeline: DayTimeline, taper: UndeclaredTaper | undefined) {
    this.network = compileNetwork(scenario.topology);
    this.#meter = new UtilizationMeter(this.network);
    this.#scenario = scenario;
    this.#timeline = timeline;
    this.#taper = taper;
    this.#knowledge = new Knowledge(scenario);
    this.#energyKwh = new Map(scenario.processes.map(({ id, presentEnergyKwh }) => [id, presentEnergyKwh]));
    this.#powerKw = scenario.processes.map(() => []);
    this.#levelsKwh = scenario.processes.map(({ presentEnergyKwh }) => [presentEnergyKwh]);
  }

  /** Everything that happens up to `nowS`. */
  happen(nowS: number): Trigger[] {
    const triggers: Trigger[] = [];
    const { events } = this.#timeline;
    for (let event = events[this.#nextEvent]; event !== undefined && event.atS <= nowS; ) {
      this.#apply(event);
      triggers.push(event.type);
      const latest = (process: ChargingProcess): ChargingProcess => this.#knowledge.latest(process);
      const message = describeEvent(event, this.#energyKwh, latest);
      this.#log.push({ atS: nowS, type: event.type, message });
      event = events[++this.#nextEvent];
    }
    return triggers;
  }

  noteStrategy(nowS: number, strategy: string): void {
    this.#log.push({ atS: nowS, type: 'strategy', message: `the strategy is ${strategy} from now on` });
  }

  note(nowS: number, attempt: PlanAttempt): void {
    const type = attempt.type === 'made' ? 'plan' : attempt.type;
    this.#log.push({ atS: nowS, type, message: describeAttempt(attempt) });
  }

  known(nowS: number): Known {
    const energyKwh = new Map([...this.#plugged].map(([id, vehicle]) => [id, vehicle.energyKwh]));
    return { outlook: this.#knowledge.outlook(nowS, energyKwh), energyKwh };
  }

  energyOf(process: string): number | undefined {
    return this.#plugged.get(process)?.energyKwh;
  }

  /**
   * Time passes from `fromS` to `toS` with constant set-points. Where a vehicle takes so much less than told that others, or
   * generation, would exceed a limit, the controller of the stations sees it and tells them again before time passes.
   */
  run(fromS: number, toS: number, instructions: Instructions): void {
    const lengthS = toS - fromS;
    const vehicles = [...this.#plugged.values()];
    const plugged = vehicles.map((vehicle) => this.#seen(vehicle));
    for (;;) {
      const points = setPoints(this.#scenario, this.network, {
        nowS: fromS,
        lengthS,
        limits: this.#knowledge.limits,
        plugged,
        instructions,
      });
      const responses = this.#responses(points, vehicles, lengthS / 3600);
      const shy = points.keptBy(responses.map(({ kw }) => kw)) ? [] : tooLittle(points, responses);
      if (shy.length === 0) {
        const actualKw = this.#obey(points, vehicles, responses);
        this.#measure(points, vehicles, actualKw, fromS, toS);
        return;
      }
      // Each turn holds at least one vehicle to what it takes, which it then does: the turns come to an end.
      for (const index of shy) {
        const vehicle = present(vehicles[index], 'every vehicle is seen');
        const { kw } = present(responses[index], 'every vehicle responds');
        this.#learn(vehicle, points.dispatch.powerKw[index] ?? 0, kw);
        plugged[index] = { ...this.#seen(vehicle), acceptedKw: kw };
      }
    }
  }

  record(): Omit<SimulatedDay, 'strategy' | 'plans'> {
    for (const { stay } of this.#plugged.values()) this.#leave(stay);
    return {
      processIds: this.#scenario.processes.map(({ id }) => id),
      edgesS: this.#edgesS,
      powerKw: this.#powerKw,
      energyKwh: this.#levelsKwh,
      gridKw: this.#gridKw,
      importLimitKw: this.#importLimitKw,
      exportLimitKw: this.#exportLimitKw,
      importEurPerKwh: this.#importEurPerKwh,
      utilization: this.#meter.result(),
      costEur: this.#costEur,
      stays: this.#stays,
      missed: this.#timeline.missed.map(({ id }) => id),
      exceeded: this.#watch.exceedances(),
      log: this.#log,
    };
  }

  #apply(event: DayEvent): void {
    switch (event.type) {
      case 'arrival': {
        const { process } = event.stay;
        const energyKwh = process.presentEnergyKwh;
        this.#plugged.set(process.id, { stay: event.stay, energyKwh, acceptedKw: undefined });
        this.#knowledge.arrived(process.id);
        return;
      }
      case 'departure':
        this.#leave(event.stay);
        this.#plugged.delete(event.stay.process.id);
        this.#knowledge.departed(event.stay.process.id);
        return;
      case 'needs':
      case 'limit':
      case 'prices':
        this.#knowledge.learn(event, this.#energyKwh);
        return;
      case 'release':
        // The limit carries its own end; nothing has to be taken back.
        return;
      default:
        assertNever(event);
    }
  }

  #leave({ process, arrivalS, departureS }: ActualStay): void {
    const { needs, presentEnergyKwh } = this.#knowledge.latest(process);
    this.#stays.push({
      process: process.id,
      arrivalS,
      departureS,
      initialKwh: presentEnergyKwh,
      finalKwh: this.#energyKwh.get(process.id) ?? presentEnergyKwh,
      minimumKwh: presentEnergyKwh + needs.minimumEnergyRequestKwh,
      targetKwh: presentEnergyKwh + needs.targetEnergyRequestKwh,
      early: departureS < process.departureS,
    });
  }

  #seen({ stay, energyKwh, acceptedKw }: Vehicle): Plugged {
    return { process: this.#knowledge.latest(stay.process), energyKwh, acceptedKw };
  }

  /** What the vehicles make of their set-points. */
  #responses(
    { problem, dispatch }: SetPoints,
    vehicles: readonly Vehicle[],
    hours: number,
  ): VehicleResponse[] {
    return vehicles.map(({ stay, energyKwh }, index) => {
      const setPointKw = dispatch.powerKw[index] ?? 0;
      const planned = present(problem.processes[index], 'every plugged vehicle is in the problem');
      const process = this.#knowledge.latest(stay.process);
      return respond(process, planned, { energyKwh, setPointKw, hours }, this.#taper);
    });
  }

  #obey(
    { dispatch }: SetPoints,
    vehicles: readonly Vehicle[],
    responses: readonly VehicleResponse[],
  ): Float64Array {
    return Float64Array.from(vehicles, (vehicle, index) => {
      const { kw, energyKwh } = present(responses[index], 'every vehicle responds');
      this.#learn(vehicle, dispatch.powerKw[index] ?? 0, kw);
      vehicle.energyKwh = energyKwh;
      this.#energyKwh.set(vehicle.stay.process.id, energyKwh);
      return kw;
    });
  }

  /** What the vehicle shall be offered from now on, after it was told `toldKw` and took `tookKw`. */
  #learn(vehicle: Vehicle, toldKw: number, tookKw: number): void {
    const { acceptedKw, stay } = vehicle;
    const { minimumChargeKw = 0, maximumChargeKw } = this.#knowledge.latest(stay.process).needs;
    const tooMuch = tookKw < toldKw - 1e-6;
    // A set-point below what was seen to be taken says nothing new.
    if (!tooMuch && (acceptedKw === undefined || toldKw < acceptedKw - 1e-6)) return;
    const offered = Math.max(tookKw * recovery, minimumChargeKw, probeKw);
    vehicle.acceptedKw = offered < maximumChargeKw ? offered : undefined;
  }

  #measure(
    { problem, dispatch }: SetPoints,
    vehicles: readonly Vehicle[],
    actualKw: Float64Array,
    fromS: number,
    toS: number,
  ): void {
    const powers = new Map(vehicles.map(({ stay }, index) => [stay.process.id, actualKw[index] ?? 0]));
    for (const [index, { id }] of this.#scenario.processes.entries()) {
      this.#powerKw[index]?.push(powers.get(id) ?? 0);
      this.#levelsKwh[index]?.push(this.#energyKwh.get(id) ?? 0);
    }
    const demand = netDemand(problem, 0, actualKw, dispatch.pvKw);
    const gridKw = demand.reduce((sum, kw) => sum + kw, 0);
    this.#edgesS.push(toS);
    this.#gridKw.push(gridKw);
    this.#importLimitKw.push(problem.importKw[0]?.[0] ?? Number.POSITIVE_INFINITY);
    this.#exportLimitKw.push(problem.exportKw[0]?.[0] ?? Number.POSITIVE_INFINITY);
    const price = this.#price(fromS);
    this.#importEurPerKwh.push(price.importEur);
    const paid = gridKw * (gridKw >= 0 ? price.importEur : price.exportEur);
    this.#costEur += (paid * (toS - fromS)) / 3600 + wear(problem, actualKw);
    const { pvKw } = dispatch;
    this.#watch.look(problem, actualKw, pvKw, toS - fromS);
    this.#meter.add(problem, 0, { powerKw: actualKw, pvKw, demandKw: demand }, toS - fromS);
  }

  #price(nowS: number): { importEur: number; exportEur: number } {
    const { stepSeconds, steps } = this.#scenario;
    const step = Math.min(steps - 1, Math.floor(nowS / stepSeconds + 1e-9));
    const { prices } = this.#knowledge;
    return {
      importEur: prices?.importEurPerKwh[step] ?? defaultImportPrice,
      exportEur: prices?.exportEurPerKwh[step] ?? 0,
    };
  }
}

/** Who takes less than told. */
function tooLittle({ dispatch }: SetPoints, responses: readonly VehicleResponse[]): number[] {
  return responses.flatMap(({ kw }, index) => (kw < (dispatch.powerKw[index] ?? 0) - 1e-9 ? [index] : []));
}

function wear({ processes, stepHours }: SetPoints['problem'], actualKw: Float64Array): number {
  return processes.reduce(
    (sum, { index, wearEurPerKwh }) => sum + Math.max(0, -(actualKw[index] ?? 0)) * wearEurPerKwh * stepHours,
    0,
  );
}
