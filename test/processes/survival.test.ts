import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import {
  checkLinearizability,
  History,
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from '../../src/check/index.ts';
import { foreignProgram } from '../support/foreign.ts';
import { Cluster, type Member } from './cluster.ts';
import { Etcd3Writer, EtcdctlWriter, Gaps, InternalWriter, pairsOf, type Writer } from './load.ts';
import { RegisterClient } from './register.ts';

/** How long accidents go on; the one under way is finished. */
const accidentsMs = 25_000;
/**
 * The promise is 1.5 s, and `npm run bench` measures it. A test may not fail because a machine is slow, so this one
 * prints what it saw and fails only where something is broken rather than slow.
 */
const brokenGapMs = 15_000;

let cluster: Cluster;
const gaps = new Gaps();
const history = new History<KeyValueInput, KeyValueOutput>();
const writers: Writer[] = [];
const registers: RegisterClient[] = [];

beforeAll(async () => {
  cluster = await Cluster.start();
  const etcdctl = foreignProgram('etcdctl');
  for (let at = 0; at < 4; at++) writers.push(new InternalWriter(`internal-${at}`, cluster, at, gaps));
  for (let at = 0; at < 2; at++) writers.push(new Etcd3Writer(`etcd3-${at}`, cluster, gaps));
  if (etcdctl !== undefined) writers.push(new EtcdctlWriter('etcdctl', etcdctl, cluster, gaps));
  for (let id = 0; id < 4; id++) registers.push(new RegisterClient(id, cluster, history));
});

afterAll(async () => {
  await Promise.all([...writers, ...registers].map((each) => each.stop()));
  await cluster?.[Symbol.asyncDispose]();
});

interface Accident {
  readonly name: string;
  happen(): Promise<void>;
}

const accidents: readonly Accident[] = [
  { name: 'kill -9 of the leader', happen: async () => killed([await cluster.leader()]) },
  { name: 'kill -9 of a follower', happen: async () => killed([await cluster.follower()]) },
  { name: 'kill -9 of all three', happen: () => killed(cluster.members) },
  { name: 'SIGSTOP of the leader', happen: async () => paused(await cluster.leader()) },
  { name: 'SIGSTOP of a follower', happen: async () => paused(await cluster.follower()) },
  { name: 'SIGTERM of the leader', happen: async () => stopped(await cluster.leader()) },
];

/** Whoever is left goes on for a while before the others come back. */
async function killed(members: readonly Member[]): Promise<void> {
  await Promise.all(members.map((member) => member.kill()));
  if (members.length < cluster.members.length) await pause(1_000);
  for (const member of members) member.start();
  await Promise.all(members.map((member) => member.serving()));
}

/** Longer than any election takes, so that the others have chosen a leader when it wakes up and believes it is one. */
async function paused(member: Member): Promise<void> {
  member.pause();
  await pause(2_500);
  member.resume();
}

async function stopped(member: Member): Promise<void> {
  expect(await member.stop()).toBe(0);
  member.start();
  await member.serving();
}

/** Everybody has written something since; what they waited is on record. */
async function everybodyWrites(): Promise<void> {
  const before = writers.map((writer) => writer.done);
  while (writers.some((writer, at) => writer.done === before[at])) {
    for (const writer of writers) writer.waiting();
    if (gaps.longest > brokenGapMs)
      throw new Error(`a client waits ${Math.round(gaps.longest)} ms for its write`);
    await pause(50);
  }
}

test('no acknowledged write is ever missing, whatever is killed or paused', {
  timeout: 180_000,
}, async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  for (const each of [...writers, ...registers]) each.start();
  await everybodyWrites();
  const worst = new Map<string, ReadonlyMap<string, number>[]>();
  const end = performance.now() + accidentsMs;
  for (let round = 0; performance.now() < end; round++) {
    for (const accident of accidents) {
      if (round > 0 && performance.now() >= end) break;
      gaps.take();
      await accident.happen();
      await cluster.leader();
      await everybodyWrites();
      worst.set(accident.name, [...(worst.get(accident.name) ?? []), gaps.take()]);
    }
  }
  await Promise.all([...writers, ...registers].map((each) => each.stop()));
  report(worst);

  const expected = await expectSameEverywhere();
  for (const writer of writers) {
    expect(writer.done, writer.name).toBeGreaterThan(0);
    const wrong = writer.told.flatMap((told, at) => {
      const value = expected.get(writer.key(at));
      const right =
        told === 'unknown'
          ? value === undefined || value === String(at)
          : told === 'done'
            ? value === String(at)
            : value === undefined;
      return right ? [] : [`${writer.key(at)} is ${value}, and its writer was told: ${told}`];
    });
    expect(wrong).toEqual([]);
  }
  expect(history.size).toBeGreaterThan(100);
  expect(checkLinearizability(keyValueModel, history.operations())).toMatchObject({ type: 'ok' });
});

/** What a linearizable read says at each replica, and what each has in its own state: all the same. */
async function expectSameEverywhere(): Promise<Map<string, string>> {
  const clients = cluster.members.map((member) => member.connect(20_000));
  try {
    const [first, ...others] = await Promise.all(
      clients.map((client) => pairsOf(client, 'load/', 'linearizable')),
    );
    const local = await Promise.all(clients.map((client) => pairsOf(client, 'load/', 'local')));
    for (const other of [...others, ...local]) expect(other).toEqual(first);
    return first ?? new Map();
  } finally {
    for (const client of clients) client.close();
  }
}

function report(worst: ReadonlyMap<string, readonly ReadonlyMap<string, number>[]>): void {
  const told = (kind: string) =>
    writers.reduce((sum, { told }) => sum + told.filter((each) => each === kind).length, 0);
  const lines = [
    `${told('done')} writes done, ${told('refused')} refused, ${told('unknown')} unknown; longest gap that a client saw, in ms:`,
  ];
  for (const [name, rounds] of worst) {
    const of = (prefix: string) =>
      Math.round(
        Math.max(
          ...rounds.flatMap((round) =>
            [...round].filter(([who]) => who.startsWith(prefix)).map(([, gap]) => gap),
          ),
        ),
      );
    lines.push(
      `  ${name} (${rounds.length} times): our client ${of('internal')}, etcd3 ${of('etcd3')}, etcdctl ${of('etcdctl')}`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}
