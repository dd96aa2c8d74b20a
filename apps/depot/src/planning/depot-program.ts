import type { CurveLine, PlannedProcess, Problem } from '../model/problem.ts';
import { toleranceKwh } from '../physics/battery.ts';
import { addDecision, addRest, type PowerColumn } from './decisions.ts';
import type { FormerPlan } from './former-plan.ts';
import { addNetwork, type DeviceTerms } from './network-rows.ts';
import { type Objective, orderFactor, penalties } from './objective.ts';
import { type BuiltProgram, ProgramBuilder } from './program-builder.ts';

/** What one program may decide about one process. */
export interface Freedom {
  /** Steps before this one are given by `frozenKw`, by step; the process's first step if nothing is frozen. */
  readonly freeFrom: number;
  readonly frozenKw: Float64Array | undefined;
  /** Steps in which energy may be taken: [dischargeFrom, dischargeEnd), empty for charging only. */
  readonly dischargeFrom: number;
  readonly dischargeEnd: number;
  /** Bounds on the power of single steps by the rounding to a minimum power; undefined where there are none. */
  readonly bounds: ReadonlyMap<number, PowerBounds> | undefined;
  /**
   * Only of exact programs: the physics alone are asked, not how a plan should be. Whole numbers then hold the rules that no
   * linear program can, in the steps of this set.
   */
  readonly exactIn?: ReadonlySet<number>;
}

/** kW; charging and discharging both at least 0, one of the two upper bounds is 0. */
export interface PowerBounds {
  readonly charge: readonly [lower: number, upper: number];
  readonly discharge: readonly [lower: number, upper: number];
}

/** Names of the blocks of columns that a plan is read from. */
export const blocks = {
  charge: (id: string): string => `charge/${id}`,
  discharge: (id: string): string => `discharge/${id}`,
  unmetTarget: (id: string): string => `unmet target/${id}`,
  unmetMinimum: (id: string): string => `unmet minimum/${id}`,
  generation: (row: number): string => `generation/${row}`,
} as const;

/**
 * The linear program of a depot (docs/depot/model.md). Power in kW, energy in kWh, cost in EUR. Every physical bound is
 * hard; only demand has slack, at a price above all that energy could earn, so that there is always a solution.
 */
export function buildDepotProgram(
  problem: Problem,
  freedom: readonly Freedom[],
  objective: Objective,
  former?: FormerPlan,
): BuiltProgram {
  const builder = new ProgramBuilder(problem.steps);
  const terms: DeviceTerms = { columns: problem.network.nodes.map(() => []) };
  const penalty = penalties(problem);
  for (const process of problem.processes) {
    const free = freedom[process.index];
    if (free === undefined || process.first >= process.end) continue;
    addProcess(builder, { problem, process, free, objective, former, penalty, terms });
  }
  for (const [row, { node, kw }] of problem.generation.entries()) {
    for (let t = problem.firstStep; t < problem.steps; t++) {
      const available = kw[t] ?? 0;
      if (available <= 0) continue;
      const cost = -tieEurPerKwh * problem.stepHours;
      const column = builder.addColumn(blocks.generation(row), t, cost, 0, available);
      terms.columns[node]?.push({
        step: t,
        column,
        sign: -1,
        greatestKw: available,
        generates: true,
        share: balanced,
      });
    }
  }
  addNetwork(builder, problem, terms, objective);
  return builder.build();
}

/**
 * EUR per kWh, a cent per MWh: decides where nothing else does, for feeding generation in and against cycling. Great enough
 * to be above the solver's tolerance for costs, small enough to be below what any price says.
 */
export const tieEurPerKwh = 1e-5;

const balanced = [1 / 3, 1 / 3, 1 / 3] as const;

interface ProcessContext {
  readonly problem: Problem;
  readonly process: PlannedProcess;
  readonly free: Freedom;
  readonly objective: Objective;
  readonly former: FormerPlan | undefined;
  readonly penalty: { readonly target: number; readonly minimum: number };
  readonly terms: DeviceTerms;
}

interface Flow extends PowerColumn {
  readonly step: number;
  /** kWh into the battery per kW. */
  readonly storedPerKw: number;
}

function addProcess(builder: ProgramBuilder, context: ProcessContext): void {
  const { process, free, objective } = context;
  const cycles = free.dischargeFrom < free.dischargeEnd;
  // Beyond its target an exact program charges where the price pays for it.
  const mayExceed = free.exactIn !== undefined && lowestPrice(context.problem, process) < 0;
  if (!cycles && !mayExceed && process.targetKwh <= process.initialKwh) return; // it has what it wants
  const flows = [...chargeColumns(builder, context), ...dischargeColumns(builder, context)];
  if (objective.type === 'early') addUrgency(builder, context, flows);
  // Without cycling and taper the level only rises to the target, and one row holds the whole stay.
  if (cycles || mayExceed || bindingLines(process, process.targetKwh).length > 0)
    addLevels(builder, context, flows);
  else addTotal(builder, context, flows);
}

function chargeColumns(builder: ProgramBuilder, context: ProcessContext): Flow[] {
  const { problem, process, free, terms } = context;
  const storedPerKw = process.chargeEfficiency * problem.stepHours;
  const block = blocks.charge(process.id);
  const flows: Flow[] = [];
  // Its curve forbids to charge until it has given enough, which only a decision could say; the next plan is free to.
  if (free.exactIn === undefined && isBeyondCurve(process, process.initialKwh)) return flows;
  for (let step = process.first; step < process.end; step++) {
    const greatest = Math.min(process.maximumChargeKw, problem.importKw[process.evse]?.[step] ?? 0);
    const frozen = step < free.freeFrom ? (free.frozenKw?.[step] ?? 0) : undefined;
    const [lower, upper] =
      frozen !== undefined ? [frozen, frozen] : within(greatest, free.bounds?.get(step)?.charge);
    if (upper <= 0) continue;
    const cost = -earliness(context, step) * storedPerKw - steadiness(context, step, 1);
    const column = builder.addColumn(block, step, cost, lower, upper);
    flows.push({ step, column, storedPerKw, greatestKw: upper });
    terms.columns[process.evse]?.push({
      step,
      column,
      sign: 1,
      greatestKw: upper,
      generates: false,
      share: process.phaseShare,
    });
  }
  return flows;
}

function dischargeColumns(builder: ProgramBuilder, context: ProcessContext): Flow[] {
  const { problem, process, free, terms } = context;
  const storedPerKw = -problem.stepHours / process.dischargeEfficiency;
  const block = blocks.discharge(process.id);
  const flows: Flow[] = [];
  for (let step = Math.max(free.dischargeFrom, free.freeFrom); step < free.dischargeEnd; step++) {
    const greatest = Math.min(process.maximumDischargeKw, problem.exportKw[process.evse]?.[step] ?? 0);
    const [lower, upper] = within(greatest, free.bounds?.get(step)?.discharge);
    if (upper <= 0) continue;
    const burning = free.exactIn === undefined ? burningCost(problem, process, step) : tieEurPerKwh;
    const wear = (process.wearEurPerKwh + burning) * problem.stepHours;
    // What is given back loses the value of the earliest step, so that energy is never stored early just to be held.
    const cost = wear - earliness(context, free.dischargeFrom) * storedPerKw - steadiness(context, step, -1);
    const column = builder.addColumn(block, step, cost, lower, upper);
    flows.push({ step, column, storedPerKw, greatestKw: upper });
    terms.columns[process.evse]?.push({
      step,
      column,
      sign: -1,
      greatestKw: upper,
      generates: false,
      share: process.phaseShare,
    });
  }
  return flows;
}

/** Bounds by rounding, inside of what the EVSE can carry. */
function within(greatestKw: number, bounds: PowerBounds['charge'] | undefined): PowerBounds['charge'] {
  return bounds === undefined ? [0, greatestKw] : [bounds[0], Math.min(bounds[1], greatestKw)];
}

/**
 * EUR per kWh discharged that charging and discharging at once would earn at a negative price: of each kWh discharged,
 * 1 / (ηc ηd) − 1 more are drawn from the grid than come back. Charged to discharging, it makes burning energy worthless.
 */
function burningCost(problem: Problem, process: PlannedProcess, step: number): number {
  const lowest = Math.min(problem.importEurPerKwh[step] ?? 0, problem.exportEurPerKwh[step] ?? 0);
  const loss = 1 / (process.chargeEfficiency * process.dischargeEfficiency) - 1;
  return Math.max(0, -lowest) * loss * 1.001 + tieEurPerKwh;
}

/** The lowest price of import during a stay, EUR per kWh. */
function lowestPrice({ importEurPerKwh }: Problem, { first, end }: PlannedProcess): number {
  return importEurPerKwh.subarray(first, end).reduce((least, price) => Math.min(least, price), Infinity);
}

/** What a stored kWh is worth in `step`, EUR: the more, the longer it is still needed. */
function earliness({ problem, process, objective }: ProcessContext, step: number): number {
  const hoursLeft = (problem.steps - step) * problem.stepHours;
  return objective.earlyEurPerKwhHour * hoursLeft * orderFactor(problem, process, objective.order);
}

/**
 * EUR per kW for going on in the first step as the plan in force does at the moment: where vehicles are equal, a new plan would
 * otherwise choose others each time. Half of what a step earlier is worth, so nobody waits for it. Later steps are decided
 * again before they come.
 */
function steadiness(
  { problem, process, objective, former }: ProcessContext,
  step: number,
  way: 1 | -1,
): number {
  const { startMs, firstStep, stepSeconds, stepHours } = problem;
  if (former === undefined || step > firstStep) return 0;
  const kw = former.powerBefore(process.id, startMs + 1000 * firstStep * stepSeconds);
  return kw * way > steadyFromKw ? 0.5 * objective.earlyEurPerKwhHour * stepHours * stepHours : 0;
}

/** kW; less is no decision. */
const steadyFromKw = 1e-3;

/** How much more an hour is worth to energy below a minimum: more than losses of one vehicle can make up for others. */
const urgency = 10;

/**
 * Energy below the minimum comes before energy of others above theirs. What is stored in a step counts as urgent until
 * the sum has reached the minimum; since earlier is worth more, that is what is stored first.
 */
function addUrgency(builder: ProgramBuilder, context: ProcessContext, flows: readonly Flow[]): void {
  const { process } = context;
  const missing = process.minimumKwh - process.initialKwh;
  if (missing <= 0 || flows.length === 0) return;
  const urgent = flows.map((flow) => {
    const cost = -(urgency - 1) * earliness(context, flow.step);
    const column = builder.addColumn(`urgent/${process.id}`, flow.step, cost, 0, Infinity);
    builder.beginRow(`urgent/${process.id}`, flow.step, 0, Infinity);
    builder.entry(flow.column, flow.storedPerKw);
    builder.entry(column, -1);
    return column;
  });
  builder.beginRow(`all urgent/${process.id}`, process.end - 1, -Infinity, missing);
  for (const column of urgent) builder.entry(column, 1);
}

/** Charging only, without a curve: the sum of what is charged reaches the target, or slack says what is missing. */
function addTotal(builder: ProgramBuilder, context: ProcessContext, flows: readonly Flow[]): void {
  const { process, penalty } = context;
  const wanted = process.targetKwh - process.initialKwh;
  const last = process.end - 1;
  const unmet = builder.addColumn(blocks.unmetTarget(process.id), last, penalty.target, 0, Infinity);
  builder.beginRow(`target/${process.id}`, last, wanted, wanted);
  for (const { column, storedPerKw } of flows) builder.entry(column, storedPerKw);
  builder.entry(unmet, 1);
  const least = process.minimumKwh - process.initialKwh;
  if (least <= 0) return;
  const unmetMinimum = builder.addColumn(blocks.unmetMinimum(process.id), last, penalty.minimum, 0, Infinity);
  // The target's row already says what was charged: wanted − unmet.
  builder.beginRow(`minimum/${process.id}`, last, least - wanted, Infinity);
  builder.entry(unmet, -1);
  builder.entry(unmetMinimum, 1);
}

/** With cycling or a curve: the level at the end of each step is a column, bound to the level before it. */
function addLevels(builder: ProgramBuilder, context: ProcessContext, flows: readonly Flow[]): void {
  const { process, free, penalty } = context;
  const byStep = new Map<number, Flow[]>();
  for (const flow of flows) byStep.set(flow.step, [...(byStep.get(flow.step) ?? []), flow]);
  const last = process.end - 1;
  const [levelBlock, storageBlock] = [`level/${process.id}`, `storage/${process.id}`];
  let before: number | undefined;
  for (let step = process.first; step < process.end; step++) {
    const [lower, upper] = levelBounds(process, free, step);
    const level = builder.addColumn(levelBlock, step, 0, lower, upper);
    const start = before === undefined ? process.initialKwh : 0;
    builder.beginRow(storageBlock, step, start, start);
    builder.entry(level, 1);
    if (before !== undefined) builder.entry(before, -1);
    const here = byStep.get(step) ?? [];
    for (const flow of here) builder.entry(flow.column, -flow.storedPerKw);
    const charge = here.find(({ storedPerKw }) => storedPerKw > 0);
    const discharge = here.find(({ storedPerKw }) => storedPerKw < 0);
    if (charge !== undefined && step >= free.freeFrom)
      addCurve(builder, process, { step, charge, level, upper });
    if (free.exactIn?.has(step) === true) {
      const levelKwh = levelBounds(process, free, step - 1);
      addDecision(builder, process, { step, charge, discharge, before, after: level, levelKwh });
    }
    before = level;
  }
  if (before === undefined) return;
  const unmet = builder.addColumn(blocks.unmetTarget(process.id), last, penalty.target, 0, Infinity);
  builder.beginRow(`target/${process.id}`, last, process.targetKwh, Infinity);
  builder.entry(before, 1);
  builder.entry(unmet, 1);
  if (process.minimumKwh <= process.initialKwh) return;
  const unmetMinimum = builder.addColumn(blocks.unmetMinimum(process.id), last, penalty.minimum, 0, Infinity);
  builder.beginRow(`minimum/${process.id}`, last, process.minimumKwh, Infinity);
  builder.entry(before, 1);
  builder.entry(unmetMinimum, 1);
}

function levelBounds(process: PlannedProcess, free: Freedom, step: number): [lower: number, upper: number] {
  const { initialKwh, targetKwh, maximumKwh, minimumV2xKwh, maximumV2xKwh } = process;
  const cycles = free.dischargeFrom < free.dischargeEnd;
  // Nobody is discharged below this, nor has a reason to be charged above that.
  if (free.exactIn !== undefined)
    return [cycles ? Math.min(initialKwh, minimumV2xKwh) : 0, Math.max(initialKwh, maximumKwh)];
  // A vehicle that arrives above its maximum or target may keep what it has.
  const ceiling = Math.max(initialKwh, cycles ? maximumKwh : targetKwh);
  const floor = cycles && step >= free.dischargeFrom ? Math.max(0, minimumV2xKwh - toleranceKwh) : 0;
  if (step === process.end - 1) return [floor, Math.min(ceiling, Math.max(initialKwh, targetKwh))];
  const inWindow = cycles && step >= free.dischargeFrom && step < free.dischargeEnd;
  return [floor, inWindow ? Math.min(ceiling, maximumV2xKwh) : ceiling];
}

function addCurve(
  builder: ProgramBuilder,
  process: PlannedProcess,
  at: { readonly step: number; readonly charge: PowerColumn; readonly level: number; readonly upper: number },
): void {
  const mayRest = isBeyondCurve(process, process.initialKwh);
  const rests = mayRest ? addRest(builder, process, at.step, at.charge) : undefined;
  for (const { interceptKw, slopePerHour } of bindingLines(process, at.upper)) {
    builder.beginRow(`curve/${process.id}/${slopePerHour}`, at.step, -Infinity, interceptKw);
    builder.entry(at.charge.column, 1);
    builder.entry(at.level, -slopePerHour);
    if (rests !== undefined) builder.entry(rests, Math.min(0, interceptKw + slopePerHour * at.upper));
  }
}

/** Whether the curve ends below a level: such a vehicle cannot be charged at all. */
function isBeyondCurve({ curve }: PlannedProcess, levelKwh: number): boolean {
  return curve.some(({ interceptKw, slopePerHour }) => interceptKw + slopePerHour * levelKwh < 0);
}

/** The lines of the charging curve that limit the power somewhere below a level. */
function bindingLines(process: PlannedProcess, upToKwh: number): readonly CurveLine[] {
  return process.curve.filter(
    ({ interceptKw, slopePerHour }) =>
      slopePerHour < 0 && interceptKw + slopePerHour * upToKwh < process.maximumChargeKw,
  );
}
