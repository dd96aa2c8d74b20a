import type { ChargingProcess } from '../model/needs.ts';
import { type Scenario, scenarioFormat } from '../model/scenario.ts';
import type { Link, TopologyNode } from '../model/topology.ts';

/**
 * The instance of "Bidirectional Power Transfer for a Smart Load Management for Electric Vehicles": 12 EVSEs on 10
 * charging stations, 300 kW at the root, nine vehicles at once, and its sample bus, which stays 11.1 h, has 150 kW of
 * which the topology leaves 140, gives back up to 80 kW, holds at most 534 kWh and needs 324 kWh at departure. What the
 * article does not print (the other vehicles, prices) is chosen so that demand exceeds the root from the eighth hour on.
 */
export function articleScenario(): Scenario {
  return {
    format: scenarioFormat,
    name: 'article',
    start: '2024-01-15T12:00:00Z',
    stepSeconds: 360,
    steps: 200,
    topology: articleTopology(),
    processes: [sampleBus, ...others()],
    prices: {
      importEurPerKwh: Array.from({ length: 200 }, (_, step) => (step < 110 ? 0.12 : 0.34)),
      exportEurPerKwh: new Array<number>(200).fill(0.05),
    },
  };
}

const hour = 3600;

/** Its energies are levels, since it arrives with 40 kWh. */
export const sampleBus: ChargingProcess = {
  id: 'sample bus',
  evse: 'evse 1',
  arrivalS: 6 * hour,
  departureS: 17.1 * hour,
  presentEnergyKwh: 40,
  battery: { capacityKwh: 560, chargeEfficiency: 0.96, dischargeEfficiency: 0.96, wearEurPerKwh: 0.02 },
  needs: {
    targetEnergyRequestKwh: 324 - 40,
    minimumEnergyRequestKwh: 100 - 40,
    maximumEnergyRequestKwh: 534 - 40,
    maximumChargeKw: 150,
    maximumDischargeKw: 80,
  },
};

function articleTopology(): Scenario['topology'] {
  const nodes: TopologyNode[] = [
    { type: 'grid', id: 'grid connection', capacity: { importKw: 300, exportKw: 100 } },
    { type: 'busbar', id: 'bus bar A', capacity: { importKw: 250, exportKw: 150 } },
    { type: 'busbar', id: 'bus bar B', capacity: { importKw: 250, exportKw: 150 } },
  ];
  const links: Link[] = [
    { from: 'grid connection', to: 'bus bar A' },
    { from: 'grid connection', to: 'bus bar B' },
  ];
  let evse = 1;
  for (let station = 1; station <= 10; station++) {
    const id = `station ${station}`;
    const importKw = station === 1 ? 140 : 150;
    nodes.push({ type: 'station', id, capacity: { importKw, exportKw: 100 } });
    links.push({ from: station <= 5 ? 'bus bar A' : 'bus bar B', to: id });
    // The last two stations have two EVSEs each.
    for (let outlet = 0; outlet < (station > 8 ? 2 : 1); outlet++, evse++) {
      nodes.push({ type: 'evse', id: `evse ${evse}`, capacity: { importKw: 150, exportKw: 100 } });
      links.push({ from: id, to: `evse ${evse}` });
    }
  }
  return { nodes, links };
}

/** Arrival h, departure h, present and wanted energy kWh; one in three can give back. */
const stays: readonly (readonly [number, number, number, number])[] = [
  [0.5, 4.5, 60, 330],
  [2.6, 6, 90, 300],
  [4.4, 7.6, 120, 350],
  [7.2, 15, 230, 350],
  [7.8, 15.5, 240, 340],
  [9.6, 16, 80, 350],
  [9.8, 16.4, 50, 320],
  [10, 17, 100, 350],
  [10.2, 17.5, 90, 330],
  [10.4, 18, 110, 340],
  [10.6, 19, 80, 330],
];

function others(): ChargingProcess[] {
  return stays.map(([arrival, departure, presentEnergyKwh, wanted], index) => ({
    id: `bus ${index + 2}`,
    evse: `evse ${index + 2}`,
    arrivalS: arrival * hour,
    departureS: departure * hour,
    presentEnergyKwh,
    battery: { capacityKwh: 400, chargeEfficiency: 0.96, dischargeEfficiency: 0.96, wearEurPerKwh: 0.02 },
    needs: {
      targetEnergyRequestKwh: wanted - presentEnergyKwh,
      minimumEnergyRequestKwh: 0,
      maximumEnergyRequestKwh: 400 - presentEnergyKwh,
      maximumChargeKw: 120,
      ...(index % 3 === 0 ? { maximumDischargeKw: 60 } : {}),
    },
    priority: index,
  }));
}
