import type { ChargingProcess, CurvePoint } from '../../model/needs.ts';
import type { SpiceEv, SpiceStation, SpiceVehicleEvent, SpiceVehicleType } from './spice-ev-file.ts';

interface Visit {
  readonly station: string | undefined;
  readonly arrivalMs: number;
  readonly announcedMs: number;
  readonly departureMs: number | undefined;
  readonly soc: number;
  readonly desiredSoc: number;
}

interface ClosedVisit extends Visit {
  readonly departureMs: number;
}

/**
 * The stays of all vehicles. SpiceEV knows only changes of the state of charge on the road (`soc_delta`); the level at
 * arrival is found by assuming that each stay at a station ended with the state of charge that was desired.
 */
export function spiceStays(file: SpiceEv): { processes: ChargingProcess[]; notes: string[] } {
  const notes: string[] = [];
  const processes: ChargingProcess[] = [];
  const byVehicle = new Map<string, SpiceVehicleEvent[]>();
  for (const event of file.events) {
    const events = byVehicle.get(event.vehicle);
    if (events === undefined) byVehicle.set(event.vehicle, [event]);
    else events.push(event);
  }
  for (const [id, vehicle] of file.vehicles) {
    const type = file.types.get(vehicle.type);
    if (type === undefined) {
      notes.push(`Vehicle ${id} is left out: its type ${vehicle.type} is unknown.`);
      continue;
    }
    const stays = staysOf(
      file,
      (byVehicle.get(id) ?? []).toSorted((a, b) => a.atMs - b.atMs),
      {
        station: vehicle.station,
        arrivalMs: Date.parse(file.start),
        announcedMs: Date.parse(file.start),
        departureMs: vehicle.departureMs,
        soc: vehicle.soc,
        desiredSoc: vehicle.desiredSoc,
      },
    );
    const emptied = stays.filter(({ soc }) => soc < 0).length;
    if (emptied > 0)
      notes.push(`Vehicle ${id} would arrive ${emptied} times with less than nothing; 0 is taken.`);
    for (const stay of stays) {
      const station = stay.station === undefined ? undefined : file.stations.get(stay.station);
      if (station === undefined) continue;
      processes.push(processOf(file, { id: `${id}#${processes.length + 1}`, type }, stay, station));
    }
  }
  return { processes, notes };
}

/** Walks through arrivals and departures; a stay without a departure lasts to the end of the scenario. */
function staysOf(file: SpiceEv, events: readonly SpiceVehicleEvent[], initial: Visit): ClosedVisit[] {
  const endMs = Date.parse(file.start) + file.steps * file.stepSeconds * 1000;
  const stays: ClosedVisit[] = [];
  let soc = initial.soc;
  let open: Visit | undefined = initial.station === undefined ? undefined : initial;
  const close = (departureMs: number): void => {
    if (open === undefined) return;
    const charged = open.station !== undefined && file.stations.has(open.station);
    soc = Math.max(0, open.soc, charged ? open.desiredSoc : 0);
    const until = Math.min(endMs, departureMs);
    if (charged && until > open.arrivalMs) stays.push({ ...open, departureMs: until });
    open = undefined;
  };
  for (const event of events) {
    if (event.type === 'departure') {
      close(event.atMs);
      continue;
    }
    if (open !== undefined) close(event.atMs);
    soc += event.socDelta;
    open = {
      station: event.station,
      arrivalMs: event.atMs,
      announcedMs: event.signalMs,
      departureMs: event.departureMs,
      soc,
      desiredSoc: event.desiredSoc ?? initial.desiredSoc,
    };
    soc = Math.max(0, soc);
  }
  close(open?.departureMs ?? endMs);
  return stays;
}

function processOf(
  file: SpiceEv,
  { id, type }: { readonly id: string; readonly type: SpiceVehicleType },
  stay: ClosedVisit,
  station: SpiceStation,
): ChargingProcess {
  const startMs = Date.parse(file.start);
  const seconds = (ms: number): number => Math.round((ms - startMs) / 1000);
  const { capacityKwh } = type;
  const presentEnergyKwh = Math.max(0, stay.soc) * capacityKwh;
  const request = (soc: number): number => soc * capacityKwh - presentEnergyKwh;
  const maximumRequestKwh = capacityKwh - presentEnergyKwh;
  const target = Math.min(maximumRequestKwh, request(Math.max(stay.desiredSoc, stay.soc)));
  const highestKw = Math.max(...type.curve.map(([, kw]) => kw));
  const maximumChargeKw = Math.min(station.maxPowerKw, highestKw);
  const minimumChargeKw = Math.min(maximumChargeKw, Math.max(type.minChargeKw, station.minPowerKw));
  const canDischarge = type.v2g && type.v2gPowerFactor > 0;
  const announcedS = seconds(stay.announcedMs);
  return {
    id,
    evse: `${stay.station}/evse`,
    arrivalS: seconds(stay.arrivalMs),
    departureS: seconds(stay.departureMs),
    ...(announcedS > 0 ? { announcedS } : {}),
    presentEnergyKwh,
    battery: {
      capacityKwh,
      chargeEfficiency: type.efficiency,
      dischargeEfficiency: type.efficiency,
      ...taper(type, maximumChargeKw),
    },
    needs: {
      targetEnergyRequestKwh: target,
      minimumEnergyRequestKwh: Math.min(target, -presentEnergyKwh),
      maximumEnergyRequestKwh: maximumRequestKwh,
      maximumChargeKw,
      ...(minimumChargeKw > 0 ? { minimumChargeKw } : {}),
      ...(canDischarge
        ? {
            minimumV2xEnergyRequestKwh: request(type.dischargeLimit),
            maximumDischargeKw: Math.min(station.maxPowerKw, type.v2gPowerFactor * highestKw),
          }
        : {}),
    },
  };
}

/**
 * The charging curve below the power that the station can give, as its least concave majorant that never rises: what a
 * linear program can hold. Where the real curve is lower, plans are corrected by what is measured.
 */
function taper(
  { curve, capacityKwh }: SpiceVehicleType,
  maximumKw: number,
): { chargingCurve?: CurvePoint[] } {
  const hull: CurvePoint[] = [];
  const points = curve.map(([soc, kw]) => ({ energyKwh: soc * capacityKwh, kw: Math.min(kw, maximumKw) }));
  let highest = 0;
  const falling = points
    .toReversed()
    .map(({ energyKwh, kw }) => {
      highest = Math.max(highest, kw);
      return { energyKwh, kw: highest };
    })
    .toReversed();
  const slope = (a: CurvePoint, b: CurvePoint): number => (b.kw - a.kw) / (b.energyKwh - a.energyKwh);
  for (const point of falling) {
    if (hull.at(-1)?.energyKwh === point.energyKwh) continue;
    for (;;) {
      const [before, last] = [hull.at(-2), hull.at(-1)];
      if (before === undefined || last === undefined || slope(before, last) >= slope(last, point)) break;
      hull.pop();
    }
    hull.push(point);
  }
  return hull.every(({ kw }) => kw === maximumKw) ? {} : { chargingCurve: hull };
}
