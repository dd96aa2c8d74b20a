import { assert } from '../../../../src/core/assert.ts';
import { compileProblem } from '../model/compile-problem.ts';
import type { ChargingProcess } from '../model/needs.ts';
import type { Problem } from '../model/problem.ts';
import type { Scenario, TemporaryLimit } from '../model/scenario.ts';
import { type Dispatch, dispatch, netDemand } from '../strategies/dispatch.ts';
import { isFeasibleBesideLoads, toleranceKw } from '../topology/feasibility.ts';
import type { Network } from '../topology/network.ts';
import { phaseExcess } from '../topology/phases.ts';
import type { Instructions } from './replanner.ts';

/** A vehicle that is plugged in. */
export interface Plugged {
  readonly process: ChargingProcess;
  readonly energyKwh: number;
  /** What it took at most when it took less than it was told to, kW. */
  readonly acceptedKw: number | undefined;
}

export interface SetPoints {
  /** One step, as long as the segment; its processes are the plugged ones, in their order. */
  readonly problem: Problem;
  readonly dispatch: Dispatch;
  /** Whether every limit is kept when vehicles take these powers instead, kW, while generation is as dispatched. */
  keptBy(actualKw: ArrayLike<number>): boolean;
}

/**
 * Turns instructions into set-points that are safe now, whatever the plan knew when it was made: the limits of this
 * moment, the vehicles that are here, what they have been seen to take. So a cut of a limit holds at once, before anybody has
 * planned for it.
 */
export function setPoints(
  scenario: Scenario,
  network: Network,
  moment: {
    readonly nowS: number;
    readonly lengthS: number;
    readonly limits: readonly TemporaryLimit[];
    readonly plugged: readonly Plugged[];
    readonly instructions: Instructions;
  },
): SetPoints {
  const { nowS, lengthS, plugged, instructions } = moment;
  const problem = segmentProblem(scenario, network, moment);
  const percentOfMaximum = plugged.map(({ process, acceptedKw }) => {
    const percent = instructions.processes.get(process.id)?.percent ?? 0;
    // A percentage is one of what the vehicle has declared, not of what it was seen to take.
    const scale = percent > 0 && acceptedKw !== undefined ? process.needs.maximumChargeKw / acceptedKw : 1;
    return Math.min(100, Math.max(-100, percent * scale));
  });
  const executionPriority = plugged
    .map((_, index) => index)
    .filter((index) => percentOfMaximum[index] !== 0)
    .sort((a, b) => rankOf(plugged[a], instructions) - rankOf(plugged[b], instructions));
  const energyKwh = Float64Array.from(plugged, (vehicle) => vehicle.energyKwh);
  const done = dispatch(
    problem,
    { step: 0, energyKwh },
    {
      executionPriority,
      percentOfMaximum,
      // The rows of generation are those of the scenario, in the plan as well.
      ...(instructions.generationCeilingKw === undefined
        ? {}
        : { generationCeilingKw: instructions.generationCeilingKw }),
    },
  );
  // A promised load can be above a limit that was cut; then no vehicle may add to it.
  const fits = (powerKw: ArrayLike<number>): boolean =>
    isFeasibleBesideLoads(problem, 0, netDemand(problem, 0, powerKw, done.pvKw));
  assert(fits(done.powerKw), `set-points at ${nowS} s keep every capacity for ${lengthS} s`);
  const excess = (powerKw: ArrayLike<number>): number =>
    Math.max(0, ...phaseExcess(problem, 0, powerKw, done.pvKw).map(({ kw }) => kw));
  const excused = excess(done.powerKw);
  return {
    problem,
    dispatch: done,
    keptBy: (actualKw) => fits(actualKw) && excess(actualKw) <= excused + toleranceKw,
  };
}

const rankOf = (vehicle: Plugged | undefined, instructions: Instructions): number =>
  instructions.processes.get(vehicle?.process.id ?? '')?.rank ?? Number.MAX_SAFE_INTEGER;

function segmentProblem(
  scenario: Scenario,
  network: Network,
  {
    nowS,
    lengthS,
    limits,
    plugged,
  }: {
    readonly nowS: number;
    readonly lengthS: number;
    readonly limits: readonly TemporaryLimit[];
    readonly plugged: readonly Plugged[];
  },
): Problem {
  const step = Math.min(scenario.steps - 1, Math.floor(nowS / scenario.stepSeconds + 1e-9));
  const { prices: _priced, events: _later, ...rest } = scenario;
  return compileProblem(
    {
      ...rest,
      stepSeconds: lengthS,
      steps: 1,
      processes: plugged.map(({ process, acceptedKw }) => ({
        ...process,
        arrivalS: 0,
        departureS: lengthS,
        announcedS: 0,
        needs:
          acceptedKw === undefined
            ? process.needs
            : {
                ...process.needs,
                maximumChargeKw: acceptedKw,
                minimumChargeKw: Math.min(acceptedKw, process.needs.minimumChargeKw ?? 0),
              },
      })),
      fixedPower: (scenario.fixedPower ?? []).map((power) => ({ ...power, kw: [power.kw[step] ?? 0] })),
      limits: limits
        .filter(({ fromS, toS }) => fromS <= nowS && nowS < toS)
        .map((limit) => ({ ...limit, fromS: 0, toS: lengthS })),
    },
    { step: 0, energyKwh: new Map(plugged.map(({ process, energyKwh }) => [process.id, energyKwh])) },
    network,
  );
}
