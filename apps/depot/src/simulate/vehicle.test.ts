import { expect, test } from 'vitest';
import { present } from '../../../../src/core/assert.ts';
import { problemOf, smallScenario, stay } from '../testing/depots.ts';
import { respond } from './vehicle.ts';

test('a set-point that rounding has put below the minimum power does not switch the vehicle off', () => {
  const process = stay(0, { maximumEnergyRequestKwh: 100, maximumChargeKw: 3.7, minimumChargeKw: 3.7 });
  const planned = present(problemOf(smallScenario(1, 100, [process])).processes[0], 'the only one');
  const told = (setPointKw: number) =>
    respond(process, planned, { energyKwh: 0, setPointKw, hours: 1 }, undefined);
  expect(told(3.7 - 1e-12)).toEqual({ kw: 3.7, energyKwh: 3.7 });
  expect(told(3.6)).toEqual({ kw: 0, energyKwh: 0 });
});
