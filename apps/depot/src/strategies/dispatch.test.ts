import { expect, test } from 'vitest';
import { problemOf, smallScenario, stay } from '../testing/depots.ts';
import { dispatch } from './dispatch.ts';

const all = { executionPriority: [0], percentOfMaximum: [-100] };
const pv = { type: 'pv' as const, id: 'pv', node: 'grid', kw: [60] };
const needs = { maximumChargeKw: 40, maximumDischargeKw: 40 };
const full = { presentEnergyKwh: 90 };
const discharging = { ...needs, minimumEnergyRequestKwh: -90 };

test('generation is never negative, however much is given back', () => {
  const problem = problemOf(smallScenario(1, 38, [stay(0, discharging, full)], { fixedPower: [pv] }));
  const { powerKw, pvKw } = dispatch(problem, { step: 0, energyKwh: Float64Array.of(90) }, all);
  // Generation comes first where not both can leave the depot.
  expect(pvKw[0]).toBeCloseTo(38, 9);
  expect(powerKw[0]).toBeCloseTo(0, 9);
});

test('generation is curtailed to the limit, not beyond it', () => {
  const problem = problemOf(smallScenario(1, 50, [stay(0, discharging, full)], { fixedPower: [pv] }));
  const { powerKw, pvKw } = dispatch(problem, { step: 0, energyKwh: Float64Array.of(90) }, all);
  expect(powerKw[0]).toBe(-40);
  expect(pvKw[0]).toBeCloseTo(10, 6);
  expect(-(powerKw[0] ?? 0) + (pvKw[0] ?? 0)).toBeLessThanOrEqual(50);
});

test('where a wish needs generation and the rest cannot leave, a share between none and all is fed in', () => {
  const scenario = smallScenario(1, 10, [stay(0, { ...needs, maximumEnergyRequestKwh: 90 })], {
    fixedPower: [pv],
  });
  const problem = problemOf(scenario);
  const lists = { executionPriority: [0], percentOfMaximum: [100] };
  const { powerKw, pvKw } = dispatch(problem, { step: 0, energyKwh: Float64Array.of(0) }, lists);
  expect(powerKw[0]).toBe(40);
  expect(pvKw[0]).toBeCloseTo(50, 6);
  expect(pvKw[0]).toBeLessThanOrEqual(50);
});
