import type { PlannedProcess, Problem } from '../model/problem.ts';
import { openRouter, type Router } from '../topology/router.ts';
import type { Freedom, PowerBounds } from './depot-program.ts';

const offKw = 1e-6;

/**
 * Semi-continuous power by rounding: in each step a process either rests, or takes at least its minimum power. Powers
 * below the minimum are saved up, and once a whole step at minimum power has been saved, it is switched on, if the network
 * has room for the minimum powers of all that are on; the one with the most saved goes first, so that they take turns. The
 * program is then solved again between these bounds. Undefined when nobody is below his minimum.
 */
export function roundToMinimumPower(
  problem: Problem,
  powerKw: readonly Float64Array[],
  freedom: readonly Freedom[],
): Freedom[] | undefined {
  const trickling = problem.processes.filter((process) => trickles(process, powerKw[process.index]));
  if (trickling.length === 0) return undefined;
  const semiContinuous = problem.processes.filter(hasMinimum);
  const saved = new Map(trickling.map(({ index }) => [index, { charge: 0, discharge: 0 }]));
  const bounds = new Map(semiContinuous.map(({ index }) => [index, new Map<number, PowerBounds>()]));
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const router = openRouter(problem, step);
    const waiting: PlannedProcess[] = [];
    for (const process of problem.processes) {
      if (step < process.first || step >= process.end) continue;
      const kw = powerKw[process.index]?.[step] ?? 0;
      const least = leastKw(process, kw);
      if (Math.abs(kw) >= least - offKw) {
        if (least > 0 && kw !== 0) router.route(process.evse, least * Math.sign(kw), process.phaseShare);
        if (Math.abs(kw) > offKw) bounds.get(process.index)?.set(step, switchedOn(process, kw));
        else bounds.get(process.index)?.set(step, resting);
      } else {
        waiting.push(process);
      }
    }
    switchOnInTurn(waiting, { step, router, powerKw, saved, bounds });
  }
  return freedom.map((free, index) => {
    const rounded = bounds.get(index);
    if (rounded === undefined) return free;
    const power = powerKw[index];
    const process = problem.processes[index];
    const early = process === undefined || trickles(process, power?.subarray(0, free.freeFrom));
    for (let step = 0; step < free.freeFrom; step++) {
      // A frozen step stays as it is, unless it was itself too small.
      const kw = power?.[step] ?? 0;
      if (!early && kw > offKw) rounded.set(step, { charge: [kw, kw], discharge: [0, 0] });
    }
    // When the way to the minimum changes, it may be reached later: such a vehicle is not counted on to give energy.
    const window = early ? { dischargeFrom: 0, dischargeEnd: 0 } : {};
    return { ...free, ...window, frozenKw: undefined, freeFrom: 0, bounds: rounded };
  });
}

const resting: PowerBounds = { charge: [0, 0], discharge: [0, 0] };

interface Turn {
  readonly step: number;
  readonly router: Router;
  readonly powerKw: readonly Float64Array[];
  readonly saved: ReadonlyMap<number, { charge: number; discharge: number }>;
  readonly bounds: ReadonlyMap<number, Map<number, PowerBounds>>;
}

function switchOnInTurn(waiting: readonly PlannedProcess[], turn: Turn): void {
  const direction = (process: PlannedProcess): 'charge' | 'discharge' =>
    (turn.powerKw[process.index]?.[turn.step] ?? 0) < 0 ? 'discharge' : 'charge';
  const savedBy = (process: PlannedProcess): number =>
    turn.saved.get(process.index)?.[direction(process)] ?? 0;
  for (const process of waiting) {
    const purse = turn.saved.get(process.index);
    if (purse !== undefined)
      purse[direction(process)] += Math.abs(turn.powerKw[process.index]?.[turn.step] ?? 0);
  }
  for (const process of [...waiting].sort((a, b) => savedBy(b) - savedBy(a))) {
    const kw = turn.powerKw[process.index]?.[turn.step] ?? 0;
    const least = leastKw(process, kw);
    const wanted = least * Math.sign(kw);
    const enough = savedBy(process) >= least - offKw;
    const routed = enough ? turn.router.route(process.evse, wanted, process.phaseShare) : 0;
    const purse = turn.saved.get(process.index);
    if (enough && Math.abs(routed - wanted) < offKw && purse !== undefined) {
      purse[direction(process)] -= least;
      turn.bounds.get(process.index)?.set(turn.step, switchedOn(process, kw));
    } else {
      turn.router.route(process.evse, -routed, process.phaseShare);
      turn.bounds.get(process.index)?.set(turn.step, resting);
    }
  }
}

function switchedOn(process: PlannedProcess, kw: number): PowerBounds {
  return kw > 0
    ? { charge: [process.minimumChargeKw, process.maximumChargeKw], discharge: [0, 0] }
    : { charge: [0, 0], discharge: [process.minimumDischargeKw, process.maximumDischargeKw] };
}

const hasMinimum = (process: PlannedProcess): boolean =>
  process.minimumChargeKw > 0 || process.minimumDischargeKw > 0;

const leastKw = (process: PlannedProcess, kw: number): number =>
  kw >= 0 ? process.minimumChargeKw : process.minimumDischargeKw;

function trickles(process: PlannedProcess, powerKw: Float64Array | undefined): boolean {
  return (powerKw ?? []).some((kw) => Math.abs(kw) > offKw && Math.abs(kw) < leastKw(process, kw) - offKw);
}
