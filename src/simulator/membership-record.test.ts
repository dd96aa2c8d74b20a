import { describe, expect, it } from 'vitest';
import { present } from '../core/assert.ts';
import type { Base, Effect, Input, ProtocolDefinition } from '../protocol/index.ts';
import { protocols } from '../protocols/registry.ts';
import type { StoreBackend } from '../storage/backend.ts';
import type { Callback, Disk } from '../storage/disk.ts';
import { drawOptions, type WorldOptions } from './options.ts';
import { simulateWorld } from './simulate.ts';
import type { Violation } from './violation.ts';
import type { WorldParts } from './world.ts';

/** Members change several times a second, and nothing else goes wrong. */
function changing(seed: number): WorldOptions {
  const drawn = drawOptions(seed, { faultMs: 3_000, replicas: 3, faults: ['membership'] });
  return { ...drawn, leaseReads: undefined, maxQuietMs: 300 };
}

const worlds = 12;

function firstViolation(
  parts: () => Partial<WorldParts>,
  world: (seed: number) => WorldOptions,
): Violation | undefined {
  for (let seed = 1; seed <= worlds; seed++) {
    const { violation } = simulateWorld(world(seed), parts());
    if (violation !== undefined) return violation;
  }
  return undefined;
}

const raft = present(protocols.get('raft'), 'Raft is a protocol of servers');

/** Raft whose steps take other inputs, and say something else. */
function altered(
  alter: (inputs: readonly Input[]) => { inputs: Input[]; more: Effect[] },
): ProtocolDefinition {
  return {
    ...raft,
    create: (options) => {
      const protocol = raft.create(options);
      const step = protocol.step.bind(protocol);
      protocol.step = (now, inputs) => {
        const { inputs: altered, more } = alter(inputs);
        return [...step(now, altered), ...more];
      };
      return protocol;
    },
  };
}

describe('worlds in which members change', () => {
  it('find nothing in what is right', () => {
    const reached = new Map<string, number>();
    for (let seed = 1; seed <= worlds; seed++) {
      const report = simulateWorld(changing(seed));
      expect(report.violation).toBeUndefined();
      for (const [milestone, times] of report.reached) {
        reached.set(milestone, (reached.get(milestone) ?? 0) + times);
      }
    }
    expect(reached.get('jointConfiguration')).toBeGreaterThan(5);
    expect(reached.get('promotion')).toBeGreaterThan(5);
  });

  it('notice a voter that takes itself for removed', () => {
    // What it finds at its start says so, in the midst of a cluster that counts on it.
    const throughBackend = (backend: StoreBackend): StoreBackend => {
      const { voters } = backend.base().configuration;
      if (backend.base().position.index < 50) return backend;
      const base = (): Base => {
        const now = backend.base();
        return { ...now, configuration: { ...now.configuration, removed: voters } };
      };
      return new Proxy(backend, {
        get: (target, key) => {
          if (key === 'base') return base;
          const found: unknown = Reflect.get(target, key, target);
          return typeof found === 'function' ? found.bind(target) : found;
        },
      });
    };
    const restarted = (seed: number): WorldOptions => ({
      ...changing(seed),
      faults: ['membership', 'kill'],
    });
    expect(firstViolation(() => ({ throughBackend }), restarted)).toMatchObject({
      type: 'crash',
      property: 'replicas go on',
      detail: expect.stringContaining('REMOVED'),
    });
  });

  it('notice a member whose machine never takes part', () => {
    // The disk of every machine that is added answers nothing.
    const parts = (): Partial<WorldParts> => {
      const disks = new Set<Disk>();
      const silent = (disk: Disk): Disk =>
        new Proxy(disk, {
          get:
            (_disk, _method) =>
            (..._call: readonly (string | Callback<void>)[]) => {},
        });
      return {
        throughDisk: (disk) => ([...disks.add(disk)].indexOf(disk) < 3 ? disk : silent(disk)),
      };
    };
    expect(firstViolation(parts, changing)).toMatchObject({
      type: 'stalled',
      detail: expect.stringContaining('up not open'),
    });
  });

  it('notice a learner that is never promoted', () => {
    const definition = altered((inputs) => {
      const identifies = (input: Input): boolean =>
        input.type === 'reconfigure' && input.change.type === 'identify';
      const more = inputs.flatMap((input): Effect[] =>
        input.type === 'reconfigure' && identifies(input)
          ? [{ type: 'refuse', id: input.id, reason: 'reconfiguring' }]
          : [],
      );
      return { inputs: inputs.filter((input) => !identifies(input)), more };
    });
    expect(firstViolation(() => ({ definition }), changing)).toMatchObject({
      type: 'stalled',
      detail: expect.stringContaining('a change of membership'),
    });
  });

  it('notice a refused addition that happens', () => {
    const definition = altered((inputs) => ({
      inputs: [...inputs],
      more: inputs.flatMap((input): Effect[] =>
        input.type === 'reconfigure' && input.change.type === 'addLearner'
          ? [{ type: 'refuse', id: input.id, reason: 'unhealthy' }]
          : [],
      ),
    }));
    expect(firstViolation(() => ({ definition }), changing)).toMatchObject({
      type: 'wrong',
      property: 'refusals are final',
    });
  });
});
