import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, onTestFailed, test } from 'vitest';
import * as pb from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import {
  LockRequest,
  LockResponse,
  UnlockRequest,
  UnlockResponse,
} from '../../src/api/etcd/gen/v3lockpb/v3lock.ts';
import { utf8, utf8Text } from '../../src/core/bytes.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { Cluster, type Member } from './cluster.ts';

/** How often the lock changes hands after each accident before the next one. */
const turnsBetween = 50;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
});

afterAll(() => cluster?.[Symbol.asyncDispose]());

/** Who holds the lock, as the holders know it. */
class Holders {
  readonly #now = new Set<string>();
  readonly violations: string[] = [];
  turns = 0;

  enter(name: string): void {
    this.#now.add(name);
    if (this.#now.size > 1) this.violations.push([...this.#now].join(' and '));
    this.turns++;
  }

  leave(name: string): void {
    this.#now.delete(name);
  }
}

/** Takes the lock again and again through one replica, under a new lease each time. */
class Contender {
  readonly #name: string;
  readonly #member: Member;
  readonly #holders: Holders;
  readonly #client: GrpcClient;
  #stopping = false;
  readonly #done: Promise<void>;

  constructor(name: string, member: Member, holders: Holders) {
    this.#name = name;
    this.#member = member;
    this.#holders = holders;
    this.#client = new GrpcClient(member.client);
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
    await this.#client[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const lease = await this.#grant();
      if (lease !== undefined) {
        await this.#hold(lease);
        await this.#revoke(lease);
      }
    }
  }

  async #grant(): Promise<bigint | undefined> {
    const path = '/etcdserverpb.Lease/LeaseGrant';
    const request = { ID: 0n, TTL: 120n };
    const granted = await this.#tried(
      this.#client.call(path, pb.LeaseGrantRequest, pb.LeaseGrantResponse, request, { timeoutMs: 5_000 }),
    );
    return granted?.ID;
  }

  async #hold(lease: bigint): Promise<void> {
    const request = { name: utf8('l'), lease };
    const locked = await this.#tried(
      this.#client.call('/v3lockpb.Lock/Lock', LockRequest, LockResponse, request, { timeoutMs: 20_000 }),
    );
    if (locked === undefined) return;
    expect(utf8Text(locked.key)).toBe(`l/${lease.toString(16)}`);
    this.#holders.enter(this.#name);
    await pause(5);
    this.#holders.leave(this.#name);
    const { key } = locked;
    await this.#tried(
      this.#client.call(
        '/v3lockpb.Lock/Unlock',
        UnlockRequest,
        UnlockResponse,
        { key },
        { timeoutMs: 5_000 },
      ),
    );
  }

  /** Until it is gone for sure: a place in the line that nobody knows of would hold up the others. */
  async #revoke(ID: bigint): Promise<void> {
    const path = '/etcdserverpb.Lease/LeaseRevoke';
    for (;;) {
      const call = this.#client.call(
        path,
        pb.LeaseRevokeRequest,
        pb.LeaseRevokeResponse,
        { ID },
        { timeoutMs: 5_000 },
      );
      const gone = await call.then(
        () => true,
        ({ details }: { details?: string }) => details === 'etcdserver: requested lease not found',
      );
      if (gone) return;
      await pause(50);
    }
  }

  /** While its replica is down, calls fail. */
  async #tried<T>(call: Promise<T>): Promise<T | undefined> {
    try {
      return await call;
    } catch {
      await pause(this.#member.running ? 5 : 50);
      return undefined;
    }
  }
}

test('22: never two holders of a lock, whatever happens to the replicas', async () => {
  onTestFailed(() => void process.stderr.write(`${cluster.logs()}\n`));
  const holders = new Holders();
  const contenders = cluster.members.flatMap((member, at) =>
    [0, 1].map((each) => new Contender(`${member.name}-${each}`, cluster.members[at] as Member, holders)),
  );
  for (const accident of [killLeader, pauseLeader, killFollower, stopLeader]) {
    await accident();
    await moreTurns(holders);
  }
  await cluster.leader();
  await Promise.all(contenders.map((contender) => contender.stop()));
  expect(holders.violations).toEqual([]);
});

/** It goes on, within the test's own time limit. */
async function moreTurns(holders: Holders): Promise<void> {
  const enough = holders.turns + turnsBetween;
  while (holders.turns < enough && holders.violations.length === 0) await pause(20);
}

async function killLeader(): Promise<void> {
  const leader = await cluster.leader();
  await leader.kill();
  await pause(1_000);
  leader.start();
  await leader.serving();
}

async function killFollower(): Promise<void> {
  const follower = await cluster.follower();
  await follower.kill();
  await pause(1_000);
  follower.start();
  await follower.serving();
}

async function pauseLeader(): Promise<void> {
  const leader = await cluster.leader();
  leader.pause();
  await pause(4_000);
  leader.resume();
}

async function stopLeader(): Promise<void> {
  const leader = await cluster.leader();
  await leader.stop();
  leader.start();
  await leader.serving();
}
