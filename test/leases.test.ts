import { describe, expect, it } from 'vitest';
import { utf8 } from '../src/core/bytes.ts';
import { Random } from '../src/core/random.ts';
import { encodeCommand, isSwept, lease, putOf, range, rangeOf } from '../src/machine/index.ts';
import { keys } from './support/key-requests.ts';
import { SimulatedCluster, type SimulatedReplica } from './support/simulated-cluster.ts';

const id = 7n;
const ttl = 2;
const ttlMs = ttl * 1_000;
const renewal = encodeCommand({ type: 'renew', leases: [id] });
const grant = { type: 'grant', lease: id, ttl } as const;

const cluster = (electionTimeout = 350, seed = 'leases'): SimulatedCluster =>
  new SimulatedCluster({ seed, replicas: 3, electionTimeout });

/** The lease, and a key that is attached to it. */
function granted(among: SimulatedCluster): void {
  among.execute(grant);
  among.execute(putOf(utf8('k'), utf8('v'), { lease: id }));
}

/** Whether the lease is gone on some replica. */
function hasEnded(among: SimulatedCluster): boolean {
  return among.replicas.some((replica) => {
    const state = replica.applied;
    if (state === undefined || lease(state, id) !== undefined) return false;
    // A replica that is behind, or has just begun, never had it.
    const { result } = range(state, rangeOf(keys('k'), { revision: 2n }));
    return result.type === 'range' && result.count === 1;
  });
}

/** A client with one renewal under way at a time: the next one comes a third of the time after the answer. */
class KeepAlive {
  /** When the last renewal began that was answered. */
  renewedAt: number;
  lost = false;
  #stopped = false;
  readonly #among: SimulatedCluster;
  readonly #through: () => SimulatedReplica;
  #under = false;
  #dueAt: number;

  constructor(among: SimulatedCluster, through: () => SimulatedReplica) {
    this.#among = among;
    this.#through = through;
    this.renewedAt = among.now;
    this.#dueAt = among.now;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** To be called every few milliseconds. */
  tick(): void {
    const { now } = this.#among;
    if (this.#under || this.#stopped || now < this.#dueAt) return;
    this.#under = true;
    this.#through().propose(renewal, 60_000, (outcome) => {
      this.#under = false;
      this.#dueAt = this.#among.now + ttlMs / 3;
      if (outcome.type === 'done') this.renewedAt = now;
    });
  }

  /** Lets time pass and keeps the lease alive meanwhile. */
  run(ms: number): void {
    for (const end = this.#among.now + ms; this.#among.now < end; this.#among.run(10)) {
      this.tick();
      if (hasEnded(this.#among)) this.lost = true;
    }
  }
}

describe('leases in simulated time', () => {
  it('end when their time is over, on every replica, and not before', () => {
    const among = cluster();
    among.leader();
    const began = among.now;
    granted(among);
    while (!hasEnded(among)) {
      among.run(10);
      expect(among.now - began).toBeLessThan(ttlMs + 1_000);
    }
    expect(among.now - began).toBeGreaterThanOrEqual(ttlMs);
    among.runUntil('it has ended everywhere', () =>
      among.replicas.every((replica) => {
        const state = replica.applied;
        return (
          state !== undefined &&
          range(state, rangeOf(keys('k'))).result.type === 'range' &&
          lease(state, id) === undefined
        );
      }),
    );
  });

  it('live as long as they are kept alive, and their time longer', () => {
    const among = cluster();
    granted(among);
    const client = new KeepAlive(among, () => among.follower());
    client.run(20_000);
    expect(client.lost).toBe(false);
    client.stop();
    const last = client.renewedAt;
    among.runUntil('it has ended', () => hasEnded(among));
    expect(among.now - last).toBeGreaterThanOrEqual(ttlMs);
    expect(among.now - last).toBeLessThan(ttlMs + 1_000);
  });

  it('live their whole time again after a change of leaders', () => {
    const among = cluster();
    granted(among);
    among.run(ttlMs - 200);
    const leader = among.leader();
    leader.crash(false);
    among.runUntil('another one leads', () =>
      among.replicas.some((replica) => replica !== leader && replica.leads),
    );
    const elected = among.now;
    expect(hasEnded(among)).toBe(false);
    among.runUntil('it has ended', () => hasEnded(among));
    expect(among.now - elected).toBeGreaterThanOrEqual(ttlMs);
    expect(among.now - elected).toBeLessThan(ttlMs + 1_000);
  });

  it('live through a stall of the leader that is longer than they are, though renewals come late after it', () => {
    const among = cluster(8_000);
    granted(among);
    const client = new KeepAlive(among, () => leader);
    const leader = among.leader();
    client.run(1_000);
    leader.pause();
    among.run(3 * ttlMs);
    leader.resume();
    // Whoever kept it alive lost his connection, and needs as long to come back.
    const back = new KeepAlive(among, () => leader);
    among.run(ttlMs / 2);
    back.run(3 * ttlMs);
    expect(leader.leads).toBe(true);
    expect(back.lost).toBe(false);
  });

  it('live through disks that take longer than they live', () => {
    const among = cluster(30_000);
    granted(among);
    const client = new KeepAlive(among, () => among.follower());
    client.run(1_000);
    for (const replica of among.replicas) replica.slowDisk(5_000);
    client.run(10 * ttlMs);
    for (const replica of among.replicas) replica.slowDisk(1);
    client.run(3 * ttlMs);
    expect(client.lost).toBe(false);
  });

  it('live through single writes that take longer than they live, though renewals come late after them', () => {
    const among = cluster(25_000);
    granted(among);
    const client = new KeepAlive(among, () => among.leader());
    for (let round = 0; round < 10; round++) {
      client.run(ttlMs);
      for (const replica of among.replicas) replica.slowDisk(10_000);
      client.run(ttlMs / 2);
      for (const replica of among.replicas) replica.slowDisk(1);
      client.run(5 * ttlMs);
    }
    expect(client.lost).toBe(false);
  });

  it('are not ended by a leader that was deposed', () => {
    const among = cluster();
    granted(among);
    const deposed = among.leader();
    deposed.pause();
    among.runUntil('another one leads', () =>
      among.replicas.some((replica) => replica !== deposed && replica.leads),
    );
    const client = new KeepAlive(
      among,
      () => among.replicas.find((replica) => replica !== deposed && replica.leads) ?? deposed,
    );
    client.run(3 * ttlMs);
    deposed.resume();
    client.run(3 * ttlMs);
    expect(client.lost).toBe(false);
  });

  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'never end before the last renewal that was answered is as old as they live, whatever happens (seed %i)',
    (seed) => {
      const random = Random.fromSeed(`trouble ${seed}`);
      const among = cluster(random.pick([100, 350, 3_000]), `leases ${seed}`);
      granted(among);
      const client = new KeepAlive(among, () =>
        random.pick(among.replicas.filter((replica) => replica.state === 'up')),
      );
      for (let round = 0; round < 12; round++) {
        const victim = random.pick(among.replicas);
        const fault = random.below(4);
        if (fault === 0) victim.pause();
        if (fault === 1) victim.crash(random.chance(1, 2));
        if (fault === 2) victim.slowDisk(2_000);
        watch(among, client, random.between(50, 3_000));
        if (victim.state === 'paused') victim.resume();
        if (victim.state === 'down') victim.start();
        victim.slowDisk(1);
        watch(among, client, random.between(50, 1_500));
        if (hasEnded(among)) return;
      }
      client.stop();
      watch(among, client, ttlMs + 20_000);
      expect(hasEnded(among)).toBe(true);
    },
  );
});

/** Lets time pass until the lease ends, which must not be early. */
function watch(among: SimulatedCluster, client: KeepAlive, ms: number): void {
  for (const end = among.now + ms; among.now < end; among.run(10)) {
    client.tick();
    if (!hasEnded(among)) continue;
    expect(among.now - client.renewedAt).toBeGreaterThanOrEqual(ttlMs);
    return;
  }
}

describe('compaction in simulated time', () => {
  it('gives space back by itself, on every replica, also after the leader has changed', () => {
    const among = cluster();
    for (let i = 0; i < 700; i++) {
      const put = encodeCommand(putOf(utf8(`k${i % 3}`), utf8(String(i))));
      among.leader().propose(put, 30_000, () => undefined);
      if (i % 50 === 0) among.run(20);
    }
    among.run(500);
    expect(among.execute({ type: 'compact', revision: 600n }).result).toEqual({ type: 'compact' });
    among.leader().crash(true);
    among.runUntil('all is swept', () =>
      among.replicas.every((replica) => {
        const state = replica.applied;
        return state === undefined || isSwept(state);
      }),
    );
    const rows = (replica: SimulatedReplica): number =>
      [...(replica.applied?.scan({ from: Uint8Array.of(0x10), to: Uint8Array.of(0x11) }) ?? [])].length;
    for (const replica of among.replicas)
      if (replica.state === 'up') expect(rows(replica)).toBe(701 - 600 + 3);
  });
});
