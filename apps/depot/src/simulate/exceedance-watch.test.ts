import { expect, test } from 'vitest';
import { compileProblem } from '../model/compile-problem.ts';
import type { Scenario } from '../model/scenario.ts';
import { smallScenario, stay } from '../testing/depots.ts';
import { ExceedanceWatch } from './exceedance-watch.ts';

const base = smallScenario(1, 100, [stay(0, {}, { phases: 1 })]);

function seen(scenario: Scenario, kw: number) {
  const watch = new ExceedanceWatch();
  watch.look(compileProblem(scenario), Float64Array.of(kw), Float64Array.of(), 60);
  return watch.exceedances();
}

test('a conductor that carries too much is named, although the sum of the three is small', () => {
  const scenario: Scenario = {
    ...base,
    topology: {
      nodes: [
        { type: 'grid', id: 'grid', phaseLimit: { currentA: 20, voltageV: 230 } },
        { type: 'evse', id: 'evse 0', supply: { type: 'ac', conductors: ['L2', 'L3', 'L1'] } },
      ],
      links: [{ from: 'grid', to: 'evse 0' }],
    },
  };
  expect(seen(scenario, 4.6)).toEqual([]);
  expect(seen(scenario, 5)).toEqual([
    { node: 'a conductor of grid', kw: expect.closeTo(0.4, 9), seconds: 60 },
  ]);
});

test('with several ways it is said how much does not fit on all of them', () => {
  const way = (id: string) => ({ type: 'busbar' as const, id, capacity: { importKw: 10 } });
  const scenario: Scenario = {
    ...base,
    topology: {
      nodes: [{ type: 'grid', id: 'grid' }, way('a'), way('b'), { type: 'evse', id: 'evse 0' }],
      links: ['a', 'b'].flatMap((id) => [
        { from: 'grid', to: id },
        { from: id, to: 'evse 0' },
      ]),
    },
  };
  expect(seen(scenario, 20)).toEqual([]);
  expect(seen(scenario, 23)).toEqual([{ node: 'the network', kw: expect.closeTo(3, 6), seconds: 60 }]);
});
