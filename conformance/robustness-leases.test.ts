import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import * as pb from '../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { type Client, connect, op } from '../src/client/index.ts';
import { utf8 } from '../src/core/bytes.ts';
import { accidentsOf } from '../test/processes/accidents.ts';
import { Cluster } from '../test/processes/cluster.ts';
import { GrpcClient } from '../test/support/grpc-client.ts';
import { until } from '../test/support/processes.ts';

/** How much is done after each accident before the next one. */
const leasesBetween = 12;
const turnsBetween = 20;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

/** What is known of a lease that is not kept alive any more. */
interface Left {
  readonly key: string;
  /** It cannot have ended before: when the last renewal that was answered was asked for, and the time to live. */
  readonly notBefore: number;
  readonly lease: bigint;
}

/** Grants leases, renews each a few times and leaves it, at one member after the other; says what ended too early. */
class Tenants {
  readonly left: Left[] = [];
  readonly early: string[] = [];
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(count: number) {
    this.#running = Promise.all(Array.from({ length: count }, (_, id) => this.#run(id)));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(id: number): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const member = cluster.members[(id + turn) % cluster.members.length];
      await using client = new GrpcClient(member?.client ?? '');
      // What fails may have been done or not: nothing is known of that lease, and nothing is said of it.
      await this.#tenancy(client, `tenant/${id}/${turn}`, BigInt(2 + ((id + turn) % 3))).catch(() =>
        pause(50),
      );
    }
  }

  async #tenancy(client: GrpcClient, key: string, TTL: bigint): Promise<void> {
    const options = { timeoutMs: 5_000 };
    let askedAt = performance.now();
    const { ID } = await client.call(
      '/etcdserverpb.Lease/LeaseGrant',
      pb.LeaseGrantRequest,
      pb.LeaseGrantResponse,
      { ID: 0n, TTL },
      options,
    );
    const notBefore = (): number => askedAt + Number(TTL) * 1000;
    await client.put({ key: utf8(key), lease: ID }, options);
    for (let renewals = 0; renewals < 3; renewals++) {
      await pause(200);
      await this.#expectAlive(client, key, notBefore());
      const asked = performance.now();
      if ((await this.#renew(client, ID)) === 0n) return this.#gone(key, notBefore());
      askedAt = asked;
    }
    this.left.push({ key, lease: ID, notBefore: notBefore() });
  }

  /** A linearizable read that was answered in time, and yet did not find it, is a lease that ended early. */
  async #expectAlive(client: GrpcClient, key: string, notBefore: number): Promise<void> {
    const { count } = await client.range({ key: utf8(key) }, { timeoutMs: 5_000 });
    if (count === 0n) this.#gone(key, notBefore);
  }

  #gone(key: string, notBefore: number): void {
    const ms = notBefore - performance.now();
    if (ms > 0) this.early.push(`${key} ended more than ${Math.round(ms)} ms early`);
  }

  #renew(client: GrpcClient, ID: bigint): Promise<bigint> {
    const path = '/etcdserverpb.Lease/LeaseKeepAlive';
    const call = client.bidi(path, pb.LeaseKeepAliveRequest, pb.LeaseKeepAliveResponse, { timeoutMs: 5_000 });
    return new Promise((resolve, reject) => {
      call.on('error', reject);
      call.on('data', ({ TTL }: pb.LeaseKeepAliveResponse) => {
        resolve(TTL);
        call.cancel();
      });
      call.write({ ID });
    });
  }
}

test('no lease ends before its time, and every one that is left ends, whatever is killed or paused', {
  timeout: 600_000,
}, async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  await using client = await connect({ endpoints: cluster.members.map((member) => member.client) });
  const goneAt = new Map<string, number>();
  const watch = client.watch({ prefix: 'tenant/' });
  const watched = (async () => {
    for await (const { type, name } of watch) if (type === 'delete') goneAt.set(name, performance.now());
  })();
  const tenants = new Tenants(6);
  for (const accident of accidentsOf(cluster)) {
    const enough = tenants.left.length + leasesBetween;
    await accident.happen();
    await until(() => tenants.left.length >= enough);
  }
  await tenants.stop();
  await until(() => tenants.left.every(({ key }) => goneAt.has(key)));
  watch.close();
  await watched;
  expect(tenants.early).toEqual([]);
  const early = tenants.left.filter(({ key, notBefore }) => (goneAt.get(key) ?? 0) < notBefore);
  expect(early).toEqual([]);
});

test('no two holders of a lock have the same fence, and what is fenced is never written by an earlier holder', {
  timeout: 600_000,
}, async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const endpoints = cluster.members.map((member) => member.client);
  const holders = new Map<bigint, string>();
  const violations: string[] = [];
  /** What came through to what the lock protects. */
  const writes: { readonly revision: bigint; readonly fence: bigint }[] = [];
  let stopped = false;
  const hold = async (client: Client, name: string): Promise<void> => {
    // Short enough that a holder loses it now and then while nobody leads.
    await using lock = await client.lock('fenced', { ttl: 2 });
    const other = holders.get(lock.fence);
    if (other !== undefined) violations.push(`${name} and ${other} have ${lock.fence}`);
    holders.set(lock.fence, name);
    for (let write = 0; write < 3; write++) {
      const put = op.put('protected', `${lock.fence}`);
      const { succeeded, revision } = await client.txn({ if: [lock.condition], do: [put] });
      if (succeeded) writes.push({ revision, fence: lock.fence });
    }
  };
  const contend = async (name: string): Promise<void> => {
    await using client = await connect({ endpoints });
    // Whatever fails has lost the lock, or may have.
    while (!stopped) await hold(client, name).catch(() => pause(20));
  };
  const contenders = ['a', 'b', 'c', 'd'].map(contend);
  for (const accident of accidentsOf(cluster)) {
    const enough = holders.size + turnsBetween;
    await accident.happen();
    await until(() => holders.size >= enough || violations.length > 0);
  }
  stopped = true;
  await Promise.all(contenders);
  expect(violations).toEqual([]);
  expect(writes.length).toBeGreaterThan(turnsBetween);
  const fences = writes.sort((a, b) => Number(a.revision - b.revision)).map(({ fence }) => fence);
  expect(fences).toEqual(fences.toSorted((a, b) => Number(a - b)));
});
