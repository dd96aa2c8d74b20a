import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { table } from '../src/cli/output.ts';
import { type Calls, putRequest, rangeRequest } from '../src/client/wire/index.ts';
import { utf8 } from '../src/core/bytes.ts';
import { Cluster, type Member } from '../test/processes/cluster.ts';
import { Gaps, InternalWriter } from '../test/processes/load.ts';
import { quantile } from './h2load.ts';

const promisedGapMs = 1_500;

/** How long clients wait when the leader is killed: three clients, each beginning with another replica. */
export async function measureGaps(rounds: number): Promise<string> {
  await using cluster = await Cluster.start();
  const gaps = new Gaps();
  const writers = cluster.members.map((_, at) => new InternalWriter(`writer-${at}`, cluster, at, gaps));
  const longest: number[] = [];
  for (const writer of writers) writer.start();
  try {
    for (let round = 0; round < rounds; round++) {
      const leader = await cluster.leader();
      await pause(500);
      gaps.take();
      await leader.kill();
      await pause(2 * promisedGapMs);
      for (const writer of writers) writer.waiting();
      longest.push(gaps.longest);
      leader.start();
      await cluster.ready();
    }
  } finally {
    await Promise.all(writers.map((writer) => writer.stop()));
  }
  longest.sort((a, b) => a - b);
  const worst = longest.at(-1) ?? Number.NaN;
  return table(
    ['KILL -9 OF THE LEADER', 'MEDIAN MS', 'WORST MS', 'PROMISE'],
    [
      [
        `longest gap, ${rounds} rounds`,
        ms(quantile(longest, 0.5)),
        ms(worst),
        `${promisedGapMs}${worst < promisedGapMs ? '' : ' !'}`,
      ],
    ],
  );
}

/** From the start of three processes without data to the first acknowledged write. */
export async function measureFreshStart(rounds: number): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await using cluster = await Cluster.plan();
    const began = performance.now();
    for (const member of cluster.members) member.start();
    const client = cluster.connect(30_000);
    await untilDone(() => client.put(putRequest({ key: utf8('a'), value: utf8('1') })));
    times.push(performance.now() - began);
    client.close();
  }
  times.sort((a, b) => a - b);
  const median = ms(quantile(times, 0.5));
  return table(
    ['FRESH START', 'MEDIAN MS', 'WORST MS'],
    [[`first write, ${rounds} rounds`, median, ms(times.at(-1) ?? Number.NaN)]],
  );
}

/** From the start of a killed replica with much data to its first linearizable answer. */
export async function measureRestart(megabytes: number): Promise<string> {
  await using cluster = await Cluster.start({ replicas: 1 });
  const [member] = cluster.members as [Member];
  const client = member.connect(60_000);
  await writeMegabytes(client, megabytes);
  await member.kill();
  const journal = mebibytes(path.join(member.dataDir, 'journal'));
  const state = mebibytes(path.join(member.dataDir, 'state'));
  const began = performance.now();
  member.start();
  await untilDone(() => client.range(rangeRequest({ key: utf8('k'), rangeEnd: utf8('l'), countOnly: true })));
  const took = performance.now() - began;
  client.close();
  return table(
    ['RESTART AFTER KILL -9', 'JOURNAL MIB', 'STATE MIB', 'MS'],
    [['first read', String(journal), String(state), ms(took)]],
  );
}

const chunkBytes = 16 * 1024;
const inFlight = 32;

async function writeMegabytes(client: Calls, megabytes: number): Promise<void> {
  const total = Math.ceil((megabytes * 1024 * 1024) / chunkBytes);
  const value = new Uint8Array(chunkBytes).fill(0x76);
  for (let at = 0; at < total; at += inFlight) {
    const put = (_: unknown, offset: number) =>
      client.put(putRequest({ key: utf8(`k${at + offset}`), value }));
    await Promise.all(Array.from({ length: Math.min(inFlight, total - at) }, put));
  }
}

async function untilDone(call: () => Promise<unknown>): Promise<void> {
  for (;;) {
    const done = await call().then(
      () => true,
      () => false,
    );
    if (done) return;
    await pause(10);
  }
}

const mebibytes = (directory: string): number =>
  Math.round(
    readdirSync(directory).reduce((sum, name) => sum + statSync(path.join(directory, name)).blocks / 2048, 0),
  );

const ms = (value: number): string => Math.round(value).toString();
