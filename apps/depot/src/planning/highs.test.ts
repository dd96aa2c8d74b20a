import { expect, test } from 'vitest';
import { openInlineSolver } from './highs.ts';
import type { LinearProgram } from './solver.ts';

test('a program that simplex ends without an answer is solved another way', async () => {
  // Two vehicles for four hours: simplex without presolve reports the status "unknown" for it.
  const penalty = 23.49160410069441;
  const program: LinearProgram = {
    columnCount: 18,
    rowCount: 7,
    cost: Float64Array.of(
      ...[
        -0.00006610000000000001, -0.00005288000000000001, -0.00003966000000000001, -0.000026440000000000004,
      ],
      ...[penalty, -0.0001, -0.00008, penalty],
      ...[0.2, -0, 0.2, -0, 0.2, -0, 0.2, -0, 0.2, -0],
    ),
    colLower: new Float64Array(18),
    colUpper: Float64Array.from([
      26,
      26,
      26,
      26,
      Infinity,
      4.7,
      4.7,
      ...new Array<number>(11).fill(Infinity),
    ]),
    rowLower: Float64Array.of(50.914, 67.10000000000002, -0, -0, -0, -0, -0),
    rowUpper: Float64Array.of(50.914, 67.10000000000002, -0, -0, -0, -0, -0),
    rowStarts: Int32Array.of(0, 5, 8, 12, 16, 19, 22, 24),
    columns: Int32Array.of(
      ...[0, 1, 2, 3, 4, 5, 6, 7, 5, 0, 8, 9, 6, 1, 10, 11, 2, 12, 13, 3, 14, 15, 16, 17],
    ),
    coefficients: Float64Array.of(
      ...[0.661, 0.661, 0.661, 0.661, 1, 1, 1, 1, 1, 1, -1, 1, 1, 1, -1, 1, 1, -1, 1, 1, -1, 1, -1, 1],
    ),
  };
  const solver = await openInlineSolver();
  try {
    const solution = await solver.solve(program, { presolve: false });
    expect(solution.type).toBe('optimal');
    if (solution.type !== 'optimal') return;
    // The first row: 50.914 kWh are charged with an efficiency of 0.661.
    const [a = 0, b = 0, c = 0, d = 0] = solution.columns;
    expect((a + b + c + d) * 0.661).toBeCloseTo(50.914, 5);
  } finally {
    await solver.close();
  }
});
