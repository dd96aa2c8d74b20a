import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, expect, onTestFailed, test } from 'vitest';
import type { Member as ListedMember } from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import {
  checkLinearizability,
  History,
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from '../../src/check/index.ts';
import { type Calls, methods } from '../../src/client/wire/index.ts';
import { Cluster, type Member } from './cluster.ts';
import { Gaps, InternalWriter, pairsOf, type Writer } from './load.ts';
import { RegisterClient } from './register.ts';

const history = new History<KeyValueInput, KeyValueOutput>();
let cluster: Cluster;
let admin: Calls;
const writers: Writer[] = [];
const registers: RegisterClient[] = [];

beforeEach(async () => {
  cluster = await Cluster.plan({ replicas: 5 });
  admin = cluster.connect(10_000);
});

afterEach(async () => {
  await Promise.all([...writers.splice(0), ...registers.splice(0)].map((each) => each.stop()));
  admin.close();
  await cluster[Symbol.asyncDispose]();
});

const listed = (members: readonly Member[]): string =>
  members.map(({ name, peer }) => `${name}=${peer}`).join(',');

async function memberOf({ name, peer }: Member): Promise<ListedMember> {
  const { members } = await admin.memberList({ linearizable: true });
  const found = members.find((member) => member.name === name || member.peerURLs[0]?.endsWith(peer));
  if (found === undefined) throw new Error(`${name} is no member`);
  return found;
}

/** Adds `member` to those that run, starts it, and waits until it votes. */
async function grow(member: Member, running: readonly Member[]): Promise<void> {
  const request = { peerURLs: [`http://${member.peer}`], isLearner: false };
  await admin.call(methods.memberAdd, 'write', request);
  member.start({ cluster: listed([...running, member]), 'initial-cluster-state': 'existing' });
  await member.serving();
  while ((await memberOf(member)).isLearner) await pause(25);
}

/** Removes `member`; its process ends by itself, and says why. */
async function shrink(member: Member): Promise<void> {
  const { ID } = await memberOf(member);
  await admin.call(methods.memberRemove, 'write', { ID });
  expect(await member.process.exitCode).toBe(1);
  expect(member.logs).toContain(`${member.name} was removed from its cluster`);
}

/** Everybody has written something since. */
async function everybodyWrites(): Promise<void> {
  const before = writers.map((writer) => writer.done);
  while (writers.some((writer, at) => writer.done === before[at])) await pause(25);
}

test('a cluster grows from one to five and shrinks to one under load, and nothing is lost', {
  timeout: 240_000,
}, async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const [first, ...others] = cluster.members;
  if (first === undefined) throw new Error('no members');
  first.start({ cluster: listed([first]) });
  await cluster.ready([first]);
  const gaps = new Gaps();
  for (let at = 0; at < 3; at++) writers.push(new InternalWriter(`w${at}`, cluster, at, gaps));
  for (let id = 0; id < 3; id++) registers.push(new RegisterClient(id, cluster, history));
  for (const each of [...writers, ...registers]) each.start();
  for (const [at, member] of others.entries()) {
    await grow(member, [first, ...others.slice(0, at)]);
    await everybodyWrites();
  }
  expect((await admin.memberList({ linearizable: true })).members.length).toBe(5);
  for (const member of [first, ...others.slice(0, 3)]) {
    await shrink(member);
    await everybodyWrites();
  }
  await Promise.all([...writers, ...registers].map((each) => each.stop()));
  const verdict = checkLinearizability(keyValueModel, history.operations());
  expect(verdict).toMatchObject({ type: 'ok' });
  const pairs = await pairsOf(admin, 'load/', 'linearizable');
  for (const writer of writers) {
    expect(writer.done).toBeGreaterThan(10);
    for (const [at, told] of writer.told.entries()) {
      if (told === 'done') expect(pairs.get(writer.key(at))).toBe(String(at));
    }
  }
  process.stdout.write(
    `longest wait of a writer while members came and went: ${Math.round(gaps.longest)} ms\n`,
  );
});

test('a replica waits to be added, ends in order when it is not, and does not come back without its disk', {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const [first, second, third] = cluster.members;
  if (first === undefined || second === undefined || third === undefined) throw new Error('no members');
  first.start({ cluster: listed([first]) });
  await cluster.ready([first]);
  const joining = { cluster: listed([first, second]), 'initial-cluster-state': 'existing' };
  const waiting = second.start(joining);
  await waiting.says('waiting to be added to the cluster');
  expect(await second.stop()).toBe(0);
  await grow(second, [first]);
  await cluster.ready([first, second]);
  const wiped = second.twin({ ...joining, client: third.client, 'data-dir': third.dataDir });
  expect(await wiped.exitCode).toBe(1);
  expect(wiped.stderr).toContain('has taken part with another data directory already');
  await shrink(second);
  expect((await admin.memberList({ linearizable: true })).members.length).toBe(1);
  // Whoever was removed stays removed, also when it is started once more.
  const again = second.start();
  expect(await again.exitCode).toBe(1);
  expect(second.logs).toContain('was removed from its cluster');
});

test('nobody is removed while the one who would be needed then stands still, and writes go on', {
  timeout: 120_000,
}, async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const three = cluster.members.slice(0, 3);
  for (const member of three) member.start({ cluster: listed(three) });
  await cluster.ready(three);
  const leader = await cluster.leader(three);
  const [still, other] = three.filter((member) => member !== leader);
  if (still === undefined || other === undefined) throw new Error('no members');
  const { ID } = await memberOf(other);
  const asked = leader.connect(30_000);
  still.pause();
  try {
    await expect(asked.call(methods.memberRemove, 'write', { ID })).rejects.toMatchObject({
      type: 'refused',
      message: expect.stringContaining('unhealthy cluster'),
    });
  } finally {
    asked.close();
  }
  const writer = new InternalWriter('w', cluster, three.indexOf(leader), new Gaps());
  writers.push(writer);
  writer.start();
  await everybodyWrites();
  expect((await admin.memberList({ linearizable: true })).members.length).toBe(3);
  still.resume();
  await cluster.leader(three);
  await shrink(other);
  await everybodyWrites();
});
