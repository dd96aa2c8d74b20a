import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SingleReplica } from '../../../test/support/single-replica.ts';
import { embedded } from '../../embedded/index.ts';
import { CoordinationError, codeOf } from '../index.ts';

/** Lets time pass, a little at a time: what is asked on the way is answered on the way. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 10) {
    await vi.advanceTimersByTimeAsync(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const nobodyAnswers = { type: 'unknown', reason: 'timeout' } as const;

/** The error of a call that goes on while time passes. */
function failing(call: Promise<unknown>): { error: unknown } {
  const outcome: { error: unknown } = { error: undefined };
  call.then(
    () => {
      outcome.error = 'no error';
    },
    (error: unknown) => {
      outcome.error = error;
    },
  );
  return outcome;
}

/** Its second command, which puts the key of a seat, takes `ms`; what comes after it is not answered. */
function slowToPut(ms: number): SingleReplica {
  const replica = new SingleReplica();
  const propose = replica.propose.bind(replica);
  let commands = 0;
  replica.propose = async (command) => {
    const nth = ++commands;
    if (nth > 2) return nobodyAnswers;
    const outcome = await propose(command);
    if (nth === 2) await new Promise((resolve) => setTimeout(resolve, ms));
    return outcome;
  };
  return replica;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
});
afterEach(() => vi.useRealTimers());

describe('over a lease that was lost while the key was put', () => {
  test.each([
    ['lock', (replica: SingleReplica) => embedded(replica).lock('l', { ttl: 2 })],
    ['elect', (replica: SingleReplica) => embedded(replica).elect('e', 'me', { ttl: 2 })],
    ['join', (replica: SingleReplica) => embedded(replica).group('g').join('me', '', { ttl: 2 })],
  ])('%s is not won', async (_what, attempt) => {
    const outcome = failing(attempt(slowToPut(3_000)));
    await pass(4_000);
    expect(codeOf(outcome.error)).toBe('leaseLost');
  });
});

describe('waiting', () => {
  test('without servers for longer than the time to live ends with leaseLost', async () => {
    const replica = new SingleReplica();
    await embedded(replica).lock('l', { ttl: 600 });
    const outcome = failing(embedded(replica).lock('l', { ttl: 2 }));
    await pass(200);
    replica.writeOutcome = nobodyAnswers;
    replica.read = () => new Promise(() => undefined);
    replica.peek = () => undefined;
    await pass(3_000);
    expect(codeOf(outcome.error)).toBe('leaseLost');
  });

  test('that is given up ends at once, although nobody takes the revocation', async () => {
    const replica = new SingleReplica();
    await embedded(replica).lock('l', { ttl: 600 });
    const giveUp = new AbortController();
    const outcome = failing(embedded(replica).lock('l', { ttl: 600, signal: giveUp.signal }));
    await pass(200);
    replica.propose = () => new Promise(() => undefined);
    giveUp.abort();
    await pass(20);
    expect(codeOf(outcome.error)).toBe('aborted');
  });
});

test('a client closes within its deadline, although nobody takes the revocation', async () => {
  const replica = new SingleReplica();
  const client = embedded(replica, { deadlineMs: 1_000 });
  await client.lock('l', { ttl: 600 });
  replica.propose = (_command, timeoutMs) =>
    new Promise((resolve) => setTimeout(() => resolve(nobodyAnswers), timeoutMs));
  let closed = false;
  void client.close().then(() => {
    closed = true;
  });
  await pass(1_200);
  expect(closed).toBe(true);
});

test('a membership is lost when somebody deletes the key of the member', async () => {
  const client = embedded(new SingleReplica());
  const membership = await client.group('g').join('me');
  await client.del('g/me');
  await pass(200);
  expect(membership.lost.aborted).toBe(true);
  expect(membership.lost.reason).toBeInstanceOf(CoordinationError);
});

test('a registration is listed again whatever was refused meanwhile, and says so', async () => {
  const replica = new SingleReplica();
  const client = embedded(replica);
  const registration = await client.register('web', '10.0.0.1:80', { ttl: 2 });
  expect([registration.listed, registration.lost.aborted]).toEqual([true, false]);
  replica.writeOutcome = { type: 'refused', reason: 'unsupported' };
  await pass(5_000);
  expect([registration.listed, registration.lost.aborted]).toEqual([false, false]);
  replica.writeOutcome = undefined;
  await pass(11_000);
  expect([registration.listed, registration.lost.aborted]).toEqual([true, false]);
  await registration.close();
  expect([registration.listed, registration.lost.aborted]).toEqual([false, true]);
});

test('whoever waits for an item of a queue outlives a cluster that does not answer', async () => {
  const replica = new SingleReplica();
  const client = embedded(replica, { deadlineMs: 500 });
  replica.readOutcome = { type: 'refused', reason: 'timeout' };
  let item: string | undefined;
  void client
    .queue('q')
    .dequeue()
    .then(({ text }) => {
      item = text;
    });
  await pass(3_000);
  replica.readOutcome = undefined;
  await client.queue('q').enqueue('a');
  await pass(1_000);
  expect(item).toBe('a');
});

describe('a double barrier', () => {
  test.each([0, -1, 1.5, Number.NaN])('for %d members is refused', (members) => {
    expect(() => embedded(new SingleReplica()).doubleBarrier('b', members)).toThrow(CoordinationError);
  });

  test('over the key of somebody else says so', async () => {
    const client = embedded(new SingleReplica());
    const outcome = failing(client.doubleBarrier('b', 2).enter());
    await pass(200);
    await client.put('b/ready', 'not a revision');
    await pass(200);
    expect(codeOf(outcome.error)).toBe('invalid');
  });
});
