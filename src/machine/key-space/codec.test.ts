import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anyOperation, keys, put, read, txn } from '../../../test/support/key-requests.ts';
import { utf8 } from '../../core/bytes.ts';
import { Malformed } from '../../core/codec.ts';
import { decodeAnswer, encodeAnswer } from './answer-codec.ts';
import { decodeCommand, encodeCommand } from './command-codec.ts';
import { type KeyAnswer, type KeyValue, keyErrorCodes, type OperationResult } from './requests.ts';
import { versionKey } from './versions.ts';

const commands = anyOperation.filter((operation) => operation.type !== 'range');

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
  }).toMatchInlineSnapshot(`
    {
      "answer": "ac020100",
      "put": "0101016b0176",
      "txn": "0301000000016b026b000000000000000000010100016b00010420016b0001",
      "version": "106100ff62007ffffffefffffffd",
    }
  `);
});
