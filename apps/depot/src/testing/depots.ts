import { present } from '../../../../src/core/assert.ts';
import { compileProblem } from '../model/compile-problem.ts';
import type { ChargingNeeds, ChargingProcess } from '../model/needs.ts';
import { describeFindings, parseScenario } from '../model/parse-scenario.ts';
import type { Problem } from '../model/problem.ts';
import { type Scenario, scenarioFormat } from '../model/scenario.ts';

/** A stay of the whole scenario at an EVSE, by default one that is empty, has no wishes, and charges with 10 kW. */
export function stay(
  evse: number,
  needs: Partial<ChargingNeeds>,
  more: Partial<ChargingProcess> = {},
): ChargingProcess {
  return {
    id: `vehicle ${evse}`,
    evse: `evse ${evse}`,
    arrivalS: 0,
    departureS: 1e6,
    presentEnergyKwh: 0,
    battery: { capacityKwh: 100 },
    needs: {
      targetEnergyRequestKwh: 0,
      minimumEnergyRequestKwh: 0,
      maximumEnergyRequestKwh: 0,
      maximumChargeKw: 10,
      ...needs,
    },
    ...more,
  };
}

/** Hourly steps; one grid connection that feeds all EVSEs that the processes name. */
export function smallScenario(
  steps: number,
  gridKw: number,
  processes: readonly ChargingProcess[],
  more: Partial<Scenario> = {},
): Scenario {
  const evses = [...new Set(processes.map(({ evse }) => evse))];
  return {
    format: scenarioFormat,
    name: 'small',
    start: '2025-01-01T00:00:00Z',
    stepSeconds: 3600,
    steps,
    topology: {
      nodes: [
        { type: 'grid', id: 'grid', capacity: { importKw: gridKw, exportKw: gridKw } },
        ...evses.map((id) => ({ type: 'evse' as const, id })),
      ],
      links: evses.map((to) => ({ from: 'grid', to })),
    },
    processes,
    ...more,
  };
}

/** The problem of a scenario that must be valid. */
export function problemOf(scenario: Scenario): Problem {
  const parsed = parseScenario(scenario);
  if (parsed.type === 'invalid') throw new Error(describeFindings(parsed.findings));
  return compileProblem(parsed.scenario);
}

/** The row of a table of a plan. */
export const rowOf = (table: readonly Float64Array[], index: number): number[] => [
  ...present(table[index], `row ${index}`),
];
