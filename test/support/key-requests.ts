import fc from 'fast-check';
import { utf8 } from '../../src/core/bytes.ts';
import type { KeyRange } from '../../src/machine/key-space/key-range.ts';
import {
  type Compare,
  type DeleteRequest,
  type Operation,
  type PutRequest,
  putOf,
  type RangeRequest,
  rangeOf,
  type TxnRequest,
} from '../../src/machine/key-space/requests.ts';

const bytes = (key: string | Uint8Array): Uint8Array => (typeof key === 'string' ? utf8(key) : key);

/** [from, to), everything from `from` on for null, and the one key for undefined. */
export function keys(from: string | Uint8Array, to?: string | Uint8Array | null): KeyRange {
  if (to === null) return { from: bytes(from), to: undefined };
  return { from: bytes(from), to: to === undefined ? Uint8Array.of(...bytes(from), 0) : bytes(to) };
}

export function put(key: string | Uint8Array, value = '', more: Partial<PutRequest> = {}): PutRequest {
  return putOf(bytes(key), utf8(value), more);
}

export function del(range: KeyRange, previous = false): DeleteRequest {
  return { type: 'delete', range, previous };
}

export const read: typeof rangeOf = rangeOf;

export function txn(
  compare: readonly Compare[],
  success: readonly Operation[],
  failure: readonly Operation[] = [],
): TxnRequest {
  return { type: 'txn', compare, success, failure };
}

/** Few and awkward: keys that are prefixes of each other, with zeros and ff, so that programs meet themselves. */
const smallKey = fc
  .array(fc.constantFrom(0x00, 0x01, 0x61, 0xff), { minLength: 1, maxLength: 2 })
  .map((array) => Uint8Array.from(array));
const anyKey = fc.oneof(
  { weight: 60, arbitrary: smallKey },
  { weight: 1, arbitrary: fc.constant(new Uint8Array(0)) },
);
const value = fc.constantFrom('', 'a', 'b', '\0').map(utf8);
const smallRevision = fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, fc.bigInt({ min: -1n, max: 20n }));

const keyRange: fc.Arbitrary<KeyRange> = fc.oneof(
  anyKey.map((key) => keys(key)),
  fc.record({ from: anyKey, to: fc.oneof(smallKey, fc.constant(undefined)) }),
);

const putRequest: fc.Arbitrary<PutRequest> = fc
  .record({
    key: anyKey,
    value,
    lease: fc.oneof({ weight: 30, arbitrary: fc.constant(0n) }, fc.constant(7n)),
    previous: fc.boolean(),
    ignoreValue: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
    ignoreLease: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
  })
  .map((fields) => ({ type: 'put', ...fields }));

const deleteRequest: fc.Arbitrary<DeleteRequest> = fc
  .record({ range: keyRange, previous: fc.boolean() })
  .map((fields) => ({ type: 'delete', ...fields }));

export const rangeRequest: fc.Arbitrary<RangeRequest> = fc
  .record({
    range: keyRange,
    limit: fc.constantFrom(0, 0, 1, 2, 5),
    revision: smallRevision,
    sort: fc.option(
      fc.record({
        target: fc.constantFrom(
          'key' as const,
          'version' as const,
          'create' as const,
          'mod' as const,
          'value' as const,
        ),
        descending: fc.boolean(),
      }),
      { nil: undefined },
    ),
    keysOnly: fc.boolean(),
    countOnly: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, fc.constant(true)),
    minModRevision: smallRevision,
    maxModRevision: smallRevision,
    minCreateRevision: smallRevision,
    maxCreateRevision: smallRevision,
  })
  .map((fields) => ({ type: 'range', ...fields }));

const compare: fc.Arbitrary<Compare> = fc
  .record({
    range: keyRange,
    relation: fc.constantFrom('equal' as const, 'greater' as const, 'less' as const, 'notEqual' as const),
  })
  .chain((fields) =>
    fc.oneof(
      fc
        .record({ target: fc.constant('value' as const), operand: value })
        .map((rest) => ({ ...fields, ...rest })),
      fc
        .record({
          target: fc.constantFrom('version' as const, 'create' as const, 'mod' as const, 'lease' as const),
          operand: fc.bigInt({ min: -1n, max: 6n }),
        })
        .map((rest) => ({ ...fields, ...rest })),
    ),
  );

const { operation } = fc.letrec<{ operation: Operation; txn: TxnRequest }>((tie) => ({
  txn: fc
    .record({
      compare: fc.array(compare, { maxLength: 2 }),
      success: fc.array(tie('operation'), { maxLength: 3, depthIdentifier: 'txn' }),
      failure: fc.array(tie('operation'), { maxLength: 2, depthIdentifier: 'txn' }),
    })
    .map((fields): TxnRequest => ({ type: 'txn', ...fields })),
  operation: fc.oneof(
    { depthIdentifier: 'txn', depthSize: 'small', maxDepth: 3 },
    putRequest,
    deleteRequest,
    rangeRequest,
    tie('txn'),
  ),
}));

/** Any operation, transactions within transactions included. */
export const anyOperation = operation;
