import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import { articleScenario } from '../article/instance.ts';
import { compileProblem } from '../model/compile-problem.ts';
import type { Problem } from '../model/problem.ts';
import type { Scenario } from '../model/scenario.ts';
import { problemOf, smallScenario, stay } from '../testing/depots.ts';
import { scenarios } from '../testing/scenarios.ts';
import { tieEurPerKwh } from './depot-program.ts';
import { toMps } from './export.ts';
import { openInlineSolver } from './highs.ts';
import { costObjective, penalties } from './objective.ts';
import { offlineOptimum } from './optimum.ts';
import { planDepot } from './planner.ts';
import type { LinearProgram, LpSolver } from './solver.ts';

let opened: LpSolver | undefined;
beforeAll(async () => {
  opened = await openInlineSolver();
});
afterAll(() => opened?.close());

/** Every program of a plan with the optimum that HiGHS found. */
async function solvedPrograms(
  problem: Problem,
  make: (problem: Problem, solver: LpSolver) => Promise<{ type: string }> = planDepot,
): Promise<{ program: LinearProgram; optimum: number }[]> {
  const solver = present(opened, 'opened before');
  const solved: { program: LinearProgram; optimum: number }[] = [];
  const recording: LpSolver = {
    ...solver,
    solve: async (program, options) => {
      const solution = await solver.solve(program, options);
      if (solution.type === 'optimal') solved.push({ program, optimum: solution.objective });
      return solution;
    },
  };
  expect(await make(problem, recording)).toMatchObject({ type: 'planned' });
  return solved;
}

const glpsol = spawnSync('glpsol', ['--version']).status === 0;
const required = process.env['CI'] === 'true';

describe('against GLPK, on exported programs (needs glpsol: apt install glpk-utils)', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'depot-glpk-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  function glpkOptimum(program: LinearProgram): number {
    const [model, result] = [path.join(folder, 'model.mps'), path.join(folder, 'result.txt')];
    writeFileSync(model, toMps(program));
    const log = execFileSync('glpsol', ['--freemps', model, '--output', result], { encoding: 'utf8' });
    const text = readFileSync(result, 'utf8');
    expect(text, log).toMatch(/Status:\s+(INTEGER )?OPTIMAL/);
    return Number(/Objective:\s+cost = (\S+)/.exec(text)?.[1]);
  }

  test.skipIf(!glpsol && !required)('the instance of the article', async () => {
    const programs = await solvedPrograms(problemOf(articleScenario()));
    expect(programs.length).toBeGreaterThanOrEqual(2);
    for (const { program, optimum } of programs) {
      expect(Math.abs(glpkOptimum(program) - optimum)).toBeLessThan(1e-5 * Math.abs(optimum));
    }
  });

  test.skipIf(!glpsol && !required)('drawn depots, rings and negative prices among them', async () => {
    await fc.assert(
      fc.asyncProperty(scenarios(), async (scenario) => {
        for (const { program, optimum } of await solvedPrograms(compileProblem(scenario))) {
          if (program.columnCount === 0) continue;
          expect(Math.abs(glpkOptimum(program) - optimum)).toBeLessThan(
            1e-4 * Math.max(1, Math.abs(optimum)),
          );
        }
      }),
      { numRuns: 25, seed: 8 },
    );
  });

  test.skipIf(!glpsol && !required)('optima of drawn depots, with whole numbers', async () => {
    let whole = 0;
    await fc.assert(
      fc.asyncProperty(scenarios(), async (scenario) => {
        for (const { program, optimum } of await solvedPrograms(compileProblem(scenario), offlineOptimum)) {
          if (program.integrality === undefined) continue;
          whole += 1;
          expect(Math.abs(glpkOptimum(program) - optimum)).toBeLessThan(
            2e-3 + 1e-5 * Math.max(1, Math.abs(optimum)),
          );
        }
      }),
      { numRuns: 60, seed: 9 },
    );
    expect(whole).toBeGreaterThan(5);
  });
});

describe('against all plans in whole kW', () => {
  /**
   * Without losses and with whole numbers everywhere the program is one of network flows over time, whose optimum is
   * attained in whole numbers (integrality theorem, Ahuja, Magnanti and Orlin 1993, theorem 9.10).
   */
  const drawn = fc.record({
    gridKw: fc.integer({ min: 0, max: 4 }),
    cents: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 3, maxLength: 3 }),
    // Shifts prices below 0.
    lower: fc.constantFrom(0, 0, 20),
    vehicles: fc.array(
      fc.record({
        present: fc.integer({ min: 0, max: 3 }),
        target: fc.integer({ min: 0, max: 4 }),
        above: fc.integer({ min: 0, max: 2 }),
        charge: fc.integer({ min: 1, max: 2 }),
        discharge: fc.integer({ min: 0, max: 2 }),
        /** The V2X window ends so many kWh from the empty and from the full battery. */
        window: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 })),
      }),
      { minLength: 2, maxLength: 2 },
    ),
  });

  function tiny(
    { gridKw, cents, lower, vehicles }: typeof drawn extends fc.Arbitrary<infer T> ? T : never,
    windows: boolean,
  ): Scenario {
    const market = cents.map((cent) => cent - (windows ? lower : 0));
    const stays = vehicles.map(({ present: level, target, above, charge, discharge, window }, index) => {
      const maximum = Math.max(target, level) + above;
      const from = Math.min(window[0], maximum);
      const to = Math.max(from, maximum - window[1]);
      const needs = {
        minimumEnergyRequestKwh: -level,
        targetEnergyRequestKwh: target - level,
        maximumEnergyRequestKwh: maximum - level,
        maximumChargeKw: charge,
        maximumDischargeKw: discharge,
        ...(windows
          ? { minimumV2xEnergyRequestKwh: from - level, maximumV2xEnergyRequestKwh: to - level }
          : {}),
      };
      return stay(index, needs, { presentEnergyKwh: level });
    });
    return smallScenario(3, gridKw, stays, {
      prices: {
        importEurPerKwh: market.map((cent) => cent / 100),
        exportEurPerKwh: market.map((cent) => Math.min(cent, cent / 2) / 100),
      },
    });
  }

  /** The least cost over all combinations of whole powers; `physics` allows what plans do not make use of. */
  function bruteForce(problem: Problem, rules: 'plan' | 'physics'): number {
    const { processes, steps } = problem;
    const penalty = penalties(problem).target;
    let best = Infinity;
    const visit = (
      step: number,
      index: number,
      levels: readonly number[],
      gridKw: number,
      cost: number,
    ): void => {
      const process = processes[index];
      if (process === undefined) {
        if (gridKw > (problem.importKw[0]?.[step] ?? 0) || -gridKw > (problem.exportKw[0]?.[step] ?? 0))
          return;
        const price = (gridKw >= 0 ? problem.importEurPerKwh : problem.exportEurPerKwh)[step] ?? 0;
        visit(step + 1, 0, levels, 0, cost + gridKw * price);
        return;
      }
      if (step >= steps) {
        const unmet = processes.reduce((sum, p, i) => sum + Math.max(0, p.targetKwh - (levels[i] ?? 0)), 0);
        best = Math.min(best, cost + penalty * unmet);
        return;
      }
      const level = levels[index] ?? 0;
      const atEnd = rules === 'plan' && step === steps - 1;
      const ceiling = atEnd
        ? Math.max(process.initialKwh, process.targetKwh)
        : Math.max(process.initialKwh, process.maximumKwh);
      for (let kw = -process.maximumDischargeKw; kw <= process.maximumChargeKw; kw++) {
        const next = level + kw;
        if (next < 0 || next > ceiling) continue;
        if (kw < 0 && (level > process.maximumV2xKwh || next < process.minimumV2xKwh)) continue;
        const tie = tieEurPerKwh * Math.max(0, -kw);
        visit(step, index + 1, levels.with(index, next), gridKw + kw, cost + tie);
      }
    };
    visit(
      0,
      0,
      processes.map(({ initialKwh }) => initialKwh),
      0,
      0,
    );
    return best;
  }

  test('no combination is cheaper than a plan, and one costs the same', async () => {
    const solver = present(opened, 'opened before');
    await fc.assert(
      fc.asyncProperty(drawn, async (numbers) => {
        const problem = problemOf(tiny(numbers, false));
        const objective = { ...costObjective, earlyEurPerKwhHour: 0 };
        const result = await planDepot(problem, solver, { objective });
        const expected = bruteForce(problem, 'plan');
        expect(result.type === 'planned' && result.planned.objective).toBeCloseTo(expected, 4);
      }),
      { numRuns: 150, seed: 4 },
    );
  });

  // With the decisions of the whole numbers made, what is left is a program of flows again.
  test('nor than the optimum with windows and negative prices, and one costs the same', async () => {
    const solver = present(opened, 'opened before');
    await fc.assert(
      fc.asyncProperty(drawn, async (numbers) => {
        const problem = problemOf(tiny(numbers, true));
        const result = await offlineOptimum(problem, solver);
        expect(result).toMatchObject({ type: 'planned', proof: { type: 'proved' } });
        const expected = bruteForce(problem, 'physics');
        expect(result.type === 'planned' && result.planned.objective).toBeGreaterThan(expected - 1e-4);
        expect(result.type === 'planned' && result.planned.objective).toBeLessThan(expected + 2e-3);
      }),
      { numRuns: 250, seed: 6 },
    );
  });
});
