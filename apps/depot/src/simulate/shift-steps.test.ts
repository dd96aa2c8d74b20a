import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Scenario, scenarioFormat } from '../model/scenario.ts';
import { shiftSteps } from './shift-steps.ts';

const scenario: Scenario = {
  format: scenarioFormat,
  name: 'series',
  start: '2025-01-01T00:00:00Z',
  stepSeconds: 900,
  steps: 3,
  topology: { nodes: [{ type: 'grid', id: 'grid' }], links: [] },
  processes: [],
  prices: { importEurPerKwh: [1, 2, 4], exportEurPerKwh: [0, 0, 0.5] },
  fixedPower: [
    { type: 'load', id: 'l', node: 'grid', kw: [5, 1, 7] },
    { type: 'pv', id: 'p', node: 'grid', kw: [5, 1, 7] },
  ],
  limits: [{ node: 'grid', fromS: 900, toS: 1800, importKw: 1 }],
};

describe('steps that begin later', () => {
  it('have mean prices, the worse of loads and generation, and earlier seconds', () => {
    expect(shiftSteps(scenario, 300)).toEqual({
      ...scenario,
      start: '2025-01-01T00:05:00.000Z',
      prices: {
        importEurPerKwh: [expect.closeTo(4 / 3, 9), expect.closeTo(8 / 3, 9), 4],
        exportEurPerKwh: [0, expect.closeTo(1 / 6, 9), 0.5],
      },
      fixedPower: [
        { type: 'load', id: 'l', node: 'grid', kw: [5, 7, 7] },
        { type: 'pv', id: 'p', node: 'grid', kw: [1, 1, 7] },
      ],
      limits: [{ node: 'grid', fromS: 600, toS: 1500, importKw: 1 }],
    });
  });

  it('are the same when nothing is shifted', () => {
    expect(shiftSteps(scenario, 0)).toBe(scenario);
  });

  it('never promise more room than there is at any instant', () => {
    const series = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(series, fc.integer({ min: 1, max: 899 }), (kw, offset) => {
        const power = { id: 'x', node: 'grid', kw };
        const shifted = shiftSteps(
          {
            ...scenario,
            fixedPower: [
              { type: 'load', ...power },
              { type: 'pv', ...power },
            ],
          },
          offset,
        );
        for (const [step, value] of kw.entries()) {
          for (const covered of [value, kw[step + 1] ?? value]) {
            expect(shifted.fixedPower?.[0]?.kw[step]).toBeGreaterThanOrEqual(covered);
            expect(shifted.fixedPower?.[1]?.kw[step]).toBeLessThanOrEqual(covered);
          }
        }
      }),
    );
  });
});
