import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import type { PlannedProcess } from '../model/problem.ts';
import { problemOf, smallScenario, stay } from '../testing/depots.ts';
import { energyAfter, maximumCharge, maximumDischarge, powerBetween, withoutTrickle } from './battery.ts';

const battery = {
  capacityKwh: 100,
  chargeEfficiency: 0.9,
  dischargeEfficiency: 0.8,
  chargingCurve: [
    { energyKwh: 50, kw: 40 },
    { energyKwh: 100, kw: 0 },
  ],
};
const needs = {
  minimumEnergyRequestKwh: -30,
  minimumV2xEnergyRequestKwh: -20,
  maximumV2xEnergyRequestKwh: 40,
  targetEnergyRequestKwh: 30,
  maximumEnergyRequestKwh: 50,
  maximumChargeKw: 40,
  minimumChargeKw: 4,
  maximumDischargeKw: 20,
  minimumDischargeKw: 5,
};
const vehicle = present(
  problemOf(smallScenario(1, 100, [stay(0, needs, { presentEnergyKwh: 50, battery })])).processes[0],
  'the only one',
);

test('a minimum power that rounding has missed by little is kept', () => {
  expect(withoutTrickle(vehicle, 4 - 1e-12)).toBe(4);
  expect(withoutTrickle(vehicle, -5 + 1e-12)).toBe(-5);
  expect(withoutTrickle(vehicle, 4 - 1e-6)).toBe(0);
});

test('losses on the way in and on the way out', () => {
  expect(energyAfter(vehicle, 50, 10, 0.5)).toBeCloseTo(54.5, 9);
  expect(energyAfter(vehicle, 50, -8, 0.5)).toBeCloseTo(45, 9);
});

test('the power between two levels leads from one to the other', () => {
  const level = fc.double({ min: 0, max: 100, noNaN: true });
  fc.assert(
    fc.property(level, level, fc.constantFrom(0.1, 0.25, 1), (from, to, hours) => {
      expect(energyAfter(vehicle, from, powerBetween(vehicle, from, to, hours), hours)).toBeCloseTo(to, 6);
    }),
  );
});

describe('charging', () => {
  const ideal: PlannedProcess = { ...vehicle, chargeEfficiency: 1 };

  test('full power below the curve, the power of the end of the step on it, none when full', () => {
    expect(maximumCharge(ideal, 0, 1)).toBe(40);
    // 40 − 0.8 · (70 + p − 50) = p
    expect(maximumCharge(ideal, 70, 1)).toBeCloseTo((40 - 0.8 * 20) / 1.8, 9);
    expect(maximumCharge(ideal, 100, 1)).toBe(0);
    expect(maximumCharge(ideal, 60, 1, 61)).toBeCloseTo(1, 9);
  });

  test('what is promised for a step can be had at every instant of it', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 100, noNaN: true }), (energy) => {
        const kw = maximumCharge(vehicle, energy, 0.25);
        const after = energyAfter(vehicle, energy, kw, 0.25);
        expect(kw).toBeLessThanOrEqual(Math.max(0, Math.min(40, 40 - 0.8 * (after - 50))) + 1e-9);
        expect(after).toBeLessThanOrEqual(100 + 1e-9);
      }),
    );
  });
});

describe('discharging', () => {
  test.each([
    ['below the window', 29, 0],
    ['at its lower end', 30, 0],
    ['with little to give', 35, 4],
    ['with enough', 70, 20],
    ['above the window', 91, 0],
  ])('%s', (_name, energy, kw) => {
    expect(maximumDischarge(vehicle, energy, 1)).toBeCloseTo(kw, 9);
  });
});

test('what is below a minimum power is left away, in either direction', () => {
  expect([3.9, 4, -4.9, -5, 0].map((kw) => withoutTrickle(vehicle, kw))).toEqual([0, 4, 0, -5, 0]);
});
