import { Random } from '../../../../src/core/random.ts';
import { generateScenario } from '../generate/generate-scenario.ts';
import { defaultSpecification } from '../generate/specification.ts';
import type { Scenario } from '../model/scenario.ts';

/**
 * The depot that is measured: buses with curves, minimum powers and losses, half of them with BPT, in 96 quarter-hours
 * below EVSEs, stations, bus bars, transformers and a grid connection of 25 kW for each.
 */
export function benchmarkDepot(vehicles: number, seed: string): Scenario {
  const generated = generateScenario(defaultSpecification(vehicles), Random.fromSeed(seed));
  if (generated.type !== 'generated')
    throw new Error(`No depot of ${vehicles} vehicles: ${JSON.stringify(generated)}`);
  return generated.scenario;
}

/** What a re-plan is for: the grid operator cuts the limit by a third for two hours, and the tenth vehicle leaves earlier. */
export function disturbed(scenario: Scenario): Scenario {
  const grid = scenario.topology.nodes.find(({ type }) => type === 'grid');
  const importKw = (grid?.capacity?.importKw ?? 0) * (2 / 3);
  return {
    ...scenario,
    limits: [{ node: grid?.id ?? '', fromS: 36 * 900, toS: 44 * 900, importKw }],
    processes: scenario.processes.map((process, index) =>
      index === 9
        ? {
            ...process,
            departureS: process.departureS - Math.min(1800, process.departureS - process.arrivalS - 900),
          }
        : process,
    ),
  };
}

/** The size of the city in the article: 86 depots, 5,805 buses. */
export function cityDepotSizes(): number[] {
  const [depots, buses] = [86, 5805];
  return Array.from(
    { length: depots },
    (_, index) => Math.floor(((index + 1) * buses) / depots) - Math.floor((index * buses) / depots),
  );
}
