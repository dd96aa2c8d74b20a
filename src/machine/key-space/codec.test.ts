import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyOperation, keys, put, read, txn } from '../../../test/support/key-requests.ts';
import { utf8 } from '../../core/bytes.ts';
import { Malformed } from '../../core/codec.ts';
import { clusterTime, epoch } from '../../core/ids.ts';
import { decodeAnswer, encodeAnswer } from './answer-codec.ts';
import { decodeCommand, encodeCommand } from './command-codec.ts';
import type { ControlCommand, ControlResult } from './control.ts';
import { historyKey } from './history.ts';
import {
  type KeyAnswer,
  type KeyCommand,
  type KeyValue,
  keyErrorCodes,
  type OperationResult,
} from './requests.ts';
import { versionKey } from './versions.ts';

const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const lease = int64.filter((value) => value !== 0n);
const ttl = fc.integer({ min: 1, max: 2 ** 45 });
const alarm = fc.record({
  member: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  alarm: fc.constantFrom('noSpace' as const, 'corrupt' as const),
});
const control: fc.Arbitrary<ControlCommand> = fc.oneof(
  fc.record({ type: fc.constant('compact' as const), revision: int64 }),
  fc.constantFrom({ type: 'sweep' as const }, { type: 'leaseTerm' as const }),
  fc.record({ type: fc.constant('grant' as const), lease, ttl }),
  fc.record({ type: fc.constant('revoke' as const), lease }),
  fc.record({ type: fc.constant('renew' as const), leases: fc.array(lease, { maxLength: 3 }) }),
  fc.record({
    type: fc.constant('expire' as const),
    epoch: fc.maxSafeNat().map(epoch),
    until: fc.maxSafeNat().map(clusterTime),
  }),
  fc
    .tuple(alarm, fc.constantFrom('activate' as const, 'deactivate' as const))
    .map(([which, action]) => ({ type: 'alarm' as const, action, ...which })),
);
const commands: fc.Arbitrary<KeyCommand> = fc.oneof(
  anyOperation.filter((operation) => operation.type !== 'range'),
  control,
);
const controlResult: fc.Arbitrary<ControlResult> = fc.oneof(
  fc.constantFrom({ type: 'compact' as const }, { type: 'leaseTerm' as const }),
  fc.record({ type: fc.constant('sweep' as const), done: fc.boolean() }),
  fc.record({ type: fc.constant('grant' as const), lease, ttl }),
  fc.record({ type: fc.constant('revoke' as const), deleted: fc.nat() }),
  fc.record({ type: fc.constant('renew' as const), ttls: fc.array(fc.nat(), { maxLength: 3 }) }),
  fc.record({ type: fc.constant('expire' as const), expired: fc.nat() }),
  fc.record({ type: fc.constant('alarm' as const), alarms: fc.array(alarm, { maxLength: 2 }) }),
);

const bytes = fc.uint8Array({ maxLength: 4 });
const revision = fc.bigInt({ min: 0n, max: 2n ** 53n - 1n });
const pair: fc.Arbitrary<KeyValue> = fc.record({
  key: bytes,
  value: bytes,
  createRevision: revision,
  modRevision: revision,
  version: revision,
  lease: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
});
const { result } = fc.letrec<{ result: OperationResult }>((tie) => ({
  result: fc.oneof(
    { maxDepth: 3 },
    fc.record({ type: fc.constant('put' as const), previous: fc.option(pair, { nil: undefined }) }),
    fc.record({ type: fc.constant('delete' as const), deleted: fc.nat(), previous: fc.array(pair) }),
    fc.record({
      type: fc.constant('range' as const),
      pairs: fc.array(pair),
      more: fc.boolean(),
      count: fc.nat(),
    }),
    fc.record({
      type: fc.constant('txn' as const),
      succeeded: fc.boolean(),
      results: fc.array(tie('result'), { maxLength: 3 }),
    }),
  ),
}));
const answers: fc.Arbitrary<KeyAnswer> = fc.record({
  revision,
  result: fc.oneof(
    result,
    controlResult,
    fc.constantFrom(...keyErrorCodes.map((code) => ({ type: 'error' as const, code }))),
  ),
});

/** Bytes near valid ones: cut short, or with a byte changed. */
function damaged(whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(whole, fc.nat(), fc.nat(255)).map(([original, at, byte]) => {
      const changed = original.slice();
      changed[at % changed.length] = byte;
      return changed;
    }),
    fc.tuple(whole, fc.nat()).map(([original, length]) => original.slice(0, length % original.length)),
  );
}

describe('commands', () => {
  test('there and back', () => {
    fc.assert(
      fc.property(commands, (command) => {
        expect(decodeCommand(encodeCommand(command))).toEqual(command);
      }),
    );
  });

  test('whatever decodes is the one encoding of what it says; all else is malformed', () => {
    fc.assert(
      fc.property(damaged(commands.map(encodeCommand)), (input) => {
        const decoded = decodeCommand(input);
        if (!(decoded instanceof Malformed)) expect(encodeCommand(decoded)).toEqual(input);
      }),
      { numRuns: 3000 },
    );
  });

  test('every command cut short is malformed', () => {
    const whole = encodeCommand(
      txn([], [put('key', 'value', { lease: 3n }), read(keys('a', null), { revision: 4n })]),
    );
    for (let length = 0; length < whole.length; length++)
      expect(decodeCommand(whole.subarray(0, length))).toBeInstanceOf(Malformed);
    expect(decodeCommand(Uint8Array.of(...whole, 0))).toBeInstanceOf(Malformed);
  });

  test('a range is no command, and nesting without end does not exhaust the stack', () => {
    const inside = encodeCommand(txn([], [read(keys('a'))]));
    expect(decodeCommand(inside.subarray(3, inside.length - 1))).toBeInstanceOf(Malformed);
    const bottomless = new Uint8Array(300_000);
    for (let at = 0; at < bottomless.length; at += 3) bottomless.set([3, 0, 1], at);
    expect(decodeCommand(bottomless)).toBeInstanceOf(Malformed);
  });
});

describe('answers', () => {
  test('there and back', () => {
    fc.assert(
      fc.property(answers, (answer) => {
        expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer);
      }),
    );
  });

  test('whatever decodes is the one encoding of what it says; all else is malformed', () => {
    fc.assert(
      fc.property(damaged(answers.map(encodeAnswer)), (input) => {
        const decoded = decodeAnswer(input);
        if (!(decoded instanceof Malformed)) expect(encodeAnswer(decoded)).toEqual(input);
      }),
      { numRuns: 3000 },
    );
  });
});

test('formats that are on disks and in journals do not change by accident', () => {
  const hex = (encoded: Uint8Array): string => Buffer.from(encoded).toString('hex');
  const compare = { range: keys('k'), target: 'version', relation: 'equal', operand: 0n } as const;
  const answer = { revision: 300n, result: { type: 'put', previous: undefined } } as const;
  expect({
    put: hex(encodeCommand(put('k', 'v', { previous: true }))),
    txn: hex(encodeCommand(txn([compare], [put('k')], [read(keys('k', null), { limit: 1 })]))),
    answer: hex(encodeAnswer(answer)),
    version: hex(versionKey(utf8('a\0b'), 2 ** 32 + 2)),
    history: hex(historyKey(2 ** 32 + 2, 3)),
    compact: hex(encodeCommand({ type: 'compact', revision: 300n })),
    sweep: hex(encodeCommand({ type: 'sweep' })),
    grant: hex(encodeCommand({ type: 'grant', lease: -2n, ttl: 300 })),
    revoke: hex(encodeCommand({ type: 'revoke', lease: 7n })),
    renew: hex(encodeCommand({ type: 'renew', leases: [7n, 8n] })),
    leaseTerm: hex(encodeCommand({ type: 'leaseTerm' })),
    expire: hex(encodeCommand({ type: 'expire', epoch: epoch(3), until: clusterTime(300) })),
    alarm: hex(encodeCommand({ type: 'alarm', action: 'deactivate', member: 7n, alarm: 'corrupt' })),
    renewed: hex(encodeAnswer({ revision: 1n, result: { type: 'renew', ttls: [5, 0] } })),
  }).toMatchInlineSnapshot(`
    {
      "alarm": "0c01000000000000000701",
      "answer": "ac020100",
      "compact": "05000000000000012c",
      "expire": "0b03ac02",
      "grant": "07fffffffffffffffeac02",
      "history": "11000000010000000200000003",
      "leaseTerm": "0a",
      "put": "0101016b0176",
      "renew": "090200000000000000070000000000000008",
      "renewed": "010a020500",
      "revoke": "080000000000000007",
      "sweep": "06",
      "txn": "0301000000016b026b000000000000000000010100016b00010420016b0001",
      "version": "106100ff62007ffffffefffffffd",
    }
  `);
});
