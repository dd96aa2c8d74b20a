import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SingleReplica } from '../../test/support/single-replica.ts';
import { embedded } from '../embedded/index.ts';
import { encodeCommand } from '../machine/index.ts';
import { codeOf } from './index.ts';

/** Holds the event loop, as a long computation or a stopped process does. */
function stall(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

/** Lets time pass, a little at a time: what is asked on the way is answered on the way. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    await vi.advanceTimersByTimeAsync(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const lost = { type: 'unknown', reason: 'timeout' } as const;

describe('a lease', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  });
  afterEach(() => vi.useRealTimers());

  test('is renewed for as long as it is wanted', async () => {
    const lease = await embedded(new SingleReplica()).lease(2);
    await pass(20_000);
    expect(lease.lost.aborted).toBe(false);
    await lease.revoke();
    expect(codeOf(lease.lost.reason)).toBe('leaseLost');
  });

  test('is lost by our own clock when renewals fail, before its time is over', async () => {
    const replica = new SingleReplica();
    const lease = await embedded(replica).lease(10);
    let fired = false;
    lease.lost.addEventListener('abort', () => {
      fired = true;
    });
    replica.writeOutcome = lost;
    await pass(9_000);
    expect(fired).toBe(false);
    await pass(990);
    expect(fired).toBe(true);
    expect(codeOf(lease.lost.reason)).toBe('leaseLost');
  });

  test('outlives failures that are over in time', async () => {
    const replica = new SingleReplica();
    const lease = await embedded(replica).lease(10);
    replica.writeOutcome = lost;
    await pass(8_000);
    replica.writeOutcome = undefined;
    await pass(30_000);
    expect(lease.lost.aborted).toBe(false);
  });

  test('counts its time from the renewal that was sent last, not from the answer', async () => {
    const replica = new SingleReplica();
    const propose = replica.propose.bind(replica);
    const lease = await embedded(replica).lease(10);
    // The answer is 3 s under way; nothing is answered after that one.
    let renewals = 0;
    replica.propose = async (command) => {
      const outcome = await propose(command);
      if (++renewals > 1) return new Promise(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      return outcome;
    };
    // Sent after a third of the time, at 3.33 s: it is good until 13.33 s.
    await pass(12_500);
    expect(lease.lost.aborted).toBe(false);
    await pass(830);
    expect(lease.lost.aborted).toBe(true);
  });

  test('is lost as soon as the machine has slept for too long, whatever the monotonic clock says', async () => {
    const lease = await embedded(new SingleReplica()).lease(10);
    vi.setSystemTime(Date.now() + 11_000);
    expect(lease.lost.aborted).toBe(true);
  });

  test('is lost when a server says that it is gone', async () => {
    const replica = new SingleReplica();
    const lease = await embedded(replica).lease(10);
    await replica.propose(encodeCommand({ type: 'revoke', lease: lease.id }));
    await pass(4_000);
    expect(lease.lost.aborted).toBe(true);
  });

  test('of two months is not lost after a moment, and is renewed', async () => {
    const replica = new SingleReplica();
    const lease = await embedded(replica).lease(60 * 86_400);
    await pass(1_000);
    expect(lease.lost.aborted).toBe(false);
    const day = 86_400_000;
    for (let days = 0; days < 200; days++) await vi.advanceTimersByTimeAsync(day);
    expect(lease.lost.aborted).toBe(false);
    replica.writeOutcome = lost;
    for (let days = 0; days < 60; days++) await vi.advanceTimersByTimeAsync(day);
    expect(lease.lost.aborted).toBe(true);
  });

  test('that is granted while the client is being closed is revoked, and nobody gets it', async () => {
    const replica = new SingleReplica();
    const propose = replica.propose.bind(replica);
    const commands: Uint8Array[] = [];
    replica.propose = async (command) => {
      commands.push(command);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return propose(command);
    };
    const client = embedded(replica);
    const granted = client.lease(10).then(() => 'granted', codeOf);
    await pass(50);
    const closed = client.close();
    await pass(400);
    await closed;
    expect(await granted).toBe('closed');
    await pass(20_000);
    expect(commands).toHaveLength(2);
  });

  test('needs a time to live', async () => {
    const client = embedded(new SingleReplica());
    await expect(client.lease(0)).rejects.toMatchObject({ code: 'invalid', outcome: 'refused' });
  });
});

test('a lease is known to be lost right after a stall of this process, before any timer has its turn', async () => {
  const lease = await embedded(new SingleReplica()).lease(2);
  stall(2_100);
  expect(lease.lost.aborted).toBe(true);
});
