import type { Random } from '../../../../src/core/random.ts';
import type { PlannedProcess, Problem } from '../model/problem.ts';
import { energyAfter } from '../physics/battery.ts';
import { penalties } from '../planning/objective.ts';
import { dispatch } from './dispatch.ts';
import type { Strategy } from './strategy.ts';

export interface EvolutionaryOptions {
  readonly generations?: number;
  readonly population?: number;
}

/**
 * One candidate: the order in which the processes are served, and for each of them a percentage of its maximum power for
 * each step of its stay.
 */
interface Individual {
  readonly order: readonly number[];
  readonly percent: readonly Int8Array[];
  /** EUR: energy, wear and unmet demand; the smaller the better. */
  readonly fitness: number;
}

/**
 * An evolutionary algorithm in the manner of Detzler: individuals are sequences of charging processes with power per time
 * step; offspring come from two parents by a cross-over point in the sequence; mutations change the order, powers, or
 * both; fitness looks at all vehicles and at the price of energy. The best are kept.
 */
export function evolutionary({ generations = 100, population = 20 }: EvolutionaryOptions = {}): Strategy {
  return {
    name: 'evolutionary',
    summary: `An evolutionary algorithm, ${generations} generations of ${population}.`,
    prepare: async (problem, { random, onProgress }) => {
      let people = Array.from({ length: population }, (_, index) => seedIndividual(problem, random, index));
      people.sort(byFitness);
      for (let generation = 0; generation < generations; generation++) {
        const offspring = Array.from({ length: population }, () => child(problem, random, people));
        people = [...people, ...offspring].sort(byFitness).slice(0, population);
        onProgress?.('evolutionary', (generation + 1) / generations);
        // Lets the progress be shown and other work be done.
        await new Promise<void>((resolve) => setImmediate(resolve));
      }
      const [best] = people;
      return {
        listsFor: ({ step }) => ({
          executionPriority: best?.order ?? [],
          percentOfMaximum: problem.processes.map(
            ({ index, first }) => best?.percent[index]?.[step - first] ?? 0,
          ),
        }),
      };
    },
  };
}

const byFitness = (a: Individual, b: Individual): number => a.fitness - b.fitness;

/** The first individual charges everybody at once, by departure; the others are drawn. */
function seedIndividual(problem: Problem, random: Random, index: number): Individual {
  const byDeparture = [...problem.processes]
    .sort((a, b) => a.departureS - b.departureS)
    .map((process) => process.index);
  const order = index === 0 ? byDeparture : random.shuffle(byDeparture);
  const percent = problem.processes.map((process) =>
    new Int8Array(process.end - process.first).map(() => (index === 0 ? 100 : drawPercent(process, random))),
  );
  return evaluated(problem, order, percent);
}

/** Mostly all or nothing; something between now and then; discharging where the vehicle can. */
function drawPercent(process: PlannedProcess, random: Random): number {
  if (process.maximumDischargeKw > 0 && random.chance(1, 5)) return -random.between(1, 100);
  return random.chance(1, 2) ? 100 : random.between(0, 100);
}

function child(problem: Problem, random: Random, people: readonly Individual[]): Individual {
  const parents = [tournament(random, people), tournament(random, people)] as const;
  const { order, percent } = crossOver(random, ...parents);
  const mutation = random.below(3);
  const mutatedOrder = mutation === 1 ? order : swapped(random, order);
  const mutatedPercent = mutation === 0 ? percent : redrawn(problem, random, percent);
  return evaluated(problem, mutatedOrder, mutatedPercent);
}

function tournament(random: Random, people: readonly Individual[]): Individual {
  const [a, b] = [random.pick(people), random.pick(people)];
  return a.fitness <= b.fitness ? a : b;
}

/** The processes up to the cross-over point come from one parent, the others in the order and with the powers of the other. */
function crossOver(random: Random, a: Individual, b: Individual): Pick<Individual, 'order' | 'percent'> {
  const point = random.below(a.order.length + 1);
  const head = a.order.slice(0, point);
  const inHead = new Set(head);
  return {
    order: [...head, ...b.order.filter((index) => !inHead.has(index))],
    percent: a.percent.map((row, index) => (inHead.has(index) ? row : (b.percent[index] ?? row))),
  };
}

function swapped(random: Random, order: readonly number[]): number[] {
  const next = [...order];
  if (next.length < 2) return next;
  const [i, j] = [random.below(next.length), random.below(next.length)];
  [next[i], next[j]] = [next[j] ?? 0, next[i] ?? 0];
  return next;
}

/** New powers for a stretch of the stay of about one process in twenty, at least one. */
function redrawn(problem: Problem, random: Random, percent: readonly Int8Array[]): Int8Array[] {
  const next = [...percent];
  for (let count = Math.ceil(percent.length / 20); count > 0; count--) {
    const process = problem.processes[random.below(Math.max(1, percent.length))];
    const row = next[process?.index ?? -1];
    if (process === undefined || row === undefined || row.length === 0) continue;
    const copy = row.slice();
    const from = random.below(row.length);
    copy.fill(drawPercent(process, random), from, random.between(from + 1, row.length));
    next[process.index] = copy;
  }
  return next;
}

function evaluated(problem: Problem, order: readonly number[], percent: readonly Int8Array[]): Individual {
  const { processes, stepHours } = problem;
  const penalty = penalties(problem).target;
  const energyKwh = Float64Array.from(processes, ({ initialKwh }) => initialKwh);
  let cost = 0;
  for (let step = problem.firstStep; step < problem.steps; step++) {
    const percentOfMaximum = processes.map(({ index, first }) => percent[index]?.[step - first] ?? 0);
    const { powerKw, pvKw } = dispatch(
      problem,
      { step, energyKwh },
      { executionPriority: order, percentOfMaximum },
    );
    let grid = 0;
    for (const row of problem.loadKw) grid += row[step] ?? 0;
    for (const kw of pvKw) grid -= kw;
    for (const process of processes) {
      const kw = powerKw[process.index] ?? 0;
      grid += kw;
      cost += Math.max(0, -kw) * stepHours * process.wearEurPerKwh;
      energyKwh[process.index] = energyAfter(process, energyKwh[process.index] ?? 0, kw, stepHours);
    }
    const prices = grid >= 0 ? problem.importEurPerKwh : problem.exportEurPerKwh;
    cost += grid * stepHours * (prices[step] ?? 0);
  }
  for (const { index, targetKwh } of processes)
    cost += penalty * Math.max(0, targetKwh - (energyKwh[index] ?? 0));
  return { order, percent, fitness: cost };
}
