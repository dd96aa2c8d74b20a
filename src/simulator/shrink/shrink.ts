import { present } from '../../core/assert.ts';
import { laboratory } from '../../protocols/laboratory.ts';
import type { WorldMutant } from '../mutants.ts';
import type { WorldOptions } from '../options.ts';
import { inWorld, simulateWorld } from '../simulate.ts';
import type { WorldReport } from '../world.ts';
import { act, type Performance, type Theatre } from './act.ts';
import { minimize } from './minimize.ts';
import { type LeftOut, type ScheduledEvent, ScheduleRecorder } from './schedule.ts';

/** What is left of a world that fails. */
export interface Shrunk {
  /** Of the smallest world that was found to break the same property. */
  readonly report: WorldReport;
  readonly replicas: number;
  /** Those who are added to them later, numbered after them. */
  readonly joiners: number;
  /** What happened to the protocol and is not acted out, by types of inputs, beside the times of it all. */
  readonly leftOut: ReadonlyMap<LeftOut, number>;
  /**
   * The events of the protocol alone that break an invariant of it; undefined when they do not, because what is wrong lies in
   * the disk, the host or the machine.
   */
  readonly performance: Performance | undefined;
}

/** Events that are acted out, over all schedules that are tried, before the smallest one found is taken. */
const budget = 400_000;

/** Takes away from a failing world what it does not need to fail, and then from what happened to its protocol. */
export function shrink(failing: WorldReport, mutant: WorldMutant | undefined): Shrunk {
  const parts = mutant?.parts ?? {};
  const report = smallest(failing, (options) => simulateWorld(options, parts));
  const { protocol, replicas } = report.options;
  const found = present(laboratory.get(protocol), `no laboratory for ${protocol}`);
  const model = found.mutants.find(({ name }) => name === mutant?.name)?.model ?? found.model;
  const create = inWorld(report.options, (its) => model.create(its));
  const recorder = new ScheduleRecorder(found.model, replicas);
  simulateWorld(report.options, {
    ...parts,
    observe: (name, id, inputs, effects) => recorder.stepped(Number(name.slice(1)), id, inputs, effects),
  });
  const { joiners, leftOut, events } = recorder;
  const theatre: Theatre = {
    model: { ...model, create },
    replicas,
    joiners,
    createInvariants: () => found.createInvariants(),
  };
  return { report, replicas, joiners, leftOut, performance: shortest(theatre, events) };
}

/** Each simplification is kept if the same property is broken without what it takes away. */
function smallest(failing: WorldReport, run: (options: WorldOptions) => WorldReport): WorldReport {
  let best = failing;
  for (const simplify of simplifications) {
    const options = simplify(best.options, best);
    if (options === undefined) continue;
    const report = run(options);
    if (report.violation?.property === failing.violation?.property && report.events <= best.events)
      best = report;
  }
  return best;
}

type Simplification = (options: WorldOptions, failing: WorldReport) => WorldOptions | undefined;

const simplifications: readonly Simplification[] = [
  (options) => (options.replicas > 3 ? { ...options, replicas: 3 } : undefined),
  (options) => ({ ...options, watchers: 0 }),
  (options) => ({ ...options, leases: 0 }),
  (options) => ({ ...options, leaseReads: undefined }),
  (options) => ({ ...options, maxCompactionMs: 0 }),
  (options) => ({ ...options, workload: { ...options.workload, clients: 2 } }),
  (options) => ({ ...options, link: { ...options.link, splitting: 0, slow: 0 } }),
  (options) => ({ ...options, link: { ...options.link, loss: 0, duplication: 0, reordering: 0 } }),
  (options) => ({ ...options, minTurnMicros: 0, maxTurnMicros: 0, maxDriftPpm: 0 }),
  // Again and again: each time the first kind that is still there and not needed goes.
  ...Array.from(
    { length: 20 },
    (_, at): Simplification =>
      (options) => {
        const without = options.faults.filter((_kind, place) => place !== at % options.faults.length);
        return options.faults.length > 1 ? { ...options, faults: without } : undefined;
      },
  ),
  (options, { simulatedMs }) => ({ ...options, faultMs: Math.min(options.faultMs, simulatedMs) }),
];

/** The fewest events that still break an invariant of the protocol; undefined when all of them do not. */
export function shortest(theatre: Theatre, events: readonly ScheduledEvent[]): Performance | undefined {
  const whole = act(theatre, events);
  if (whole.broken === undefined) return undefined;
  let spent = 0;
  let best = whole;
  const fails = (part: readonly ScheduledEvent[]): boolean => {
    const performance = act(theatre, part);
    spent += performance.moments.length;
    if (performance.broken === undefined) return false;
    best = performance;
    return true;
  };
  // What was not possible is not in the performance, and what came after the end is not either: begin again with that.
  for (let before = Number.POSITIVE_INFINITY; best.moments.length < before && spent < budget; ) {
    before = best.moments.length;
    const needed = best.moments.map(({ event }) => event);
    minimize(needed, fails, () => spent < budget);
  }
  return best;
}
