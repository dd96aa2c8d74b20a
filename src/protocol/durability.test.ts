import { describe, expect, test } from 'vitest';
import { clusterTime, epoch, index, type NodeId, nodeId } from '../core/ids.ts';
import type { CommittedEntry, Effect } from './contract.ts';
import { Durability } from './durability.ts';
import { type Configuration, encodeConfiguration, votersOnly } from './membership.ts';

const voters = (...ids: number[]): Configuration =>
  votersOnly(
    ids.map((id) => ({
      id: nodeId(id),
      name: `n${id}`,
      address: `h${id}:1`,
      storageId: new Uint8Array(0),
      publicKey: new Uint8Array(0),
    })),
  );

const entry = (at: number, configuration?: Configuration): CommittedEntry => ({
  index: index(at),
  epoch: epoch(1),
  time: clusterTime(0),
  kind: configuration === undefined ? 'command' : 'configuration',
  payload: configuration === undefined ? new Uint8Array(0) : encodeConfiguration(configuration),
});
const delivered = (...entries: CommittedEntry[]): Effect => ({ type: 'commit', entries });
const inForce = (at: number, configuration: Configuration): Effect => ({
  type: 'configuration',
  index: index(at),
  configuration,
});
const on =
  (...ids: number[]) =>
  (id: NodeId): boolean =>
    ids.includes(id);
const lost = /^assertion failed: .* is on the disks of a quorum$/;

describe('what was delivered is on the disks of a quorum', () => {
  test('of those who voted at the beginning, while there was no change', () => {
    const durability = new Durability(voters(1, 2, 3));
    durability.stepped([delivered(entry(1))]);
    durability.check(on(1, 2));
    expect(() => durability.check(on(1))).toThrow(lost);
  });

  test('of the newest configuration that was delivered, whoever still has an older one', () => {
    const durability = new Durability(voters(1, 2, 3));
    const next = voters(3, 4, 5);
    durability.stepped([inForce(0, voters(1, 2, 3))]);
    durability.stepped([inForce(2, next), delivered(entry(1), entry(2, next))]);
    durability.stepped([inForce(0, voters(1, 2, 3))]);
    expect(() => durability.check(on(1, 2, 3))).toThrow(lost);
    durability.check(on(4, 5));
  });

  test('or of one in force after it, though it may never be delivered', () => {
    const durability = new Durability(voters(1, 2, 3, 4));
    durability.stepped([inForce(2, voters(1, 2, 3)), delivered(entry(1))]);
    durability.check(on(1, 2));
    const other = voters(1, 3, 4);
    durability.stepped([inForce(2, other), delivered(entry(2, other))]);
    expect(() => durability.check(on(1, 2))).toThrow(lost);
  });

  test('all of it, or the latest', () => {
    const durability = new Durability(voters(1));
    durability.stepped([delivered(entry(1), entry(2))]);
    const holdsSecond = (_: NodeId, each: CommittedEntry): boolean => each.index === 2;
    durability.check(holdsSecond, 1);
    expect(() => durability.check(holdsSecond)).toThrow(lost);
  });
});
