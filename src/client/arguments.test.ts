import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serveClients, type TestServer } from '../../test/support/client-server.ts';
import type { Client } from './client.ts';
import { connect } from './connect.ts';

const invalid = { name: 'CoordinationError', code: 'invalid', outcome: 'refused' };
/** As programs without types hand it in. */
const untyped = (value: unknown): never => value as never;

let server: TestServer;
let client: Client;
beforeEach(async () => {
  server = await serveClients();
  client = await connect({ endpoints: server.server.address });
});
afterEach(async () => {
  await client.close();
  expect(server.faults).toEqual([]);
  await server[Symbol.asyncDispose]();
});

describe('what cannot be is invalid, and nothing is sent', () => {
  test.each([
    undefined,
    {},
    { endpoints: 2379 },
    { endpoints: [2379] },
    { endpoints: [] },
    { endpoints: '' },
  ])('connect(%j)', async (options) => {
    await expect(connect(untyped(options))).rejects.toMatchObject(invalid);
  });

  test.each([3, null, undefined, true, ['a']])('a key, or a value, that is %j', async (what) => {
    await expect(client.get(untyped(what))).rejects.toMatchObject(invalid);
    await expect(client.put(untyped(what), '')).rejects.toMatchObject(invalid);
    await expect(client.put('a', untyped(what))).rejects.toMatchObject(invalid);
    expect(() => client.watch({ key: untyped(what) })).toThrow(expect.objectContaining(invalid));
  });

  test.each([Number.NaN, 0, -1, untyped('soon')])('a deadline of %j ms', async (deadlineMs) => {
    await expect(client.get('a', { deadlineMs })).rejects.toMatchObject(invalid);
    await expect(connect({ endpoints: server.server.address, deadlineMs })).rejects.toMatchObject(invalid);
  });

  test('the name of a lock, or of an election, that is empty', async () => {
    await expect(client.lock('')).rejects.toMatchObject(invalid);
    await expect(client.elect('', 'me')).rejects.toMatchObject(invalid);
  });
});

test.each([1e18, Number.POSITIVE_INFINITY])(
  'a deadline of %d ms is as far as there is one',
  async (deadlineMs) => {
    await client.put('a', '1', { deadlineMs });
    expect((await client.get('a', { deadlineMs }))?.text).toBe('1');
    await using patient = await connect({ endpoints: server.server.address, deadlineMs });
    expect((await patient.get('a'))?.text).toBe('1');
  },
);
