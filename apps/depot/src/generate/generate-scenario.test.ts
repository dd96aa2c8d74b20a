import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../../src/core/random.ts';
import type { Scenario } from '../model/scenario.ts';
import { type Distribution, range, sample } from './distribution.ts';
import { generateScenario } from './generate-scenario.ts';
import { parseSpecification } from './read-specification.ts';
import { defaultSpecification, type Specification } from './specification.ts';

function generated(specification: Specification, seed: string): Scenario {
  const result = generateScenario(specification, Random.fromSeed(seed));
  if (result.type !== 'generated') throw new Error(result.message);
  return result.scenario;
}

describe('the generator', () => {
  it('gives the same scenario for the same seed, and another one for another seed', () => {
    const specification = defaultSpecification(20);
    expect(generated(specification, '7')).toEqual(generated(specification, '7'));
    expect(generated(specification, '8').processes).not.toEqual(generated(specification, '7').processes);
  });

  it('keeps the draws of other parts when one distribution changes', () => {
    const specification = defaultSpecification(20);
    const base = generated(specification, '7');
    const changed = generated({ ...specification, targetShare: { type: 'constant', value: 0.5 } }, '7');
    expect(changed.processes.map(({ arrivalS }) => arrivalS)).toEqual(
      base.processes.map(({ arrivalS }) => arrivalS),
    );
    expect(changed.prices).toEqual(base.prices);
    expect(changed.events).toEqual(base.events);
  });

  it('gives valid scenarios of any size, with one vehicle at an EVSE at a time', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 30 }),
        fc.string(),
        (vehicles, evses, seed) => {
          const base = defaultSpecification(vehicles);
          if (base.topology.type !== 'tree') return;
          const specification = { ...base, topology: { ...base.topology, evses } };
          // Validity is checked by the generator itself; what it refuses must be for want of room.
          const result = generateScenario(specification, Random.fromSeed(seed));
          if (result.type === 'impossible')
            expect(result.message).toContain('EVSEs before the scenario ends');
          else expect(result.scenario.processes).toHaveLength(vehicles);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('says how many stays find an EVSE when there are too few', () => {
    const base = defaultSpecification(50);
    if (base.topology.type !== 'tree') throw new Error('the default is a tree');
    const result = generateScenario(
      { ...base, topology: { ...base.topology, evses: 2 } },
      Random.fromSeed('1'),
    );
    expect(result).toMatchObject({
      type: 'impossible',
      message: expect.stringMatching(/^Only \d+ of 50 stays find one of 2 EVSEs/),
    });
  });

  it('refuses what no scenario may have, in the words of the gateway', () => {
    const result = generateScenario({ ...defaultSpecification(4), buildingKw: 500 }, Random.fromSeed('1'));
    expect(result).toMatchObject({
      type: 'impossible',
      message: expect.stringContaining('grid can import 100 kW'),
    });
  });

  it('follows the share of vehicles that can discharge', () => {
    for (const bptShare of [0, 0.5, 1]) {
      const { processes } = generated({ ...defaultSpecification(200), bptShare }, '3');
      const able = processes.filter(({ needs }) => (needs.maximumDischargeKw ?? 0) > 0).length / 200;
      expect(Math.abs(able - bptShare)).toBeLessThan(0.12);
    }
  });

  it('uses a topology that is given', () => {
    const topology: Scenario['topology'] = {
      nodes: [
        { type: 'grid', id: 'mains', capacity: { importKw: 50 } },
        { type: 'evse', id: 'only one' },
      ],
      links: [{ from: 'mains', to: 'only one' }],
    };
    const scenario = generated(
      { ...defaultSpecification(1), topology: { type: 'given', topology }, pvPeakKw: 10 },
      '1',
    );
    expect(scenario.topology).toEqual(topology);
    expect(scenario.processes[0]?.evse).toBe('only one');
    expect(scenario.fixedPower?.[0]).toMatchObject({ type: 'pv', node: 'mains' });
  });
});

describe('distributions', () => {
  const distribution: fc.Arbitrary<Distribution> = fc.letrec<{ any: Distribution }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 2 },
      fc.record({ type: fc.constant('constant' as const), value: fc.integer({ min: -50, max: 50 }) }),
      fc
        .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 50 }))
        .map(([low, width]) => ({ type: 'uniform' as const, low, high: low + width })),
      fc
        .tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 50 }), fc.nat(20))
        .map(([low, width, deviation]) => ({
          type: 'normal' as const,
          mean: low + width / 2,
          deviation,
          low,
          high: low + width,
        })),
      fc.record({
        type: fc.constant('mixture' as const),
        parts: fc.array(fc.record({ weight: fc.integer({ min: 1, max: 9 }), of: tie('any') }), {
          minLength: 1,
          maxLength: 3,
        }),
      }),
    ),
  })).any;

  it('stay inside of their range', () => {
    fc.assert(
      fc.property(distribution, fc.string(), (each, seed) => {
        const random = Random.fromSeed(seed);
        const [low, high] = range(each);
        for (let draw = 0; draw < 20; draw++) {
          const value = sample(each, random);
          expect(value).toBeGreaterThanOrEqual(low);
          expect(value).toBeLessThanOrEqual(high);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('have the mean and deviation of a normal distribution', () => {
    const random = Random.fromSeed('moments');
    const values = Array.from({ length: 4000 }, () =>
      sample({ type: 'normal', mean: 10, deviation: 2, low: -100, high: 100 }, random),
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    expect(mean).toBeCloseTo(10, 0);
    expect(Math.sqrt(variance)).toBeCloseTo(2, 0);
  });
});

describe('specifications', () => {
  it('take what they do not say from the defaults', () => {
    const defaults = defaultSpecification(5);
    expect(parseSpecification({ bptShare: 1 }, defaults)).toEqual({
      type: 'valid',
      specification: { ...defaults, bptShare: 1 },
    });
  });

  it.each([
    [{ bptshare: 1 }, 'bptshare', 'is not known here'],
    [{ bptShare: 1.5 }, 'bptShare', 'must be at most 1'],
    [{ arrivalHours: { type: 'uniform', low: 5, high: 2 } }, 'arrivalHours.high', 'must be at least low 5'],
    [{ stayHours: { type: 'normall' } }, 'stayHours.type', 'must be one of'],
    [{ stayHours: -1 }, 'stayHours', 'must be at least'],
    [{ kinds: [] }, 'kinds', 'at least one kind'],
    [{ vehicles: 0 }, 'vehicles', 'must be at least 1'],
    [{ arrivalHours: { type: 'mixture', parts: [] } }, 'arrivalHours.parts', 'must not be empty'],
    [[], '', 'must be an object'],
  ])('are refused with the place of the mistake: %j', (value, path, message) => {
    expect(parseSpecification(value, defaultSpecification(5))).toMatchObject({
      type: 'invalid',
      findings: expect.arrayContaining([{ path, message: expect.stringContaining(message) }]),
    });
  });
});
