import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/support/watch-world.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { guestLookMs, maxGuests } from '../core/limits.ts';
import { votersOnly } from '../protocol/index.ts';
import type { Facts } from '../transport/handshake.ts';
import { Membership } from './membership.ts';

const none = new Uint8Array(0);
const self = nodeId(1);
const memberOf = (id: number) => ({
  id: nodeId(id),
  name: `n${id}`,
  address: `h:${id}`,
  storageId: none,
  publicKey: none,
});
const factsOf = (id: number): Facts => ({
  clusterId: 1n,
  id: nodeId(id),
  name: `n${id}`,
  storageId: none,
  incarnation: 1,
  phase: 'member',
  baseDigest: none,
  knowsYou: true,
  peerAddress: `h:${id}`,
  clientAddresses: [],
  protocol: 'raft',
  protocolVersion: 1,
});

let clock: ManualClock;
let membership: Membership;
let spokenWith: NodeId[];
let turnedAway: string[];
const connected = new Map<NodeId, Facts>();

beforeEach(() => {
  clock = new ManualClock();
  turnedAway = [];
  connected.clear();
  membership = new Membership(votersOnly([memberOf(1)]), {
    self,
    name: 'n1',
    clock,
    setPeers: (peers) => {
      spokenWith = peers.map(({ id }) => id).filter((id) => id !== self);
    },
    connected: () => connected,
    identify: () => undefined,
    turnedAway: (name) => turnedAway.push(name),
    ended: () => undefined,
  });
  membership.start();
});

/** So many looks at the guests go by. */
const looks = (count: number): void => {
  for (let look = 0; look < count; look++) clock.pass(guestLookMs);
};

test('a guest is spoken with for as long as it is there', () => {
  membership.guest(factsOf(2));
  connected.set(nodeId(2), factsOf(2));
  looks(5);
  expect(spokenWith).toEqual([2]);
  connected.clear();
  looks(1);
  expect(spokenWith).toEqual([2]);
  // It was heard of again: a link comes up soon.
  membership.guest(factsOf(2));
  looks(1);
  expect(spokenWith).toEqual([2]);
  looks(1);
  expect(spokenWith).toEqual([]);
});

test('whoever comes when there are too many is told of, and finds room when others have gone', () => {
  for (let id = 2; id < 2 + maxGuests; id++) membership.guest(factsOf(id));
  connected.set(nodeId(2), factsOf(2));
  membership.guest(factsOf(99));
  expect(turnedAway).toEqual(['n99']);
  expect(spokenWith).toHaveLength(maxGuests);
  looks(2);
  expect(spokenWith).toEqual([2]);
  membership.guest(factsOf(99));
  expect(turnedAway).toEqual(['n99']);
  expect(spokenWith).toEqual([2, 99]);
});

test('one that the configuration names is a guest no more, and one that comes back is a new one', () => {
  membership.guest(factsOf(2));
  membership.changed(votersOnly([memberOf(1), memberOf(2)]));
  looks(3);
  expect(spokenWith).toEqual([2]);
  membership.guest(factsOf(3));
  looks(1);
  membership.changed({ ...votersOnly([memberOf(1)]), removed: [nodeId(3)] });
  expect(spokenWith).not.toContain(3);
  membership.close();
});
