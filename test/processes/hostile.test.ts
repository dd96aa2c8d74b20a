import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { putRequest, rangeRequest } from '../../src/client/wire/index.ts';
import { utf8, utf8Text } from '../../src/core/bytes.ts';
import { until } from '../support/processes.ts';
import { Cluster, type Member } from './cluster.ts';
import { framed, garbage, helloFrame, rejectionIn, Stranger } from './strangers.ts';

let cluster: Cluster;
let target: Member;
const strangers: Stranger[] = [];

beforeAll(async () => {
  cluster = await Cluster.start();
  target = await cluster.leader();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

afterEach(() => {
  for (const stranger of strangers.splice(0)) stranger.destroy();
});

const ports = [
  { port: 'client', address: () => target.client },
  { port: 'peer', address: () => target.peer },
] as const;

function knock(address: string): Stranger {
  const stranger = new Stranger(address);
  strangers.push(stranger);
  return stranger;
}

let writes = 0;

/** The same process as before still leads, and answers through every member. */
async function undisturbed(): Promise<void> {
  const pids = cluster.members.map(({ pid }) => pid);
  for (const member of cluster.members) {
    const client = member.connect(20_000);
    try {
      const value = String(++writes);
      await client.put(putRequest({ key: utf8('a'), value: utf8(value) }));
      const { kvs } = await client.range(rangeRequest({ key: utf8('a') }));
      expect(kvs.map((pair) => utf8Text(pair.value))).toEqual([value]);
    } finally {
      client.close();
    }
  }
  expect(cluster.members.every(({ running }) => running)).toBe(true);
  expect(cluster.members.map(({ pid }) => pid)).toEqual(pids);
  for (const { logs } of cluster.members) expect(logs).not.toMatch(/"level":(50|60)/);
}

const showLogs = (): void => onTestFailed(() => void process.stderr.write(`${cluster.logs(15)}\n`));

describe.each(ports)('the $port port', ({ address }) => {
  test.each(Object.entries(garbage))('%s', async (_name, bytes) => {
    showLogs();
    for (let time = 0; time < 3; time++) knock(address()).send(bytes()).socket.end();
    // Most of these are ended by the replica at once, the others by its deadlines.
    await pause(20);
    await undisturbed();
  });

  test('a length that never comes is given up after a while', async () => {
    const stranger = knock(address());
    stranger.send(Uint8Array.of(0, 0));
    await stranger.closed();
    await undisturbed();
  });

  test('one byte every now and then keeps nobody waiting', async () => {
    const slow = Array.from({ length: 20 }, () => knock(address()));
    const request = utf8('POST /v3/kv/put HTTP/1.1\r\nhost: a\r\n');
    for (const byte of request.subarray(0, 20)) {
      for (const each of slow) each.send(Uint8Array.of(byte));
      await pause(10);
    }
    await undisturbed();
    await Promise.all(slow.map((each) => each.closed()));
  });

  test('500 connections that say nothing, half of them half closed', async () => {
    showLogs();
    const silent = Array.from({ length: 500 }, () => knock(address()));
    for (const [at, each] of silent.entries()) if (at % 2 === 0) each.socket.end();
    await pause(200);
    await undisturbed();
  });
});

describe('peers that speak our language and do not belong', () => {
  const rejected = async (...args: Parameters<typeof helloFrame>) => {
    const stranger = knock(target.peer).send(framed(helloFrame(...args)));
    await stranger.closed();
    return rejectionIn(stranger.received);
  };

  test('of a version outside the range', async () => {
    const { code, text } = await rejected({ versions: { min: 7, max: 9 } });
    expect(code).toBe('versionRange');
    expect(text).toContain('speaks wire versions 7 to 9, this one 1: upgrade the older one');
    await until(() => target.logs.includes('"versionRange"'));
    await undisturbed();
  });

  test('of another cluster', async () => {
    expect(await rejected()).toMatchObject({ code: 'wrongCluster' });
    await undisturbed();
  });
});
