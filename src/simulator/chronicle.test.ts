import { expect, it } from 'vitest';
import { Writer } from '../core/codec.ts';
import type { Store } from '../core/store.ts';
import { keySpace, type Machine } from '../machine/index.ts';
import { drawOptions, type WorldOptions } from './options.ts';
import { simulateWorld } from './simulate.ts';

/** Much is compacted, and nobody watches. */
function compacted(seed: number): WorldOptions {
  const drawn = drawOptions(seed, { faultMs: 3_000, replicas: 3, faults: [] });
  return { ...drawn, watchers: 0, leases: 0, maxCompactionMs: 300 };
}

/** The table of events, by revision and place in it: see docs/machine.md. */
const eventTable = 0x11;

/** Whoever gives back the space of an event gives back that of the next one, too. */
function greedy(store: Store): Store {
  return {
    get: (key) => store.get(key),
    scan: (range) => store.scan(range),
    put: (key, value) => store.put(key, value),
    delete: (key) => {
      store.delete(key);
      if (key[0] !== eventTable) return;
      const revision = new DataView(key.buffer, key.byteOffset).getBigUint64(1);
      store.delete(
        new Writer(13)
          .u8(eventTable)
          .u64(revision + 1n)
          .u32(0)
          .finish(),
      );
    },
  };
}

it('an event that compaction took though it must not is missed at the end', () => {
  const machine: Machine = {
    ...keySpace,
    apply: (command, context, store) => keySpace.apply(command, context, greedy(store)),
  };
  for (let seed = 1; seed <= 3; seed++) {
    expect(simulateWorld(compacted(seed)).violation).toBeUndefined();
    expect(simulateWorld(compacted(seed), { machine }).violation).toMatchObject({
      type: 'wrong',
      property: 'compaction keeps what it must',
    });
  }
});
