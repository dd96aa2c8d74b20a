import fc from 'fast-check';
import type {
  Comparison,
  Operand,
  Operation,
  Program,
  RangeOperation,
  Step,
  TxnOperation,
} from './program.ts';

/** Few and awkward, so that steps meet each other: prefixes of each other, with zeros and 0xff. */
const key = fc.oneof(
  {
    weight: 60,
    arbitrary: fc
      .array(fc.constantFrom('\x00', '\x01', 'a', '\xff'), { minLength: 1, maxLength: 2 })
      .map((characters) => characters.join('')),
  },
  { weight: 1, arbitrary: fc.constant('') },
);
const end = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.constant('\0') },
  { weight: 3, arbitrary: key },
);
const value = fc.constantFrom('', 'v', 'w', '\0');
/** From below what is compacted to above what can have been written. */
const revision = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -1, max: 20 }));
const lease = fc.integer({ min: 1, max: 6 });
const perhapsLease = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, lease);
const seldom = fc.oneof({ weight: 6, arbitrary: fc.constant(false) }, fc.constant(true));
/** One of the values that a definition names, and now and then one that it does not. */
const named = (count: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 40, arbitrary: fc.nat({ max: count - 1 }) },
    { weight: 1, arbitrary: fc.constant(count) },
  );

const range: fc.Arbitrary<RangeOperation> = fc.record({
  type: fc.constant('range'),
  key,
  end,
  limit: fc.constantFrom(0, 0, 1, 2, 5, -1),
  revision,
  sortOrder: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, named(3)),
  // Never one that is not named: etcd 3.4 dies of it, and again whenever it reads its log.
  sortTarget: fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, fc.nat({ max: 4 })),
  serializable: seldom,
  keysOnly: seldom,
  countOnly: seldom,
  minMod: revision,
  maxMod: revision,
  minCreate: revision,
  maxCreate: revision,
});

const put = fc.record({
  type: fc.constant('put'),
  key,
  value,
  lease: perhapsLease,
  prevKv: fc.boolean(),
  ignoreValue: seldom,
  ignoreLease: seldom,
});

/** As it is used most: its effect is what the other steps are about. */
const plainPut = put.map((each) => ({ ...each, lease: 0, ignoreValue: false, ignoreLease: false }));

const remove = fc.record({ type: fc.constant('delete'), key, end, prevKv: fc.boolean() });

const operands: readonly fc.Arbitrary<Operand>[] = [
  fc.record({ of: fc.constant('version'), version: fc.integer({ min: -1, max: 3 }) }),
  fc.record({ of: fc.constant('create'), revision }),
  fc.record({ of: fc.constant('mod'), revision }),
  fc.record({ of: fc.constant('value'), value }),
  fc.record({ of: fc.constant('lease'), lease: perhapsLease }),
];
const anyOperand = fc.oneof(...operands, fc.constant<Operand>({ of: 'nothing' }));

const comparison: fc.Arbitrary<Comparison> = named(5).chain((target) =>
  fc.record({
    key,
    end: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, end),
    target: fc.constant(target),
    relation: named(4),
    operand: fc.oneof({ weight: 15, arbitrary: operands[target] ?? anyOperand }, anyOperand),
  }),
);

const { txn } = fc.letrec<{ operation: Operation; txn: TxnOperation }>((tie) => ({
  txn: fc.record({
    type: fc.constant('txn'),
    compare: fc.array(comparison, { maxLength: 2 }),
    success: fc.array(tie('operation'), { maxLength: 4, depthIdentifier: 'txn' }),
    failure: fc.array(tie('operation'), { maxLength: 3, depthIdentifier: 'txn' }),
  }),
  operation: fc.oneof(
    { depthIdentifier: 'txn', depthSize: 'small', maxDepth: 3 },
    { weight: 8, arbitrary: plainPut },
    { weight: 4, arbitrary: put },
    { weight: 6, arbitrary: remove },
    { weight: 8, arbitrary: range },
    { weight: 1, arbitrary: fc.constant<Operation>({ type: 'empty' }) },
    { weight: 4, arbitrary: tie('txn') },
  ),
}));

/** About as many operations as a transaction may have. */
const crowd: fc.Arbitrary<Step> = fc
  .record({ operation: range, count: fc.integer({ min: 126, max: 130 }), nested: fc.boolean() })
  .map(({ operation, count, nested }) => {
    const inner: TxnOperation = {
      type: 'txn',
      compare: [],
      success: new Array<Operation>(count).fill(operation),
      failure: [],
    };
    return nested ? { ...inner, success: [inner] } : inner;
  });

const leaseSteps: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant('grant'),
      lease: fc.integer({ min: 0, max: 4 }),
      ttl: fc.constantFrom(1_000, 5_000, 5_000, 9_000_000_000, 9_000_000_001),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('grantShort'), ttl: fc.constantFrom(-1, 0, 1, 2, 3) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('revoke'), lease: fc.oneof(lease, perhapsLease) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('timeToLive'), lease: perhapsLease, keys: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('keepAlive'), lease: perhapsLease }) },
  { weight: 1, arbitrary: fc.constant({ type: 'leases' }) },
];

const stream = fc.nat({ max: 1 });

const watchSteps: readonly fc.WeightedArbitrary<Step>[] = [
  {
    weight: 14,
    arbitrary: fc.record({
      type: fc.constant('watch'),
      stream,
      key: fc.oneof({ weight: 8, arbitrary: key }, fc.constant('')),
      end,
      start: revision,
      prevKv: fc.boolean(),
      filters: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        fc.array(fc.nat({ max: 1 }), { maxLength: 3 }),
      ),
      fragment: fc.boolean(),
      progressNotify: fc.boolean(),
      watchId: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: -1, max: 3 })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant('cancel'), stream, watchId: fc.integer({ min: -1, max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('progress'), stream }) },
];

const name = fc.constantFrom('a', 'l');
const ownLease = fc.integer({ min: 1, max: 2 });
const recipeSteps: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 4, arbitrary: fc.record({ type: fc.constant('lock'), name, lease: ownLease }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('unlock'), key: fc.constantFrom('l/7', 'l/8', 'a/7', 'a') }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('campaign'), name, lease: ownLease, value }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('proclaim'), name, value }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('resign'), name }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('leader'), name }) },
];

const keySteps: readonly fc.WeightedArbitrary<Step>[] = [
  { weight: 16, arbitrary: plainPut },
  { weight: 6, arbitrary: put },
  { weight: 7, arbitrary: remove },
  { weight: 12, arbitrary: range },
  { weight: 14, arbitrary: txn },
  { weight: 1, arbitrary: crowd },
  {
    weight: 5,
    arbitrary: fc.record({ type: fc.constant('compact'), revision, physical: fc.boolean() }),
  },
];

/** A program is about some of the services: what all of them do at once is what none of them does for long. */
const mixtures: readonly (readonly fc.WeightedArbitrary<Step>[])[] = [
  keySteps,
  [...keySteps, ...leaseSteps],
  [...keySteps, ...watchSteps],
  [...keySteps, ...leaseSteps, ...watchSteps],
  [...keySteps.slice(0, 3), ...leaseSteps, ...recipeSteps],
];

export const anyProgram: fc.Arbitrary<Program> = fc.oneof(
  ...mixtures.map((steps) => fc.array(fc.oneof(...steps), { minLength: 1, maxLength: 24, size: 'max' })),
);
