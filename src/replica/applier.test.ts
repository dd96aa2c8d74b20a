import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/watch-world.ts';
import { clusterTime, epoch, index, nodeId } from '../core/ids.ts';
import { applySliceEntries, maxAppliedKept } from '../core/limits.ts';
import {
  clientAddresses,
  encodeEnvelope,
  type Machine,
  publishedMembers,
  Replicated,
  sessions,
} from '../machine/index.ts';
import { type CommittedEntry, encodeConfiguration, votersOnly } from '../protocol/index.ts';
import type { StoreBackend } from '../storage/backend.ts';
import { MemoryBackend } from '../storage/memory-backend.ts';
import { NodeDisk } from '../storage/node-disk.ts';
import { Applier } from './applier.ts';

const machine: Machine = { name: 'none', featureLevel: 1, apply: (command) => command };
const memberOf = (id: number) => ({
  id: nodeId(id),
  name: `n${id}`,
  address: `h:${id}`,
  storageId: new Uint8Array(0),
  publicKey: new Uint8Array(0),
});
const configuration = votersOnly([memberOf(1), memberOf(2)]);

let directory: string;
let backend: StoreBackend;
let applier: Applier;
let last: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-applier-'));
  const initial = { position: { index: index(0), epoch: epoch(0), time: clusterTime(0) }, configuration };
  backend = await new Promise((resolve, reject) => {
    const disk = new NodeDisk(directory);
    MemoryBackend.open({ disk, directory: 'state', initial }, (error, opened) =>
      opened === undefined ? reject(error) : resolve(opened),
    );
  });
  applier = new Applier(backend, new Replicated(machine), new ManualClock(), applySliceEntries);
  last = 0;
});

afterEach(async () => {
  await new Promise<void>((resolve) => backend.close(() => resolve()));
  await rm(directory, { recursive: true, force: true });
});

const entry = (kind: CommittedEntry['kind'], payload: Uint8Array): CommittedEntry => ({
  index: index(++last),
  epoch: epoch(1),
  time: clusterTime(last),
  kind,
  payload,
});

describe('a backlog that stands', () => {
  test('is applied in order, each entry once, over many turns', () => {
    const seen: number[] = [];
    const slice = () => applier.slice((applied) => seen.push(applied.index));
    for (let turns = 0; turns < 200; turns++) {
      // Always a little more than one turn applies.
      applier.enqueue(Array.from({ length: applySliceEntries + 7 }, () => entry('noop', new Uint8Array(0))));
      slice();
      expect(applier.backlog).toBe(7 * (turns + 1));
    }
    expect(seen.length).toBeGreaterThan(2 * maxAppliedKept);
    while (applier.backlog > 0) slice();
    expect(seen).toEqual(Array.from({ length: last }, (_, at) => at + 1));
    expect(applier.base.position.index).toBe(last);
  });

  test('lets go of what was applied of it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held: WeakRef<Uint8Array>[] = [];
    const more = (count: number): void => {
      const entries = Array.from({ length: count }, () => entry('noop', new Uint8Array(1)));
      for (const { payload } of entries) held.push(new WeakRef(payload));
      applier.enqueue(entries);
    };
    more(100);
    for (let turns = 0; turns < 100; turns++) {
      more(applySliceEntries);
      applier.slice(() => undefined);
    }
    expect(applier.backlog).toBe(100);
    // What was just made stays until the turn is over.
    await turn();
    collect();
    const alive = held.filter((payload) => payload.deref() !== undefined).length;
    expect(alive).toBeGreaterThanOrEqual(100);
    expect(alive).toBeLessThanOrEqual(100 + maxAppliedKept + applySliceEntries);
  });
});

test('what a removed member still had on its way comes to nothing', () => {
  const member = { id: nodeId(2), clientAddresses: ['h:2'], maxFeatureLevel: 1, version: '' };
  const publish = encodeEnvelope({ type: 'publish', member });
  const open = encodeEnvelope({ type: 'openSession', session: { opener: nodeId(2), incarnation: 1 } });
  const removal = { ...votersOnly([memberOf(1)]), removed: [nodeId(2)] };
  const known = (): number =>
    sessions(backend.store).length +
    publishedMembers(backend.store).length +
    clientAddresses(backend.store).size;
  const apply = (...entries: CommittedEntry[]): void => {
    applier.enqueue(entries);
    applier.slice(() => undefined);
  };
  apply(entry('command', publish), entry('command', open));
  expect(known()).toBe(3);
  apply(
    entry('configuration', encodeConfiguration(removal)),
    entry('command', publish),
    entry('command', open),
  );
  expect(known()).toBe(0);
});
