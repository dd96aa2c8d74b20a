import { describe, expect, test } from 'vitest';
import { SingleReplica } from '../../test/support/single-replica.ts';
import { type Client, codeOf, when } from '../client/index.ts';
import { embedded } from './index.ts';

const codeOfFailure = (call: () => unknown): Promise<string | undefined> =>
  (async () => call())().then(() => 'no error', codeOf);

const tooMuch = 2n ** 64n;

describe('what no store takes is refused before anything is sent', () => {
  test.each<[string, (client: Client) => unknown]>([
    ['a revision of 65 bits', (client) => client.get('a', { revision: tooMuch })],
    ['a revision below zero', (client) => client.get('a', { revision: -1n })],
    ['half an entry', (client) => client.range({ prefix: '', limit: 1.5 })],
    ['a bound of 65 bits', (client) => client.range({ prefix: '', minModRevision: tooMuch })],
    ['a condition of 65 bits', (client) => client.txn({ if: [when.modRevision('a', '=', tooMuch)] })],
    ['a lease of 65 bits', (client) => client.put('a', '1', { lease: tooMuch })],
    ['a lease for ever', (client) => client.lease(Number.POSITIVE_INFINITY)],
    ['a lease of no number', (client) => client.lease(Number.NaN)],
    ['a watch from revision 0, which means one thing here and another there', watchFrom(0n)],
    ['a watch from before the beginning', watchFrom(-1n)],
    ['no time at all', (client) => client.get('a', { deadlineMs: 0 })],
    ['a time of no number', (client) => client.get('a', { deadlineMs: Number.NaN })],
  ])('%s', async (_what, call) => {
    expect(await codeOfFailure(() => call(embedded(new SingleReplica())))).toBe('invalid');
  });

  function watchFrom(fromRevision: bigint): (client: Client) => unknown {
    return (client) => client.watch({ key: 'a', fromRevision });
  }
});

test('a watch ends with an error when the replica stops or halts', async () => {
  const replica = new SingleReplica();
  const watch = embedded(replica).watch({ prefix: '' });
  await watch.ready;
  replica.peek = () => undefined;
  replica.readOutcome = { type: 'refused', reason: 'stopping' };
  const reading = (async () => {
    for await (const _event of watch);
  })();
  expect(await codeOfFailure(() => reading)).toBe('unavailable');
});

test('a watch waits for a replica that is still starting', async () => {
  const replica = new SingleReplica();
  const peek = replica.peek.bind(replica);
  replica.peek = () => undefined;
  replica.readOutcome = { type: 'refused', reason: 'notReady' };
  const watch = embedded(replica).watch({ prefix: '' });
  setTimeout(() => {
    replica.readOutcome = undefined;
    replica.peek = peek;
  }, 1_200);
  expect(await watch.ready).toBeGreaterThan(0n);
});
