import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ExplorationModel, Message } from '../../protocol/index.ts';
import { Rehearsal } from '../../protocol/rehearsal.ts';
import { configurationOf } from '../../protocol/rehearsal-members.ts';
import { runScenario } from '../../protocol/scenario.ts';
import { laboratory } from '../../protocols/laboratory.ts';
import { NoBeginning } from './beginning.ts';
import { type Exploration, explore } from './explorer.ts';
import { renamings } from './fingerprint.ts';
import { Names } from './names.ts';
import { counterexampleScenario } from './scenario.ts';
import { defaultScope, describeScope, parseScope, type Scope } from './scope.ts';

const raft = laboratory.get('raft');
const scopeOf = (text: string): Scope => {
  const scope = parseScope(text);
  if (typeof scope === 'string') throw new Error(scope);
  return scope;
};
const modelOf = (mutant?: string): ExplorationModel => {
  const model = mutant === undefined ? raft?.model : raft?.mutants.find(({ name }) => name === mutant)?.model;
  if (model === undefined) throw new Error(`there is no mutant ${mutant}`);
  return model;
};
const exploreAll = (model: ExplorationModel, text: string): Exploration =>
  explore(model, scopeOf(text), { reduction: 'none' });

describe('exploring Raft', () => {
  it.each([
    ['replicas=1,terms=2,entries=2,crashes=2'],
    ['replicas=2,terms=2,entries=1,crashes=1'],
    ['replicas=3,terms=1,entries=0,crashes=1'],
    ['replicas=3,terms=1,entries=1,crashes=0,reads=1'],
    ['replicas=3,terms=1,entries=1,crashes=1'],
    ['replicas=3,terms=2,entries=0,crashes=0'],
  ])('finds nothing wrong in all of %s', { timeout: 120_000 }, (text) => {
    const result = explore(modelOf(), scopeOf(text));
    expect(result.counterexample).toBeUndefined();
    expect(result.complete).toBe(true);
    expect(result.states).toBeGreaterThan(10);
  });

  it('gives the same answer again', () => {
    const scope = scopeOf('replicas=3,terms=1,entries=0,crashes=0');
    expect(explore(modelOf(), scope)).toEqual(explore(modelOf(), scope));
  });

  it.each([1, 10, 5_000])(
    'stops with exactly as many states as it may visit, and says so: %s',
    (maxStates) => {
      const result = explore(modelOf(), defaultScope, { maxStates });
      expect(result).toMatchObject({ states: maxStates, complete: false, counterexample: undefined });
    },
  );
});

describe('what is left out', () => {
  it.each([
    'replicas=1,terms=2,entries=2,crashes=2',
    'replicas=2,terms=2,entries=1,crashes=1',
    'replicas=3,terms=1,entries=0,crashes=1',
    'replicas=3,terms=1,entries=1,crashes=0',
  ])('changes nothing about what is found in %s', { timeout: 120_000 }, (text) => {
    const [all, reduced] = [exploreAll(modelOf(), text), explore(modelOf(), scopeOf(text))];
    expect([all.complete, all.counterexample, reduced.complete, reduced.counterexample]).toEqual([
      true,
      undefined,
      true,
      undefined,
    ]);
    expect(reduced.states).toBeLessThanOrEqual(all.states);
  });

  it.each([
    ['votes-before-durable', 'terms=1,entries=0,crashes=1'],
    ['acknowledges-before-durable', 'terms=1,entries=0,crashes=0'],
    ['counts-unsynced-self', 'terms=1,entries=0,crashes=0'],
    ['forgets-terms', 'terms=1,entries=0,crashes=1'],
    ['entries-before-term', 'terms=1,entries=0,crashes=1'],
  ])('hides nothing of %s', { timeout: 120_000 }, (mutant, text) => {
    const all = exploreAll(modelOf(mutant), text).counterexample;
    const reduced = explore(modelOf(mutant), scopeOf(text)).counterexample;
    expect(reduced?.property).toBe(all?.property);
    expect(reduced?.property).toBeDefined();
  });
});

describe('exploring a mistake', () => {
  it.each([
    ['votes-before-durable', 'terms=1,entries=0,crashes=1', 'election safety'],
    ['acknowledges-before-durable', 'terms=1,entries=0,crashes=0', 'durability'],
    ['counts-unsynced-self', 'terms=1,entries=0,crashes=0', 'durability'],
    ['reads-before-own-entry', 'terms=2,entries=0,crashes=0,reads=1', 'linearizable reads'],
    ['reuses-read-rounds', 'terms=2,entries=0,crashes=0,reads=2', 'invariants of the replica'],
  ])('finds %s, as a scenario that says the same when it is run', (mutant, bounds, property) => {
    const model = modelOf(mutant);
    const scope = scopeOf(bounds);
    const { counterexample } = explore(model, scope);
    expect(counterexample?.property).toBe(property);
    if (counterexample === undefined) return;
    const text = counterexampleScenario(model, scope, counterexample);
    expect(text).toContain('> timeout ');
    const told = text.slice(0, text.lastIndexOf('\n> '));
    const again = runScenario<Message>(told, model.definition.describeMessage, (replicas, observer) => {
      const { definition, timing } = model;
      const create = model.create.bind(model);
      const configuration = configurationOf(replicas);
      return new Rehearsal({ definition, create, timing, configuration, seed: 'explorer', observer });
    });
    expect(again).toBe(told);
  });
});

describe('beginning with a scenario', () => {
  const figure8 = readFileSync(new URL('../../../docs/protocols/raft-figure-8.txt', import.meta.url), 'utf8');

  it('finds what lies deep, and tells the whole way', { timeout: 120_000 }, () => {
    const model = modelOf('commits-earlier-terms');
    const scope = scopeOf('terms=4,entries=0,crashes=1');
    const { counterexample } = explore(model, scope, { from: figure8 });
    expect(counterexample?.property).toBe('leader completeness');
    if (counterexample === undefined) return;
    const text = counterexampleScenario(model, scope, counterexample);
    expect(text.match(/^> timeout 3$/gm)).toHaveLength(2);
  });

  it('needs few states for what is near', () => {
    const { counterexample, states } = explore(
      modelOf('commits-uncompared'),
      scopeOf('terms=3,entries=0,crashes=0,heartbeats=1'),
      { from: figure8 },
    );
    expect(counterexample?.property).toBe('state machine safety');
    expect(states).toBeLessThan(1_000);
  });

  it('finds nothing wrong where nothing is', () => {
    const { complete, counterexample } = explore(modelOf(), scopeOf('terms=3,entries=0,crashes=0'), {
      from: figure8,
    });
    expect([complete, counterexample]).toEqual([true, undefined]);
  });

  it('finds what the scenario itself shows', () => {
    const from = '> cluster 3\n> timeout 1\n> sync 1\n> deliver 1 2\n> crash 2 0\n> timeout 3';
    const { counterexample } = explore(
      modelOf('votes-before-durable'),
      scopeOf('terms=1,entries=0,crashes=0'),
      {
        from: `${from}\n> sync 3\n> deliver 3 2\n> deliver 2 1\n> deliver 2 3`,
      },
    );
    expect(counterexample?.property).toBe('election safety');
    expect(counterexample?.actions.at(-1)).toMatchObject({ type: 'deliver', replica: 3 });
  });

  it.each(['> deliver 1 2', '> sync 4', '> settle'])('explains what is wrong with %s', (line) => {
    expect(() => explore(modelOf(), defaultScope, { from: `> cluster 3\n${line}` })).toThrow(NoBeginning);
  });
});

describe('scopes', () => {
  it('are read and written', () => {
    const scope = scopeOf('replicas=5, terms=3');
    expect(scope).toEqual({ ...defaultScope, replicas: 5, terms: 3 });
    expect(scopeOf(describeScope(scope))).toEqual(scope);
  });
  it.each(['replicas=9', 'replicas', 'nodes=3', ''])('%s is explained', (text) => {
    expect(typeof parseScope(text)).toBe('string');
  });
});

describe('names of states', () => {
  it('are remembered, however many', () => {
    const names = new Names();
    let known = 0;
    for (let at = 0; at < 200_000; at++) if (!names.add(at * 7, at)) known++;
    expect(known).toBe(0);
    for (let at = 0; at < 200_000; at++) if (!names.add(at * 7, at)) known++;
    expect([known, names.size]).toEqual([200_000, 200_000]);
  });
  it('are taken under every renaming', () => {
    const orders = renamings(3).map((rename) => [1, 2, 3].map((id) => rename(id as never)).join(''));
    expect(orders.sort()).toEqual(['123', '132', '213', '231', '312', '321']);
  });
});
