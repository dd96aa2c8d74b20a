import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import * as pb from '../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { Event_EventType } from '../src/api/etcd/gen/mvccpb/kv.ts';
import {
  checkLinearizability,
  History,
  type KeyValueInput,
  type KeyValueOutput,
  keyValueModel,
} from '../src/check/index.ts';
import { utf8, utf8Text } from '../src/core/bytes.ts';
import { accidentsOf } from '../test/processes/accidents.ts';
import { Cluster } from '../test/processes/cluster.ts';
import { RegisterClient } from '../test/processes/register.ts';
import { GrpcClient, putRequest } from '../test/support/grpc-client.ts';
import { until } from '../test/support/processes.ts';

/** How many more events every watcher is told after each accident before the next one. */
const eventsBetween = 30;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

interface Told {
  readonly revision: bigint;
  /** "key=value", or "key deleted". */
  readonly text: string;
}

/** Watches a range, at one member after the other, always from what it was told last. */
class Watcher implements AsyncDisposable {
  readonly told: Told[] = [];
  readonly violations: string[] = [];
  readonly #key: string;
  readonly #rangeEnd: string;
  readonly #bookmarks: boolean;
  #at: number;
  /** Everything up to here has been told. */
  #through = 0n;
  #stopped = false;
  #cancel: () => void = () => {};
  readonly #running: Promise<void>;

  /** With `bookmarks` it asks for progress, and resumes from there. */
  constructor(key: string, rangeEnd: string, first: number, bookmarks: boolean) {
    this.#key = key;
    this.#rangeEnd = rangeEnd;
    this.#at = first;
    this.#bookmarks = bookmarks;
    this.#running = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const member = cluster.members[this.#at++ % cluster.members.length];
      await using client = new GrpcClient(member?.client ?? '');
      await this.#stream(client);
      await pause(20);
    }
  }

  /** Until the stream ends, or has nothing to say for so long that another member may know more. */
  #stream(client: GrpcClient): Promise<void> {
    return new Promise((resolve) => {
      const call = client.bidi('/etcdserverpb.Watch/Watch', pb.WatchRequest, pb.WatchResponse);
      let silence = setTimeout(() => call.cancel(), 5_000);
      const asking = setInterval(() => {
        if (this.#bookmarks) call.write({ requestUnion: { $case: 'progressRequest', value: {} } });
      }, 100);
      this.#cancel = () => call.cancel();
      call.on('data', (response: pb.WatchResponse) => {
        clearTimeout(silence);
        silence = setTimeout(() => call.cancel(), 5_000);
        this.#hear(response);
      });
      call.on('error', () => {});
      call.on('status', () => {
        clearTimeout(silence);
        clearInterval(asking);
        resolve();
      });
      const request = {
        key: utf8(this.#key),
        rangeEnd: utf8(this.#rangeEnd),
        startRevision: this.#through + 1n,
        progressNotify: true,
        filters: [],
        prevKv: false,
        watchId: 0n,
        fragment: false,
      };
      call.write({ requestUnion: { $case: 'createRequest', value: request } });
    });
  }

  #hear({ header, created, canceled, cancelReason, events }: pb.WatchResponse): void {
    if (canceled) this.violations.push(`it was cancelled: ${cancelReason}`);
    if (created || canceled) return;
    const first = events[0]?.kv?.modRevision;
    if (first === undefined) {
      if (this.#bookmarks && header !== undefined && header.revision > this.#through)
        this.#through = header.revision;
      return;
    }
    if (first <= this.#through) this.violations.push(`${first} was told after ${this.#through}`);
    for (const { type, kv } of events) {
      if (kv === undefined) continue;
      const key = utf8Text(kv.key);
      const text = type === Event_EventType.DELETE ? `${key} deleted` : `${key}=${utf8Text(kv.value)}`;
      if (kv.modRevision < this.#through) this.violations.push(`${kv.modRevision} is out of order`);
      this.told.push({ revision: kv.modRevision, text });
      // A message holds its last revision as a whole.
      this.#through = kv.modRevision;
    }
  }
}

/** Writes two keys in one transaction, again and again, and now and then deletes them; remembers what was acknowledged. */
class PairWriter {
  readonly acknowledged: { readonly revision: bigint; readonly value: string }[] = [];
  readonly #name: string;
  readonly #clients: readonly GrpcClient[];
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(name: string) {
    this.#name = name;
    this.#clients = cluster.members.map(({ client }) => new GrpcClient(client));
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await Promise.all(this.#clients.map((client) => client[Symbol.asyncDispose]()));
  }

  async #run(): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const client = this.#clients[turn % this.#clients.length] as GrpcClient;
      const value = `${this.#name}.${turn}`;
      try {
        const { header } = await client.txn({ success: this.#operations(turn, value) }, { timeoutMs: 2_000 });
        this.acknowledged.push({ revision: header?.revision ?? 0n, value });
      } catch {
        // Whether it took effect is for the watchers to say.
      }
      await pause(10);
    }
  }

  #operations(turn: number, value: string): pb.RequestOp[] {
    const put = (key: string): pb.RequestOp => ({
      request: { $case: 'requestPut', value: putRequest({ key: utf8(key), value: utf8(value) }) },
    });
    const own = [put(`pair/${this.#name}/a`), put(`pair/${this.#name}/b`)];
    if (turn % 5 !== 4) return own;
    const range = { key: utf8('pair/all'), rangeEnd: utf8('pair/alm'), prevKv: false };
    return [...own, { request: { $case: 'requestDeleteRange', value: range } }, put('pair/last')];
  }
}

test('watches are ordered, unique, reliable, atomic, resumable and bookmarkable, whatever is killed or paused', {
  timeout: 600_000,
}, async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const history = new History<KeyValueInput, KeyValueOutput>();
  const registers = [0, 1, 2].map((id) => new RegisterClient(id, cluster, history));
  const writers = ['x', 'y'].map((name) => new PairWriter(name));
  const ranges = [
    ['pair/', 'pair0'],
    ['register/', 'register0'],
    ['a', 'z'],
    ['pair/x/a', ''],
  ] as const;
  const watchers = ranges.flatMap(([key, end], at) =>
    [false, true].map((bookmarks) => ({ key, end, watcher: new Watcher(key, end, at, bookmarks) })),
  );
  for (const register of registers) register.start();
  for (const accident of accidentsOf(cluster)) {
    const before = watchers.map(({ watcher }) => watcher.told.length);
    await accident.happen();
    await until(() =>
      watchers.every(({ watcher }, at) => watcher.told.length >= (before[at] ?? 0) + eventsBetween),
    );
  }
  await Promise.all([...writers, ...registers].map((each) => each.stop()));

  const revision = await presentRevision();
  const witness = await everything(revision);
  for (const { key, end, watcher } of watchers) {
    const due = witness.filter(({ text }) =>
      end === '' ? text.startsWith(`${key}=`) : isIn(text, key, end),
    );
    await until(() => (watcher.told.at(-1)?.revision ?? 0n) >= (due.at(-1)?.revision ?? 0n));
    await watcher[Symbol.asyncDispose]();
    expect(watcher.violations).toEqual([]);
    expect(watcher.told).toEqual(due);
  }
  const written = new Map(witness.map(({ revision, text }) => [`${revision} ${text}`, text]));
  for (const [at, name] of ['x', 'y'].entries()) {
    const acknowledged = writers[at]?.acknowledged ?? [];
    expect(acknowledged.length).toBeGreaterThan(eventsBetween);
    for (const { revision, value } of acknowledged)
      for (const key of ['a', 'b'])
        expect(written.has(`${revision} pair/${name}/${key}=${value}`), `${value} at ${revision}`).toBe(true);
  }
  expect(history.size).toBeGreaterThan(eventsBetween);
  expect(checkLinearizability(keyValueModel, history.operations())).toMatchObject({ type: 'ok' });
});

const isIn = (text: string, from: string, to: string): boolean => text >= from && text < to;

async function presentRevision(): Promise<bigint> {
  await cluster.leader();
  await using client = new GrpcClient((await cluster.leader()).client);
  const { header } = await client.put({ key: utf8('zz') });
  return header?.revision ?? 0n;
}

/** All that was ever written, from a watch that nothing happened to. */
async function everything(revision: bigint): Promise<readonly Told[]> {
  await using witness = new Watcher('\0', '\0', 0, false);
  await until(() => (witness.told.at(-1)?.revision ?? 0n) >= revision);
  expect(witness.violations).toEqual([]);
  return witness.told;
}
