import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from '../../test/support/ports.ts';
import { type NodeId, nodeId } from '../core/ids.ts';
import { type Machine, machineView } from '../machine/index.ts';
import type { Reconfiguration } from '../protocol/index.ts';
import { Replica, type ReplicaError, type ReplicaOptions } from './index.ts';
import type { ChangeOutcome } from './types.ts';

const key = Uint8Array.of(1);

/** Counts; each command is a byte to add, each result the sum. */
const counter: Machine = {
  name: 'counter',
  featureLevel: 1,
  apply(command, _context, store) {
    const sum = (store.get(key)?.[0] ?? 0) + (command[0] ?? 0);
    store.put(key, Uint8Array.of(sum));
    return Uint8Array.of(sum);
  },
};

const patienceMs = 30_000;
let directory: string;
let firstPort: number;
const open: Replica[] = [];
const halted = new Map<string, ReplicaError>();

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quorate-membership-'));
  firstPort = await freePorts(6);
  halted.clear();
});

afterEach(async () => {
  for (const replica of open.splice(0)) await replica.close();
  await rm(directory, { recursive: true, force: true });
});

const address = (at: number): string => `127.0.0.1:${firstPort + at}`;
const members = (...ats: number[]) => ats.map((at) => ({ name: `n${at}`, address: address(at) }));
const pathOf = (at: number): string => join(directory, `n${at}`);

async function start(at: number, options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  const replica = await Replica.open({
    machine: counter,
    dataDir: pathOf(at),
    name: `n${at}`,
    store: 'memory',
    halted: (error) => halted.set(`n${at}`, error),
    ...options,
  });
  open.push(replica);
  return replica;
}

async function stop(replica: Replica): Promise<void> {
  open.splice(open.indexOf(replica), 1);
  await replica.close();
}

async function lone(): Promise<Replica> {
  const [first] = await startAll(1);
  if (first === undefined) throw new Error('nothing was started');
  return first;
}

async function startAll(...ats: number[]): Promise<Replica[]> {
  const replicas = await Promise.all(ats.map((at) => start(at, { cluster: members(...ats) })));
  for (const replica of replicas) expect(await replica.ready(patienceMs)).toBe(true);
  return replicas;
}

let lastId = 100;
const newId = (): NodeId => nodeId(++lastId);

async function change(replica: Replica, wanted: Reconfiguration): Promise<ChangeOutcome> {
  return replica.reconfigure(wanted, patienceMs);
}

async function done(replica: Replica, wanted: Reconfiguration): Promise<void> {
  expect(await change(replica, wanted)).toMatchObject({ type: 'done' });
}

/** Adds a member through `replica` and starts it; resolves when it votes there. */
async function grow(replica: Replica, at: number, ...others: number[]): Promise<[NodeId, Replica]> {
  const id = newId();
  await done(replica, { type: 'addLearner', id, address: address(at), promote: true });
  const joined = await start(at, { cluster: members(...others, at), joins: true });
  await until(() => replica.status().configuration.voters.includes(id));
  return [id, joined];
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('it does not come about');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function add(replica: Replica, amount: number): Promise<number> {
  const outcome = await replica.propose(Uint8Array.of(amount), patienceMs);
  if (outcome.type !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.result[0] ?? 0;
}

async function sum(replica: Replica): Promise<number> {
  const outcome = await replica.read('linearizable', patienceMs);
  if (outcome.type !== 'readable') throw new Error(outcome.reason);
  return machineView(outcome.store).get(key)?.[0] ?? 0;
}

describe('a cluster of one', () => {
  it('grows to three and shrinks to one, and forgets nothing', async () => {
    const first = await lone();
    await add(first, 1);
    const [, second] = await grow(first, 2, 1);
    expect(await add(second, 2)).toBe(3);
    const [third, last] = await grow(second, 3, 1, 2);
    expect(await add(last, 4)).toBe(7);
    expect(last.status().configuration.voters.length).toBe(3);
    await done(last, { type: 'remove', id: first.status().memberId });
    await until(() => halted.has('n1'));
    expect(halted.get('n1')?.code).toBe('REMOVED');
    expect(halted.get('n1')?.message).toMatch(/was removed from its cluster .* can be deleted/);
    expect(await add(second, 8)).toBe(15);
    await done(second, { type: 'remove', id: third });
    await until(() => halted.has('n3'));
    expect(await sum(second)).toBe(15);
    expect(await add(second, 16)).toBe(31);
  });

  it('takes the list that an added member was started with for right when it starts again', async () => {
    const first = await lone();
    const [, second] = await grow(first, 2, 1);
    await stop(second);
    const warnings: string[] = [];
    const observer: ReplicaOptions['observer'] = {
      log(level, message) {
        if (level === 'warn') warnings.push(message);
      },
    };
    const again = await start(2, { cluster: members(1, 2), joins: true, observer });
    expect(await again.ready(patienceMs)).toBe(true);
    expect(warnings).toEqual([]);
  });

  it('goes on writing while the second member has never started', async () => {
    const first = await lone();
    await done(first, { type: 'addLearner', id: newId(), address: address(2), promote: true });
    expect(await add(first, 1)).toBe(1);
    expect(await sum(first)).toBe(1);
    const third = { type: 'addLearner', id: newId(), address: address(3), promote: true } as const;
    expect(await change(first, third)).toEqual({ type: 'refused', reason: 'notEnoughStarted' });
  });

  it('is not taken apart', async () => {
    const first = await lone();
    const id = first.status().memberId;
    expect(await change(first, { type: 'remove', id })).toEqual({
      type: 'refused',
      reason: 'notEnoughStarted',
    });
  });
});

describe('a cluster of three', () => {
  it('takes a member of the address that it was added with, and waits until it was', async () => {
    const [first] = await startAll(1, 2, 3);
    if (first === undefined) throw new Error('nothing was started');
    let joined: Replica | undefined;
    const joining = start(4, { cluster: members(1, 2, 3, 4), joins: true }).then((replica) => {
      joined = replica;
    });
    await add(first, 5);
    expect(joined).toBeUndefined();
    const id = newId();
    await done(first, { type: 'addLearner', id, address: address(4), promote: false });
    await joining;
    expect(joined?.status().memberId).toBe(id);
    if (joined === undefined) throw new Error('it has not joined');
    expect(await joined.ready(patienceMs)).toBe(true);
    expect(await sum(joined)).toBe(5);
    expect(joined.isLearner()).toBe(true);
    await until(() => first.status().configuration.members.some(({ name }) => name === 'n4'));
    await done(joined, { type: 'promote', id });
    expect(joined.isLearner()).toBe(false);
    await done(first, { type: 'update', id, address: address(5) });
    const moved = first.status().configuration.members.find((member) => member.id === id);
    expect(moved?.address).toBe(address(5));
  });

  it('gives a name to one of those that start under it at the same time, and tells the other', async () => {
    const [first, ...rest] = await startAll(1, 2, 3);
    if (first === undefined) throw new Error('nothing was started');
    const ids = [newId(), newId()];
    for (const [at, id] of ids.entries()) {
      await done(first, { type: 'addLearner', id, address: address(4 + at), promote: true });
    }
    // Without a leader nobody is written down, so each of them is told its place.
    for (const replica of rest) await stop(replica);
    const cluster = (at: number) => [...members(1, 2, 3), { name: 'n4', address: address(at) }];
    for (const at of [4, 5]) await start(at, { name: 'n4', cluster: cluster(at), joins: true });
    await start(2, { cluster: members(1, 2, 3) });
    await until(() => halted.size > 0);
    expect([...halted.values()]).toMatchObject([{ code: 'CONFIGURATION' }]);
    expect([...halted.values()][0]?.message).toMatch(/another member n4.*another --name/);
    await until(() => first.status().configuration.voters.length === 4);
    const names = first.status().configuration.members.map(({ name }) => name);
    expect(names.sort()).toEqual(['', 'n1', 'n2', 'n3', 'n4']);
  });

  it('does not take a member back whose disk is lost, under no flag', async () => {
    const [first, second, third] = await startAll(1, 2, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('not started');
    const [id, joined] = await grow(first, 4, 1, 2, 3);
    await stop(joined);
    await rm(pathOf(4), { recursive: true });
    const again = start(4, { cluster: members(1, 2, 3, 4), joins: true });
    await expect(again).rejects.toThrow(/taken part with another data directory already/);
    // Removed and added anew, at the same address, it is another member.
    await done(second, { type: 'remove', id });
    const [other] = await grow(first, 4, 1, 2);
    expect(other).not.toBe(id);
    await stop(third);
    await rm(pathOf(3), { recursive: true });
    const initial = start(3, { cluster: members(1, 2, 3), joins: true });
    await expect(initial).rejects.toThrow(/taken part with another data directory already/);
  });

  it('exchanges several members at once, and tells those that it left out', async () => {
    const [first, second, third] = await startAll(1, 2, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('not started');
    const fourth = newId();
    await done(first, { type: 'addLearner', id: fourth, address: address(4), promote: false });
    const joined = await start(4, { cluster: members(1, 2, 3, 4), joins: true });
    await until(() => first.status().configuration.members.some(({ name }) => name === 'n4'));
    await add(second, 3);
    const leaving = first.status().leader ?? fourth;
    const staying = [first, second, third].find((replica) => replica.status().memberId !== leaving) ?? first;
    await until(() => joined.status().appliedIndex === first.status().appliedIndex);
    await done(staying, { type: 'exchange', promote: [fourth], remove: [leaving] });
    await until(() => halted.size === 1);
    expect(await add(joined, 4)).toBe(7);
    expect(joined.status().configuration).toMatchObject({ outgoing: [], removed: [leaving] });
    expect(await change(staying, { type: 'remove', id: leaving })).toEqual({
      type: 'refused',
      reason: 'memberNotFound',
    });
  });

  it('is heard by a member that was away while all others were replaced', async () => {
    const [first, second, third] = await startAll(1, 2, 3);
    if (first === undefined || second === undefined || third === undefined) throw new Error('not started');
    await stop(third);
    const [, fourth] = await grow(first, 4, 1, 2);
    const [, fifth] = await grow(first, 5, 1, 2, 4);
    await done(fourth, { type: 'remove', id: first.status().memberId });
    await done(fourth, { type: 'remove', id: second.status().memberId });
    await until(() => halted.size === 2);
    expect(await add(fifth, 9)).toBe(9);
    const back = await start(3, { cluster: members(1, 2, 3) });
    expect(await back.ready(patienceMs)).toBe(true);
    expect(await sum(back)).toBe(9);
  });

  it('waits no longer for being added when it is told to stop', async () => {
    const controller = new AbortController();
    const joining = start(2, { cluster: members(1, 2), joins: true, signal: controller.signal });
    controller.abort();
    await expect(joining).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
