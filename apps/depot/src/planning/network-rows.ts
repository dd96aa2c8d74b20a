import { present } from '../../../../src/core/assert.ts';
import type { Problem } from '../model/problem.ts';
import { leastGridImport, leastImports } from '../model/promised-power.ts';
import { subtree } from '../topology/network.ts';
import type { Objective } from './objective.ts';
import type { ProgramBuilder } from './program-builder.ts';

/** A column's power at the node of its device. */
interface DeviceTerm {
  readonly step: number;
  readonly column: number;
  /** 1 when it takes power, −1 when it feeds in. */
  readonly sign: 1 | -1;
  readonly greatestKw: number;
  readonly generates: boolean;
  readonly share: readonly [number, number, number];
}

/** By node, the columns of the devices that are connected to it. */
export interface DeviceTerms {
  readonly columns: readonly DeviceTerm[][];
}

interface Term {
  readonly column: number;
  readonly sign: 1 | -1;
}

/** What meets at a node in one step: columns, a constant, and how far both could go. */
interface Sum {
  readonly terms: Term[];
  loadKw: number;
  /** What loads import when no vehicle takes part: the generation they can use is deducted. */
  promisedKw: number;
  mostImportKw: number;
  mostExportKw: number;
}

/**
 * Kirchhoff's current law and the capacity of every node and line, phase limits, and the cost of what the grid gives and
 * takes. A limit that is cut below what has been promised to loads is raised to it: vehicles get nothing there, and the
 * promise stands.
 */
export function addNetwork(
  builder: ProgramBuilder,
  problem: Problem,
  devices: DeviceTerms,
  objective: Objective,
): void {
  const peak =
    objective.peakEurPerKw > 0
      ? builder.addColumn('peak', problem.firstStep, objective.peakEurPerKw, 0, Infinity)
      : undefined;
  const byStep = devices.columns.map((terms) => groupByStep(terms));
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const sums = problem.network.nodes.map(({ index }) =>
      deviceSum(byStep[index]?.get(step) ?? [], problem.loadKw[index]?.[step] ?? 0),
    );
    const root = problem.network.isTree
      ? addTreeStep(builder, problem, step, sums)
      : addGraphStep(builder, problem, step, sums);
    addGrid(builder, problem, { step, root, peak, objective });
  }
  addPhaseRows(builder, problem, byStep);
}

function groupByStep(terms: readonly DeviceTerm[]): Map<number, DeviceTerm[]> {
  const groups = new Map<number, DeviceTerm[]>();
  for (const term of terms) {
    const group = groups.get(term.step);
    if (group === undefined) groups.set(term.step, [term]);
    else group.push(term);
  }
  return groups;
}

function deviceSum(devices: readonly DeviceTerm[], loadKw: number): Sum {
  const sum: Sum = { terms: [], loadKw, promisedKw: loadKw, mostImportKw: loadKw, mostExportKw: -loadKw };
  for (const { column, sign, greatestKw, generates } of devices) {
    if (generates) sum.promisedKw -= greatestKw;
    sum.terms.push({ column, sign });
    if (sign > 0) sum.mostImportKw += greatestKw;
    else sum.mostExportKw += greatestKw;
  }
  return sum;
}

/**
 * On a tree, from the leaves to the root. Only a node whose capacity can be reached at all gets a column and a row; the
 * others hand on what meets at them. Returns what flows through the grid connection.
 */
function addTreeStep(builder: ProgramBuilder, problem: Problem, step: number, sums: Sum[]): Sum {
  const { nodes, links } = problem.network;
  for (let index = nodes.length - 1; index > 0; index--) {
    const node = nodes[index];
    const sum = sums[index];
    const into = sums[links[node?.feeders[0] ?? -1]?.from ?? -1];
    if (node === undefined || sum === undefined || into === undefined) continue;
    const importKw = Math.max(problem.importKw[index]?.[step] ?? 0, sum.promisedKw);
    const exportKw = problem.exportKw[index]?.[step] ?? 0;
    if (sum.mostImportKw <= importKw && sum.mostExportKw <= exportKw) {
      for (const term of sum.terms) into.terms.push(term);
      into.loadKw += sum.loadKw;
      into.promisedKw += sum.promisedKw;
      into.mostImportKw += sum.mostImportKw;
      into.mostExportKw += sum.mostExportKw;
      continue;
    }
    const through = builder.addColumn(`through/${node.id}`, step, 0, -exportKw, importKw);
    addBalance(builder, `balance/${node.id}`, step, sum, [{ column: through, sign: -1 }]);
    into.terms.push({ column: through, sign: 1 });
    into.promisedKw += Math.max(sum.promisedKw, -exportKw);
    into.mostImportKw += Math.min(importKw, sum.mostImportKw);
    into.mostExportKw += Math.min(exportKw, sum.mostExportKw);
  }
  return present(sums[0], 'a network has a grid connection');
}

/**
 * In general every line has a column; a node balances what comes in with what goes out, and bounds it. Returns what flows
 * through the grid connection.
 */
function addGraphStep(builder: ProgramBuilder, problem: Problem, step: number, sums: Sum[]): Sum {
  const { nodes, links } = problem.network;
  const columns = links.map((link) =>
    builder.addColumn(`line/${link.index}`, step, 0, -link.exportKw, link.importKw),
  );
  const column = (link: number): number => columns[link] ?? -1;
  for (const node of nodes) {
    const sum = sums[node.index];
    if (sum === undefined) continue;
    for (const link of node.outlets) sum.terms.push({ column: column(link), sign: 1 });
    if (node.index === 0) continue;
    const inflow = node.feeders.map((link): Term => ({ column: column(link), sign: -1 }));
    addBalance(builder, `balance/${node.id}`, step, sum, inflow);
    const importKw = Math.max(problem.importKw[node.index]?.[step] ?? 0, sum.promisedKw);
    const exportKw = problem.exportKw[node.index]?.[step] ?? 0;
    if (importKw === Infinity && exportKw === Infinity) continue;
    builder.beginRow(`capacity/${node.id}`, step, -exportKw, importKw);
    for (const { column: line } of inflow) builder.entry(line, 1);
  }
  const root = present(sums[0], 'a network has a grid connection');
  root.promisedKw = leastGridImport(problem, step);
  return root;
}

/** sum of terms + load + others = 0. */
function addBalance(
  builder: ProgramBuilder,
  block: string,
  step: number,
  sum: Sum,
  others: readonly Term[],
): void {
  builder.beginRow(block, step, -sum.loadKw, -sum.loadKw);
  for (const { column, sign } of sum.terms) builder.entry(column, sign);
  for (const { column, sign } of others) builder.entry(column, sign);
}

function addGrid(
  builder: ProgramBuilder,
  problem: Problem,
  context: {
    readonly step: number;
    readonly root: Sum;
    readonly peak: number | undefined;
    readonly objective: Objective;
  },
): void {
  const { step, root, peak, objective } = context;
  const priced = objective.type === 'cost';
  const cost = (prices: Float64Array): number => (priced ? (prices[step] ?? 0) * problem.stepHours : 0);
  const importKw = Math.max(problem.importKw[0]?.[step] ?? 0, root.promisedKw);
  const exportKw = problem.exportKw[0]?.[step] ?? 0;
  const imported = builder.addColumn('import', step, cost(problem.importEurPerKwh), 0, importKw);
  const exported = builder.addColumn('export', step, -cost(problem.exportEurPerKwh), 0, exportKw);
  addBalance(builder, 'grid', step, root, [
    { column: imported, sign: -1 },
    { column: exported, sign: 1 },
  ]);
  if (peak === undefined) return;
  builder.beginRow('below peak', step, 0, Infinity);
  builder.entry(peak, 1);
  builder.entry(imported, -1);
}

/**
 * A wye connection at unity power factor: the current of a conductor is the sum of the currents of the vehicles on it.
 * Promised loads and generation are taken as balanced.
 */
function addPhaseRows(
  builder: ProgramBuilder,
  problem: Problem,
  byStep: readonly ReadonlyMap<number, readonly DeviceTerm[]>[],
): void {
  for (const node of problem.network.nodes) {
    if (node.phaseKw === Infinity) continue;
    const inside = subtree(problem.network, node.index);
    for (let step = problem.firstStep; step < problem.steps; step++) {
      const devices = inside.flatMap((index) => byStep[index]?.get(step) ?? []);
      const load = inside.reduce((sum, index) => sum + (problem.loadKw[index]?.[step] ?? 0) / 3, 0);
      for (const phase of [0, 1, 2] as const) {
        const loading = devices.filter(({ share }) => share[phase] > 0);
        const most = loading.reduce((sum, { greatestKw, share }) => sum + greatestKw * share[phase], load);
        if (most <= node.phaseKw) continue;
        const room = Math.max(node.phaseKw - load, leastRoom(problem, step, node.index, load));
        builder.beginRow(`phase ${phase}/${node.id}`, step, -node.phaseKw - load, room);
        for (const { column, sign, share } of loading) builder.entry(column, sign * share[phase]);
      }
    }
  }
}

/** kW on a conductor that loads need when no vehicle takes part: not above 0, since generation can relieve them. */
function leastRoom(problem: Problem, step: number, node: number, loadKw: number): number {
  if (loadKw <= (problem.network.nodes[node]?.phaseKw ?? 0) || !problem.network.isTree) return 0;
  return Math.min(0, (leastImports(problem, step)[node] ?? 0) / 3 - loadKw);
}
