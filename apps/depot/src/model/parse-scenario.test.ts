import { describe, expect, test } from 'vitest';
import { articleScenario } from '../article/instance.ts';
import { smallScenario, stay } from '../testing/depots.ts';
import { compileProblem } from './compile-problem.ts';
import { describeFindings, parseScenario } from './parse-scenario.ts';
import type { Scenario } from './scenario.ts';

const wish = { targetEnergyRequestKwh: 10, maximumEnergyRequestKwh: 20 };
const good = (more: Partial<Scenario> = {}): Scenario => smallScenario(2, 50, [stay(0, wish)], more);

function complaints(value: unknown): string {
  const parsed = parseScenario(value);
  return parsed.type === 'invalid' ? describeFindings(parsed.findings) : '';
}

test('the instance of the article is valid, also after it went through a file', () => {
  expect(complaints(articleScenario())).toBe('');
  expect(complaints(JSON.parse(JSON.stringify(articleScenario())))).toBe('');
});

describe('what is wrong, and where', () => {
  const process = stay(0, wish);
  const needs = (changed: object) =>
    good({ processes: [{ ...process, needs: { ...process.needs, ...changed } }] });
  const flat = (price: number) => [price, price];

  test.each<[string, unknown, string]>([
    ['null', null, 'scenario: must be an object, is null'],
    ['a list', [], 'must be an object'],
    ['another format', { ...good(), format: 'x' }, 'format: must be one of quorate-depot-scenario/1, is "x"'],
    ['a misspelt key', { ...good(), stepsecs: 1 }, 'stepsecs: is not known here'],
    [
      'NaN',
      needs({ maximumChargeKw: Number.NaN }),
      'processes[0].needs.maximumChargeKw: must be a finite number, is NaN',
    ],
    ['infinity', needs({ maximumChargeKw: Infinity }), 'must be a finite number, is Infinity'],
    ['a text for a number', needs({ maximumChargeKw: '10' }), 'must be a finite number, is "10"'],
    ['negative power', needs({ maximumChargeKw: -1 }), 'maximumChargeKw: must be at least 0, is -1'],
    [
      'target above maximum',
      needs({ targetEnergyRequestKwh: 30 }),
      'targetEnergyRequestKwh: must be at most maximumEnergyRequestKwh 20, is 30',
    ],
    [
      'minimum above target',
      needs({ minimumEnergyRequestKwh: 11 }),
      'minimumEnergyRequestKwh: must be at most targetEnergyRequestKwh 10',
    ],
    [
      'more than the battery holds',
      needs({ maximumEnergyRequestKwh: 101 }),
      'may be at most 100, which fills the battery',
    ],
    [
      'minimum power above maximum',
      needs({ minimumChargeKw: 11 }),
      'minimumChargeKw: must be at most maximumChargeKw 10',
    ],
    [
      'discharge minimum alone',
      needs({ minimumDischargeKw: 1 }),
      'minimumDischargeKw: must be at most maximumDischargeKw 0',
    ],
    ['no time', { ...good(), start: '2025-01-01' }, 'start: must be an instant such as'],
    [
      'a day that the calendar does not have',
      { ...good(), start: '2025-02-30T00:00:00Z' },
      'start: must be an instant such as',
    ],
    ['24 o’clock', { ...good(), start: '2025-02-28T24:00:00Z' }, 'start: must be an instant such as'],
    ['steps of nothing', { ...good(), stepSeconds: 1e-9 }, 'stepSeconds: must be at least 1, is 1e-9'],
    [
      'a battery that loses everything',
      good({ processes: [{ ...process, battery: { capacityKwh: 100, chargeEfficiency: 1e-9 } }] }),
      'battery.chargeEfficiency: must be at least 0.1, is 1e-9',
    ],
    [
      'a control character in an id',
      good({ processes: [{ ...process, id: 'bus\u001b[31m' }] }),
      'processes[0].id: must have no control characters, is "bus\\u001b[31m"',
    ],
    [
      'an id that turns the line round',
      good({ processes: [{ ...process, id: 'bus\u202e1' }] }),
      'processes[0].id: must have no control characters, is "bus\\u{202e}1"',
    ],
    ['half a step', { ...good(), steps: 1.5 }, 'steps: must be a whole number'],
    ['no steps', { ...good(), steps: 0 }, 'steps: must be at least 1'],
    [
      'departure before arrival',
      good({ processes: [{ ...process, departureS: -1 }] }),
      'departureS: must be after arrivalS 0, is -1',
    ],
    [
      'unknown EVSE',
      { ...good(), processes: [{ ...process, evse: 'nowhere' }] },
      'processes[0].evse: names the unknown node nowhere',
    ],
    [
      'a node that is no EVSE',
      { ...good(), processes: [{ ...process, evse: 'grid' }] },
      'must be an EVSE, grid is of type grid',
    ],
    [
      'two at one EVSE',
      { ...good(), processes: [process, { ...process, id: 'other' }] },
      'processes[1].arrivalS: other arrives at evse 0 at 0, while vehicle 0 stays until',
    ],
    [
      'one id twice',
      { ...good(), processes: [process, process] },
      'processes[1].id: vehicle 0 is the id of another process',
    ],
    [
      'prices too few',
      good({ prices: { importEurPerKwh: [1], exportEurPerKwh: flat(0) } }),
      'prices.importEurPerKwh: must have one number for each of the 2 steps, has 1',
    ],
    [
      'prices that print money',
      good({ prices: { importEurPerKwh: flat(0), exportEurPerKwh: flat(0.1) } }),
      'exportEurPerKwh[0]: must be at most the price of import',
    ],
    [
      'a limit for nobody',
      good({ limits: [{ node: 'x', fromS: 0, toS: 1 }] }),
      'limits[0].node: names the unknown node x',
    ],
    [
      'negative capacity',
      { ...good(), topology: { nodes: [{ type: 'grid', id: 'g', capacity: { importKw: -5 } }], links: [] } },
      'topology.nodes[0].capacity.importKw: must be at least 0, is -5',
    ],
    [
      'promised too much',
      good({ fixedPower: [{ type: 'load', id: 'hall', node: 'grid', kw: [10, 60] }] }),
      'grid can import 50 kW in step 1, but 60 kW are promised',
    ],
    [
      'a curve that rises',
      good({
        processes: [
          {
            ...process,
            battery: {
              capacityKwh: 100,
              chargingCurve: [
                { energyKwh: 0, kw: 1 },
                { energyKwh: 9, kw: 2 },
              ],
            },
          },
        ],
      }),
      'chargingCurve[1]: the curve must never rise',
    ],
    [
      'a curve with a convex tail',
      good({
        processes: [
          {
            ...process,
            battery: {
              capacityKwh: 100,
              chargingCurve: [
                { energyKwh: 0, kw: 9 },
                { energyKwh: 9, kw: 2 },
                { energyKwh: 99, kw: 1 },
              ],
            },
          },
        ],
      }),
      'concave',
    ],
    [
      'an event after the end',
      good({ events: [{ type: 'departure', atS: 2 * 3600 + 1, process: process.id }] }),
      'events[0].atS: must lie inside of the scenario, from 0 to 7200, is 7201; it would never happen',
    ],
    [
      'an event before the start',
      good({ events: [{ type: 'departure', atS: -1, process: process.id }] }),
      'events[0].atS: must lie inside of the scenario',
    ],
    [
      'an event for nobody',
      good({ events: [{ type: 'departure', atS: 5, process: 'x' }] }),
      'events[0].process: names the unknown process x',
    ],
  ])('%s', (_name, value, expected) => {
    expect(complaints(value)).toContain(expected);
  });

  test('many mistakes of one kind are cut short', () => {
    const processes = Array.from({ length: 80 }, (_, index) => ({ ...stay(index, wish), arrivalS: 'x' }));
    const text = complaints({ ...good(), processes });
    expect(text.split('\n')).toHaveLength(51);
    expect(text).toContain('and 30 more of this kind');
  });
});

test('conductors that cannot carry what is promised are named', () => {
  // 4 kW on each of three conductors.
  const node = { type: 'grid', id: 'grid', phaseLimit: { currentA: 20, voltageV: 200 } } as const;
  const { topology } = good();
  const limited = (fixedPower: NonNullable<Scenario['fixedPower']>) =>
    complaints({
      ...good({ fixedPower }),
      topology: { ...topology, nodes: [node, ...topology.nodes.slice(1)] },
    });
  const hall = { type: 'load', id: 'hall', node: 'grid', kw: [10, 15] } as const;
  expect(limited([hall])).toContain(
    'grid can import 12 kW over its three conductors in step 1, but 15 kW are promised',
  );
  expect(limited([hall, { type: 'pv', id: 'roof', node: 'grid', kw: [0, 3] }])).toBe('');
});

test('generation counts towards what is promised', () => {
  const fixedPower = [
    { type: 'load', id: 'hall', node: 'grid', kw: [10, 60] },
    { type: 'pv', id: 'roof', node: 'grid', kw: [0, 10] },
  ] as const;
  expect(complaints(good({ fixedPower }))).toBe('');
});

describe('the problem that a scenario poses', () => {
  const scenario = smallScenario(4, 50, [
    stay(
      0,
      { ...wish, minimumEnergyRequestKwh: -5 },
      { presentEnergyKwh: 20, arrivalS: 100, departureS: 3 * 3600 + 10 },
    ),
    stay(1, wish, { announcedS: 3600 }),
  ]);

  test('requests become levels, and only whole steps are planned', () => {
    const [process] = compileProblem(scenario).processes;
    expect(process).toMatchObject({
      first: 1,
      end: 3,
      initialKwh: 20,
      targetKwh: 30,
      minimumKwh: 15,
      maximumKwh: 40,
    });
  });

  test('who is not announced yet, or has left, is not in it; who is here has the energy of now', () => {
    expect(compileProblem(scenario).processes.map(({ id }) => id)).toEqual(['vehicle 0']);
    const later = compileProblem(scenario, { step: 2, energyKwh: new Map([['vehicle 0', 26]]) });
    expect(later.processes.map(({ id, first, initialKwh }) => [id, first, initialKwh])).toEqual([
      ['vehicle 0', 2, 26],
      ['vehicle 1', 2, 0],
    ]);
    expect(compileProblem(scenario, { step: 3 + 1 }).processes.map(({ id }) => id)).toEqual(['vehicle 1']);
  });

  test('a limit holds in every step that it touches', () => {
    const limited = compileProblem({
      ...scenario,
      limits: [{ node: 'grid', fromS: 1800, toS: 3700, importKw: 5 }],
    });
    expect([...(limited.importKw[0] ?? [])]).toEqual([5, 5, 50, 50]);
    expect([...(limited.exportKw[0] ?? [])]).toEqual([50, 50, 50, 50]);
  });
});
