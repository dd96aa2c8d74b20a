import { expect, test } from 'vitest';
import { articleScenario } from '../article/instance.ts';
import { problemOf } from '../testing/depots.ts';
import { openInlineSolver } from './highs.ts';
import { planDepot } from './planner.ts';
import type { LinearProgram } from './solver.ts';
import { openWorkerSolver } from './worker-solver.ts';

/** min x + 2y so that x + y ≥ 3, 0 ≤ x ≤ upper. */
const program = (upper: number, lowerSum = 3): LinearProgram => ({
  columnCount: 2,
  rowCount: 1,
  cost: Float64Array.of(1, 2),
  colLower: Float64Array.of(0, 0),
  colUpper: Float64Array.of(upper, 10),
  rowLower: Float64Array.of(lowerSum),
  rowUpper: Float64Array.of(Infinity),
  rowStarts: Int32Array.of(0, 2),
  columns: Int32Array.of(0, 1),
  coefficients: Float64Array.of(1, 1),
});

test('a thread solves what it is given, in order, and can be closed', async () => {
  const solver = openWorkerSolver();
  const [a, b, c] = await Promise.all([
    solver.solve(program(2)),
    solver.solve(program(5)),
    solver.solve(program(2, 99)),
  ]);
  expect(a).toMatchObject({ type: 'optimal', objective: 4 });
  expect(b).toMatchObject({ type: 'optimal', objective: 3 });
  expect(c).toEqual({ type: 'infeasible' });
  await solver.close();
  expect(await solver.solve(program(2))).toEqual({ type: 'failed', detail: 'the solver has been closed' });
});

test('closing answers what is under way', async () => {
  const solver = openWorkerSolver();
  const answer = solver.solve(program(2));
  await solver.close();
  expect(await answer).toMatchObject({ type: 'failed' });
});

test('a time limit is told from failure, and a broken program is a failure', async () => {
  const solver = await openInlineSolver();
  const late = await planDepot(problemOf(articleScenario()), solver, { timeLimitS: 0 });
  expect(late).toMatchObject({ type: 'failed', detail: expect.stringContaining('no optimum within 0 s') });
  const broken = await solver.solve({ ...program(2), columns: Int32Array.of(0, 7) });
  expect(broken.type).toBe('failed');
  await solver.close();
});
