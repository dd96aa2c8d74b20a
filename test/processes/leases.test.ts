import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { utf8 } from '../../src/core/bytes.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { Cluster, type Member } from './cluster.ts';

const ttlSeconds = 8;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

/** Keeps one lease alive through one replica, and remembers when it asked for the last renewal that was answered. */
class Keeper implements AsyncDisposable {
  readonly #client: GrpcClient;
  readonly #lease: bigint;
  #askedAt = performance.now();
  #renewedAt = performance.now();
  #ttl = BigInt(ttlSeconds);
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(member: Member, lease: bigint) {
    this.#client = new GrpcClient(member.client);
    this.#lease = lease;
    this.#running = this.#run();
  }

  /** 0 once the server has said that the lease is gone. */
  get ttl(): bigint {
    return this.#ttl;
  }

  /** Until when the lease cannot have ended, whatever has happened. */
  get safeUntil(): number {
    return this.#renewedAt + ttlSeconds * 1000;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#client[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#stream();
      await pause(50);
    }
  }

  /** Until the stream ends. */
  #stream(): Promise<void> {
    return new Promise((resolve) => {
      const call = this.#client.bidi(
        '/etcdserverpb.Lease/LeaseKeepAlive',
        pb.LeaseKeepAliveRequest,
        pb.LeaseKeepAliveResponse,
      );
      let next: NodeJS.Timeout | undefined;
      const ask = (): void => {
        if (this.#stopped) return void call.end();
        this.#askedAt = performance.now();
        call.write({ ID: this.#lease });
      };
      call.on('data', ({ TTL }: pb.LeaseKeepAliveResponse) => {
        this.#ttl = TTL;
        this.#renewedAt = this.#askedAt;
        next = setTimeout(ask, 500);
      });
      call.on('error', () => {});
      call.on('status', () => {
        clearTimeout(next);
        resolve();
      });
      ask();
    });
  }
}

const ofMember = (member: Member): GrpcClient => new GrpcClient(member.client);

async function grantWithKey(client: GrpcClient, ID: bigint): Promise<Uint8Array> {
  const key = utf8(`kept/${ID}`);
  const grant = { ID, TTL: BigInt(ttlSeconds) };
  await client.call('/etcdserverpb.Lease/LeaseGrant', pb.LeaseGrantRequest, pb.LeaseGrantResponse, grant);
  await client.put({ key, lease: ID });
  return key;
}

test('15: a lease that is kept alive through a follower outlives its leaders; left alone it ends, and not before its time', async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const follower = await cluster.follower();
  await using client = ofMember(follower);
  const key = await grantWithKey(client, 7n);
  await using keeper = new Keeper(follower, 7n);
  for (const accident of [pauseLeader, killLeader, stopLeader]) {
    await accident(follower);
    const { kvs } = await client.range({ key });
    expect([keeper.ttl, kvs.length]).toEqual([BigInt(ttlSeconds), 1]);
  }
  await keeper.stop();
  // As long as it cannot have ended, it is there; a read that took too long to say so says nothing.
  for (;;) {
    const { kvs } = await client.range({ key });
    if (performance.now() > keeper.safeUntil) break;
    expect(kvs).toHaveLength(1);
    await pause(50);
  }
  await expect.poll(async () => (await client.range({ key })).kvs.length, { timeout: 60_000 }).toBe(0);
});

/** The leader, unless it is the replica that is asked, which then gives it up. */
async function leaderBesides(other: Member): Promise<Member> {
  for (;;) {
    const leader = await cluster.leader();
    if (leader !== other) return leader;
    await using client = ofMember(other);
    const status = await client.call(
      '/etcdserverpb.Maintenance/Status',
      pb.StatusRequest,
      pb.StatusResponse,
      {},
    );
    const list = { linearizable: false };
    const path = '/etcdserverpb.Cluster/MemberList';
    const { members } = await client.call(path, pb.MemberListRequest, pb.MemberListResponse, list);
    const targetID = members.find(({ ID }) => ID !== status.leader)?.ID ?? 0n;
    const move = '/etcdserverpb.Maintenance/MoveLeader';
    await client.call(move, pb.MoveLeaderRequest, pb.MoveLeaderResponse, { targetID });
  }
}

/** Longer than the lease lives. */
async function pauseLeader(but: Member): Promise<void> {
  const leader = await leaderBesides(but);
  leader.pause();
  await pause(ttlSeconds * 1000 + 2_000);
  leader.resume();
  await cluster.leader();
}

async function killLeader(but: Member): Promise<void> {
  const leader = await leaderBesides(but);
  await leader.kill();
  await pause(1_000);
  leader.start();
  await leader.serving();
}

async function stopLeader(but: Member): Promise<void> {
  const leader = await leaderBesides(but);
  await leader.stop();
  leader.start();
  await leader.serving();
}
