import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeySpaceRunner } from '../../../test/support/key-space-runner.ts';
import { MapStore } from '../../../test/support/map-store.ts';
import { concatBytes, utf8 } from '../../core/bytes.ts';
import { PairDigest } from '../../core/digest.ts';
import {
  maxAuthNameBytes,
  maxCommandBytes,
  maxLeaseTtl,
  maxPasswordHashBytes,
  maxPermissionBytesOfRole,
} from '../../core/limits.ts';
import { DigestedStore, type PairTable } from '../../storage/digested-store.ts';
import { MachineStore } from '../machine-store.ts';
import { readRole } from './auth/records.ts';
import type { AuthChange, Permission } from './auth/requests.ts';
import type { KeyRange } from './key-range.ts';
import { type KeyCommand, putOf } from './requests.ts';
import { maxEscapedKeyBytes } from './versions.ts';

/** The key space over a store that refuses what the back ends refuse: an exception there halts every replica. */
function boundedSpace(): KeySpaceRunner {
  const pairs = new MapStore();
  const table: PairTable = {
    get: (key) => pairs.get(key),
    scan: (range) => pairs.scan(range),
    write: (key, value) => (value === undefined ? pairs.delete(key) : pairs.put(key, value)),
    exchange: (key, value) => {
      const previous = pairs.get(key);
      pairs.put(key, value);
      return previous;
    },
  };
  return new KeySpaceRunner(new MachineStore(new DigestedStore(table, new PairDigest())));
}

const bytes = (length: number, fill = 0x61): Uint8Array => new Uint8Array(length).fill(fill);
const auth = (change: AuthChange): KeyCommand => ({ type: 'auth', change });
const grant = (range: KeyRange, type: Permission['type'] = 'readWrite'): KeyCommand =>
  auth({ type: 'grantPermission', role: 'r', permission: { type, range } });
const refused = { type: 'error', code: 'authLimit' };

test('a permission on more than a key can be is refused', () => {
  const space = boundedSpace();
  space.apply(auth({ type: 'addRole', role: 'r' }));
  for (const last of [1, 2, 3, 4]) {
    const long = concatBytes([bytes(1_400_000), Uint8Array.of(last)]);
    expect(space.result(grant({ from: long, to: undefined }))).toEqual(refused);
    expect(space.result(grant({ from: utf8('a'), to: long }))).toEqual(refused);
  }
  const longest = bytes(maxEscapedKeyBytes);
  expect(space.result(grant({ from: longest, to: concatBytes([longest, Uint8Array.of(0)]) }))).toEqual({
    type: 'auth',
  });
});

test('a role of as many and as long permissions as there may be is kept, whichever is taken away', () => {
  const space = boundedSpace();
  const all: KeyRange = { from: utf8('a'), to: undefined };
  space.apply(auth({ type: 'addRole', role: 'r' }));
  space.apply(grant(all));
  // The longest bounds there are, apart from each other, and all inside of the one above.
  const bound = (at: number): Uint8Array =>
    concatBytes([bytes(maxEscapedKeyBytes - 3, 0x62), Uint8Array.of(at >> 8, at & 0xff)]);
  let granted = 0;
  for (; granted < 500; granted++) {
    const result = space.result(grant({ from: bound(2 * granted), to: bound(2 * granted + 1) }));
    if (result.type !== 'auth') {
      expect(result).toEqual(refused);
      break;
    }
  }
  expect(granted).toBe(Math.floor(maxPermissionBytesOfRole / (2 * (maxEscapedKeyBytes - 1))));
  const before = readRole(space.store, 'r')?.permissions.length;
  // Its record grows: what was one range is as many as there are permissions.
  expect(space.result(auth({ type: 'revokePermission', role: 'r', range: all }))).toEqual({ type: 'auth' });
  expect(readRole(space.store, 'r')?.permissions).toHaveLength((before ?? 0) - 1);
});

/** What is at its bound, just above it, or so long that a command has room for two of them. */
const hugeOf = [0x00, 0x61, 0xff].map((byte) => bytes(maxCommandBytes / 2 - 1024, byte));
const huge = fc.constantFrom(...hugeOf);
const sized = (...lengths: readonly number[]): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...lengths).chain((n) => fill.map((byte) => bytes(n, byte))) },
    { weight: 1, arbitrary: huge },
  );
const fill = fc.constantFrom(0x00, 0x61, 0xff);
const key = sized(
  1,
  Math.floor(maxEscapedKeyBytes / 2),
  maxEscapedKeyBytes,
  maxEscapedKeyBytes + 1,
  maxEscapedKeyBytes + 2,
);
const range: fc.Arbitrary<KeyRange> = fc.oneof(
  fc.record({ from: key, to: fc.option(key, { nil: undefined }) }),
  key.map((from) => ({ from, to: concatBytes([from, Uint8Array.of(0)]) })),
);
const boundary: fc.Arbitrary<KeyRange> = fc.oneof(
  range,
  fc.tuple(huge, fc.nat(255)).map(([from, last]) => ({
    from,
    to: concatBytes([hugeOf[2] as Uint8Array, Uint8Array.of(last)]),
  })),
);
const name = fc.constantFrom(
  ...['u', 'r', 'u', 'r'],
  'x'.repeat(maxAuthNameBytes),
  'x'.repeat(maxAuthNameBytes + 1),
  'x'.repeat(5000),
);
const password = sized(0, maxPasswordHashBytes, maxPasswordHashBytes + 1);
const lease = fc.constantFrom(1n, -1n, 2n ** 63n - 1n, -(2n ** 63n));

const change: fc.Arbitrary<AuthChange> = fc.oneof(
  fc.record({ type: fc.constant('addUser' as const), user: name, password }),
  fc.record({ type: fc.constant('changePassword' as const), user: name, password }),
  fc.record({ type: fc.constantFrom('addRole' as const, 'deleteRole' as const), role: name }),
  fc.record({ type: fc.constantFrom('grantRole' as const, 'revokeRole' as const), user: name, role: name }),
  fc.record({
    type: fc.constant('grantPermission' as const),
    role: name,
    permission: fc.record({ type: fc.constantFrom('read' as const, 'readWrite' as const), range: boundary }),
  }),
  fc.record({ type: fc.constant('revokePermission' as const), role: name, range }),
  fc.record({ type: fc.constant('enable' as const), secret: huge }),
);

const command: fc.Arbitrary<KeyCommand> = fc.oneof(
  { weight: 3, arbitrary: change.map(auth) },
  { weight: 3, arbitrary: boundary.map((each) => grant(each)) },
  { weight: 2, arbitrary: fc.tuple(key, sized(0, 1)).map(([at, value]) => putOf(at, value)) },
  { weight: 1, arbitrary: fc.tuple(key, lease).map(([at, id]) => putOf(at, utf8('v'), { lease: id })) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('delete' as const),
      range,
      previous: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: range.map(
      (found): KeyCommand => ({
        type: 'txn',
        compare: [{ range: found, relation: 'equal', target: 'value', operand: utf8('v') }],
        success: [],
        failure: [{ type: 'delete', range: found, previous: true }],
      }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('grant' as const),
      lease,
      ttl: fc.constantFrom(1, maxLeaseTtl, maxLeaseTtl + 1, Number.MAX_SAFE_INTEGER),
    }),
  },
  { weight: 1, arbitrary: lease.map((id): KeyCommand => ({ type: 'revoke', lease: id })) },
  { weight: 1, arbitrary: lease.map((id): KeyCommand => ({ type: 'renew', leases: [id, id] })) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('alarm' as const),
      action: fc.constantFrom('activate' as const, 'deactivate' as const),
      member: fc.constantFrom(0n, 1n, 2n ** 64n - 1n),
      alarm: fc.constant('noSpace' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(0n, 2n, 2n ** 63n - 1n)
      .map((revision): KeyCommand => ({ type: 'compact', revision })),
  },
);

test('whatever is ordered, the store takes it or it is refused', () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.array(command, { minLength: 10, maxLength: 30 }), (commands) => {
      const space = boundedSpace();
      space.apply(auth({ type: 'addUser', user: 'u', password: undefined }));
      space.apply(auth({ type: 'addRole', role: 'r' }));
      for (const each of commands) if (space.result(each).type !== 'error') taken++;
      space.sweep();
    }),
    { numRuns: 20 },
  );
  expect(taken).toBeGreaterThan(20);
});
