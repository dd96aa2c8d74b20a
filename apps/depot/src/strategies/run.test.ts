import { expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import type { ChargingNeeds, ChargingProcess } from '../model/needs.ts';
import { problemOf, smallScenario, stay } from '../testing/depots.ts';
import { unmetDemand } from './run.ts';

/** What is said of a vehicle that is alone and leaves with `finalKwh`, in a scenario of 8 hours. */
function said(finalKwh: number, needs: Partial<ChargingNeeds>, more: Partial<ChargingProcess> = {}) {
  const problem = problemOf(smallScenario(8, 1000, [stay(0, needs, more)]));
  const process = present(problem.processes[0], 'the only one');
  return unmetDemand(problem, process, finalKwh).map(({ kind, reason }) => `${kind}: ${reason}`);
}

const full = { targetEnergyRequestKwh: 100, maximumEnergyRequestKwh: 100 };

test('a stay that is too short for target and minimum says both', () => {
  const both = { ...full, minimumEnergyRequestKwh: 90 };
  expect(said(80, both, { departureS: 8 * 3600 })).toEqual([
    'target: stay too short',
    'minimum: stay too short',
  ]);
});

test('a stay that goes on after the scenario is not too short', () => {
  expect(said(80, full, { departureS: 100 * 3600 })).toEqual(['target: the scenario ends before']);
});

test('who would be charged if he took less than his minimum power', () => {
  const battery = {
    capacityKwh: 100,
    chargingCurve: [
      { energyKwh: 80, kw: 40 },
      { energyKwh: 100, kw: 4 },
    ],
  };
  const needs = { ...full, targetEnergyRequestKwh: 97, maximumChargeKw: 40, minimumChargeKw: 20 };
  expect(said(90, needs, { battery })).toEqual(['target: minimum power']);
  expect(said(90, { ...needs, minimumChargeKw: 0 }, { battery })).toEqual(['target: others or limits']);
});
