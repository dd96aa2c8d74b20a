import { describe, expect, it } from 'vitest';
import type { ProtocolDefinition } from '../protocol/index.ts';
import { protocols } from '../protocols/registry.ts';
import { drawOptions, type WorldOptions } from './options.ts';
import { simulateWorld } from './simulate.ts';

const world = (seed: number): WorldOptions => ({
  ...drawOptions(seed, {
    faultMs: 2_000,
    replicas: 3,
    faults: ['kill', 'isolate', 'lostDisk'],
    unlimited: true,
  }),
  // So that much is in the journal alone.
  flushIntervalMs: 60_000,
});

/** Whoever begins alone forgets the younger half of its journal. */
function forgetful(definition: ProtocolDefinition): ProtocolDefinition {
  return {
    ...definition,
    create(options) {
      const made = definition.create(options);
      if (options.alone !== true) return made;
      return {
        step(now, inputs) {
          const forgotten = inputs.map((input) =>
            input.type === 'recovered'
              ? { ...input, records: input.records.slice(0, input.records.length / 2) }
              : input,
          );
          return made.step(now, forgotten);
        },
        nextDeadline: () => made.nextDeadline(),
        fork: () => made.fork(),
        encodeState: () => made.encodeState(),
        checkInvariants: () => made.checkInvariants(),
      };
    },
  };
}

describe('the last of a cluster', () => {
  it('keeps what it had and takes writes, whatever became of the others', { timeout: 120_000 }, () => {
    for (let seed = 1; seed <= 6; seed++) expect(simulateWorld(world(seed)).violation).toBeUndefined();
  });

  it('is found out when it has forgotten something', { timeout: 120_000 }, () => {
    const raft = protocols.get('raft');
    expect(raft).toBeDefined();
    if (raft === undefined) return;
    const found = [1, 2, 3, 4, 5, 6].map(
      (seed) => simulateWorld(world(seed), { definition: forgetful(raft) }).violation?.detail,
    );
    expect(found.join()).toMatch(/alone: after \d+ it holds \w+, and held \w+/);
  });
});
