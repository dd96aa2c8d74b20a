import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { MapStore } from '../../../../test/support/map-store.ts';
import { utf8 } from '../../../core/bytes.ts';
import { Malformed } from '../../../core/codec.ts';
import { clusterTime, epoch, index } from '../../../core/ids.ts';
import { maxAuthNameBytes, maxPermissionsOfRole, maxRolesOfUser } from '../../../core/limits.ts';
import { decodeAnswer } from '../answer-codec.ts';
import { decodeCommand, encodeCommand } from '../command-codec.ts';
import { keySpace } from '../key-space.ts';
import { type KeyCommand, type KeyErrorCode, putOf } from '../requests.ts';
import { decodeAuthored, encodeAuthored, encodeOfReplica } from './authored.ts';
import { singleKey } from './coverage.ts';
import { readAuthState, readRole, readUser } from './records.ts';
import type { AuthChange, Identity } from './requests.ts';

let store: MapStore;

beforeEach(() => {
  store = new MapStore();
});

const context = { index: index(1), epoch: epoch(1), time: clusterTime(0), featureLevel: 1 };

function encoded(command: Uint8Array, author: Identity | 'replica' | undefined): Uint8Array {
  if (author === undefined) return command;
  return author === 'replica' ? encodeOfReplica(command) : encodeAuthored(author, command);
}

/** The code of the refusal, or the type of the result. */
function apply(command: KeyCommand, author?: Identity | 'replica'): string {
  const answer = decodeAnswer(keySpace.apply(encoded(encodeCommand(command), author), context, store));
  if (answer instanceof Malformed) throw answer;
  return answer.result.type === 'error' ? answer.result.code : answer.result.type;
}

const change = (what: AuthChange, identity?: Identity): string =>
  apply({ type: 'auth', change: what }, identity);
const made = (...changes: readonly AuthChange[]): void => {
  for (const each of changes) expect(change(each)).toBe('auth');
};
const password = utf8('a hash');
const secret = utf8('a secret');
const byRules = (user: string): Identity => ({ user, authRevision: readAuthState(store).revision });

const withRoot: readonly AuthChange[] = [
  { type: 'addUser', user: 'root', password },
  { type: 'grantRole', user: 'root', role: 'root' },
  { type: 'enable', secret },
];

describe('commands that are let through without the name of a user', () => {
  const own: readonly KeyCommand[] = [
    { type: 'renew', leases: [1n] },
    { type: 'compact', revision: 1n },
    { type: 'alarm', action: 'activate', member: 1n, alarm: 'noSpace' },
  ];
  const ofLeaders: readonly KeyCommand[] = [
    { type: 'sweep' },
    { type: 'leaseTerm' },
    { type: 'expire', epoch: epoch(1), until: clusterTime(0) },
  ];
  const ofClients: readonly KeyCommand[] = [
    putOf(utf8('a'), utf8('1')),
    { type: 'delete', range: singleKey(utf8('a')), previous: false },
    { type: 'txn', compare: [], success: [], failure: [] },
    { type: 'grant', lease: 1n, ttl: 10 },
    { type: 'revoke', lease: 1n },
    { type: 'alarm', action: 'deactivate', member: 1n, alarm: 'noSpace' },
    { type: 'auth', change: { type: 'disable' } },
  ];

  test.each([...own, ...ofLeaders])('$type: what a replica orders by itself', (command) => {
    made(...withRoot);
    expect(apply(command, 'replica')).toBe(command.type);
  });

  test.each(ofLeaders)('$type: duties need no mark', (command) => {
    made(...withRoot);
    expect(apply(command)).toBe(command.type);
  });

  test.each(ofClients)('$type: no replica orders it by itself', (command) => {
    made(...withRoot);
    expect(apply(command, 'replica')).toBe('userEmpty');
  });

  test.each([...own, ...ofClients])('$type: not what clients order', (command) => {
    made(...withRoot);
    const before = store.dump();
    expect(apply(command)).toBe('userEmpty');
    expect(apply(command, { user: '', authRevision: 9n })).toBe('userEmpty');
    const refusal = apply(command, byRules('nobody'));
    expect(['permissionDenied', 'userNotFound']).toContain(refusal);
    expect(store.dump()).toEqual(before);
  });

  test.each(ofClients)('$type: root orders everything', (command) => {
    made(...withRoot);
    expect(apply(command, byRules('root'))).not.toMatch(/permission|user|auth[A-Z]/);
  });
});

test('whoever compacts in his own name must be somebody', () => {
  made(...withRoot);
  expect(apply({ type: 'compact', revision: 1n }, byRules('nobody'))).toBe('permissionDenied');
});

test('rules older than those of now are told, but to administrators', () => {
  made(...withRoot);
  const old = byRules('root');
  expect(change({ type: 'addRole', role: 'r' }, old)).toBe('auth');
  expect(change({ type: 'addRole', role: 's' }, old)).toBe('auth');
  expect(apply(putOf(utf8('a'), utf8('1')), old)).toBe('authOldRevision');
  expect(apply(putOf(utf8('a'), utf8('1')), byRules('root'))).toBe('put');
});

test('while nobody is asked for, names do not matter', () => {
  expect(apply(putOf(utf8('a'), utf8('1')), { user: 'nobody', authRevision: 0n })).toBe('put');
});

test('a password is of the revision at which it was set, and roles outlive it', () => {
  made({ type: 'addRole', role: 'r' }, { type: 'addUser', user: 'alice', password });
  expect(readUser(store, 'alice')?.credentialRevision).toBe(3n);
  made({ type: 'grantRole', user: 'alice', role: 'r' });
  const changed = utf8('another');
  made({ type: 'changePassword', user: 'alice', password: changed });
  expect(readUser(store, 'alice')).toEqual({
    name: 'alice',
    password: changed,
    credentialRevision: 5n,
    roles: ['r'],
  });
  made({ type: 'addUser', user: 'card', password: undefined });
  made({ type: 'changePassword', user: 'card', password });
  expect(readUser(store, 'card')?.password).toBeUndefined();
});

test('the secret is that of the first who enables, and goes when they disable', () => {
  made(...withRoot);
  expect(change({ type: 'enable', secret: utf8('another') }, byRules('root'))).toBe('auth');
  expect(readAuthState(store)).toMatchObject({ enabled: true, secret });
  expect(change({ type: 'disable' }, byRules('root'))).toBe('auth');
  expect(readAuthState(store)).toMatchObject({ enabled: false, secret: utf8('') });
  const { revision } = readAuthState(store);
  made({ type: 'disable' });
  expect(readAuthState(store).revision).toBe(revision);
});

test('alarms and writes leave it on', () => {
  made(...withRoot);
  apply({ type: 'alarm', action: 'activate', member: 1n, alarm: 'noSpace' }, 'replica');
  apply({ type: 'alarm', action: 'deactivate', member: 1n, alarm: 'noSpace' }, byRules('root'));
  apply(putOf(utf8('a'), utf8('1')), byRules('root'));
  expect(apply(putOf(utf8('a'), utf8('1')))).toBe('userEmpty');
});

test('permissions are kept by range, and one on the same range is replaced', () => {
  const range = { from: utf8('b'), to: utf8('c') };
  const endless = { from: utf8('b'), to: undefined };
  made(
    { type: 'addRole', role: 'r' },
    { type: 'grantPermission', role: 'r', permission: { type: 'read', range: endless } },
    { type: 'grantPermission', role: 'r', permission: { type: 'read', range } },
    { type: 'grantPermission', role: 'r', permission: { type: 'write', range: singleKey(utf8('a')) } },
    { type: 'grantPermission', role: 'r', permission: { type: 'readWrite', range } },
  );
  expect(readRole(store, 'r')?.permissions).toEqual([
    { type: 'write', range: singleKey(utf8('a')) },
    { type: 'readWrite', range },
    { type: 'read', range: endless },
  ]);
});

test('users and roles in the order of their bytes', () => {
  made(
    { type: 'addRole', role: '\u{1f600}' },
    { type: 'addRole', role: '\ufb01' },
    { type: 'addRole', role: 'z' },
  );
  made({ type: 'addUser', user: 'u', password });
  for (const role of ['\u{1f600}', 'z', '\ufb01']) made({ type: 'grantRole', user: 'u', role });
  expect(readUser(store, 'u')?.roles).toEqual(['z', '\ufb01', '\u{1f600}']);
});

describe('bounds', () => {
  const refused = (what: AuthChange, code: KeyErrorCode): void => expect(change(what)).toBe(code);

  test('names and hashes', () => {
    const long = 'x'.repeat(maxAuthNameBytes + 1);
    refused({ type: 'addUser', user: long, password }, 'authLimit');
    refused({ type: 'addRole', role: long }, 'authLimit');
    refused({ type: 'addUser', user: 'u', password: new Uint8Array(257) }, 'authLimit');
    made({ type: 'addUser', user: long.slice(1), password });
    refused({ type: 'changePassword', user: long.slice(1), password: new Uint8Array(257) }, 'authLimit');
  });

  test('roles of a user', () => {
    made({ type: 'addUser', user: 'u', password });
    for (let i = 0; i <= maxRolesOfUser; i++) made({ type: 'addRole', role: `r${i}` });
    for (let i = 0; i < maxRolesOfUser; i++) made({ type: 'grantRole', user: 'u', role: `r${i}` });
    refused({ type: 'grantRole', user: 'u', role: `r${maxRolesOfUser}` }, 'authLimit');
  });

  test('permissions of a role', () => {
    made({ type: 'addRole', role: 'r' });
    const grant = (name: string): AuthChange => ({
      type: 'grantPermission',
      role: 'r',
      permission: { type: 'read', range: singleKey(utf8(name)) },
    });
    for (let i = 0; i < maxPermissionsOfRole; i++) made(grant(`k${i}`));
    refused(grant('another'), 'authLimit');
    made(grant('k7'));
  });
});

describe('on the wire', () => {
  const text = fc.string({ unit: 'binary' });
  const bytes = fc.uint8Array({ maxLength: 8 });
  const range = fc.record({ from: bytes, to: fc.option(bytes, { nil: undefined }) });
  const type = fc.constantFrom('read' as const, 'write' as const, 'readWrite' as const);
  const changes: fc.Arbitrary<AuthChange> = fc.oneof(
    fc.record({ type: fc.constant('enable' as const), secret: bytes }),
    fc.record({ type: fc.constant('disable' as const) }),
    fc.record({
      type: fc.constant('addUser' as const),
      user: text,
      password: fc.option(bytes, { nil: undefined }),
    }),
    fc.record({ type: fc.constant('changePassword' as const), user: text, password: bytes }),
    fc.record({ type: fc.constant('deleteUser' as const), user: text }),
    fc.record({ type: fc.constantFrom('grantRole' as const, 'revokeRole' as const), user: text, role: text }),
    fc.record({ type: fc.constantFrom('addRole' as const, 'deleteRole' as const), role: text }),
    fc.record({
      type: fc.constant('grantPermission' as const),
      role: text,
      permission: fc.record({ type, range }),
    }),
    fc.record({ type: fc.constant('revokePermission' as const), role: text, range }),
  );

  test('changes', () => {
    fc.assert(
      fc.property(changes, (what) => {
        const command: KeyCommand = { type: 'auth', change: what };
        expect(decodeCommand(encodeCommand(command))).toEqual(command);
      }),
    );
  });

  test('the name before a command', () => {
    fc.assert(
      fc.property(text, fc.maxSafeNat(), changes, (user, revision, what) => {
        const identity = { user, authRevision: BigInt(revision) };
        const request: KeyCommand = { type: 'auth', change: what };
        const encoded = encodeAuthored(identity, encodeCommand(request));
        expect(decodeAuthored(encoded)).toEqual({ author: { type: 'user', identity }, request });
        expect(decodeAuthored(encoded.subarray(0, encoded.length - 1))).toBeInstanceOf(Malformed);
        expect(decodeCommand(encoded)).toBeInstanceOf(Malformed);
        const own = encodeOfReplica(encodeCommand(request));
        expect(decodeAuthored(own)).toEqual({ author: { type: 'replica' }, request });
        expect(decodeCommand(own)).toBeInstanceOf(Malformed);
      }),
    );
  });

  test('any bytes are a command or not, and never an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(0x40, 0x41, 13), (rest, tag) => {
        keySpace.apply(Uint8Array.of(tag, ...rest), context, new MapStore());
      }),
    );
  });
});
