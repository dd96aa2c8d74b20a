import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect } from 'vitest';
import { clusterTime, epoch } from '../../src/core/ids.ts';
import type { ReadStore } from '../../src/core/store.ts';
import type { ControlCommand } from '../../src/machine/key-space/control.ts';
import { HashSlices } from '../../src/machine/key-space/hash.ts';
import { lease, leaseKeys, leases } from '../../src/machine/key-space/leases.ts';
import { range } from '../../src/machine/key-space/read-slices.ts';
import type { Operation, RangeRequest } from '../../src/machine/key-space/requests.ts';
import { currentRevision } from '../../src/machine/key-space/revisions.ts';
import type { Machine } from '../../src/machine/machine.ts';
import { anyOperation, keys, rangeRequest } from './key-requests.ts';
import { KeySpaceRunner } from './key-space-runner.ts';
import { MapStore } from './map-store.ts';
import { NaiveKeySpace } from './naive-key-space.ts';

/** One entry of a program: what it orders, and how long after the one before. */
interface Entry {
  readonly command: Operation | ControlCommand;
  readonly after: number;
  /** Leadership changed before it. */
  readonly elected: boolean;
}

/** Stand for what is present when the command is ordered: most random numbers would be refused. */
const presentEpoch = epoch(0);
const presentTime = clusterTime(0);
const belowPresent = 1_000n;

const id = fc.constantFrom(7n, 8n, -9n);
const control: fc.Arbitrary<ControlCommand> = fc.oneof(
  fc.record({
    type: fc.constant('compact' as const),
    revision: fc.oneof(
      fc.bigInt({ min: -1n, max: 16n }),
      fc.bigInt({ min: belowPresent, max: belowPresent + 4n }),
    ),
  }),
  fc.constant({ type: 'sweep' as const }),
  fc.record({ type: fc.constant('grant' as const), lease: id, ttl: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ type: fc.constant('revoke' as const), lease: id }),
  fc.record({ type: fc.constant('renew' as const), leases: fc.array(id, { minLength: 1, maxLength: 2 }) }),
  fc.constant({ type: 'leaseTerm' as const }),
  fc.record({
    type: fc.constant('expire' as const),
    epoch: fc.constantFrom(presentEpoch, presentEpoch, presentEpoch, epoch(1), epoch(2)),
    until: fc.oneof(fc.constant(presentTime), fc.integer({ min: 1, max: 20_000 }).map(clusterTime)),
  }),
);

function resolved(command: Entry['command'], { store, epoch: at, time }: KeySpaceRunner): Entry['command'] {
  if (command.type === 'compact' && command.revision >= belowPresent)
    return { ...command, revision: currentRevision(store) - (command.revision - belowPresent) };
  if (command.type !== 'expire') return command;
  return {
    ...command,
    epoch: command.epoch === presentEpoch ? epoch(at) : command.epoch,
    until: command.until === presentTime ? clusterTime(time) : command.until,
  };
}

const someKeys = fc.constantFrom(keys('\0', 'a'), keys('a', null));
const leased: fc.Arbitrary<Operation> = fc
  .tuple(anyOperation, id)
  .map(([operation, chosen]) =>
    operation.type === 'put' && !operation.ignoreLease ? { ...operation, lease: chosen } : operation,
  );
const programs: fc.Arbitrary<Entry[]> = fc.array(
  fc.record({
    command: fc.oneof(
      { weight: 2, arbitrary: leased },
      { weight: 2, arbitrary: anyOperation },
      {
        weight: 1,
        arbitrary: someKeys.map((range): Operation => ({ type: 'delete', range, previous: false })),
      },
      { weight: 3, arbitrary: control },
    ),
    after: fc.constantFrom(0, 1, 700, 1_000, 2_500),
    elected: fc.oneof({ weight: 15, arbitrary: fc.constant(false) }, fc.constant(true)),
  }),
  { minLength: 5, maxLength: 40, size: 'max' },
);

function same(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

function hashOf(store: ReadStore): unknown {
  const slices = new HashSlices(0n);
  for (;;) {
    const answer = slices.next(store);
    if (answer !== undefined) return answer;
  }
}

/** The machine is compared with a naive twin, entry for entry, and then in all that can be read. */
export const likeItsTwin = (machine: Machine): fc.IPropertyWithHooks<[Entry[], RangeRequest[]]> =>
  fc.property(programs, fc.array(rangeRequest, { maxLength: 6 }), (program, probes) => {
    const store = new MapStore();
    const real = new KeySpaceRunner(store, machine);
    const twin = new NaiveKeySpace();
    for (const { command, after, elected } of program) {
      real.time += after;
      if (elected) real.epoch = Math.min(3, real.epoch + 1);
      step(real, twin, resolved(command, real));
    }
    for (const probe of probes) same(range(store, probe), twin.apply(probe));
    compareHistory(real, twin);
    compareLeases(real, twin);
    const before = hashOf(store);
    real.sweep();
    same(hashOf(store), before);
    compareHistory(real, twin);
    for (const probe of probes) same(range(store, probe), twin.apply(probe));
    nothingSuperfluous(store, twin);
  });

function step(real: KeySpaceRunner, twin: NaiveKeySpace, command: Operation | ControlCommand): void {
  switch (command.type) {
    case 'range':
      return same(range(real.store, command), twin.apply(command));
    case 'put':
    case 'delete':
    case 'txn':
      return same(real.apply(command), twin.apply(command));
    case 'sweep':
      expect(real.result(command).type).toBe('sweep');
      return;
    default: {
      const expected = twin.control(command, real.epoch, real.time);
      same(real.apply(command), { revision: BigInt(twin.revision), result: expected });
    }
  }
}

function compareHistory(real: KeySpaceRunner, twin: NaiveKeySpace): void {
  const first = Math.max(1, twin.compacted);
  const expected = twin.eventsFrom(first);
  for (const perSlice of [1, 3, 1_000]) {
    const events = real.events(first, perSlice);
    same(
      events?.map(({ type, key, revision, order, pair }) => ({
        type,
        key,
        revision,
        order,
        pair: type === 'put' ? pair : undefined,
      })),
      expected,
    );
  }
  if (twin.compacted > 0) expect(real.events(twin.compacted - 1)).toBeUndefined();
  const seen = real.events(first);
  for (const [at, { key, revision }] of expected.entries()) {
    const before = revision - 1 < twin.compacted ? undefined : twin.at(key, revision - 1);
    same(seen?.[at]?.previous, before);
  }
}

function compareLeases(real: KeySpaceRunner, twin: NaiveKeySpace): void {
  const deadlines = twin.deadlines();
  expect(new Set(leases(real.store))).toEqual(new Set(deadlines.keys()));
  for (const [chosen, deadline] of deadlines) {
    const remaining = lease(real.store, chosen)?.remaining(clusterTime(real.time));
    expect(remaining).toBe(Math.max(0, deadline - real.time));
    const attached = twin.pairs.filter((pair) => pair.lease === chosen).map((pair) => pair.key);
    same(leaseKeys(real.store, chosen), attached);
  }
}

/** Rows of the tables of versions, history and heads, and no more than there have to be. */
function nothingSuperfluous(store: MapStore, twin: NaiveKeySpace): void {
  const rows = (table: number): number =>
    [...store.scan({ from: Uint8Array.of(table), to: Uint8Array.of(table + 1) })].length;
  const { compacted } = twin;
  const events = twin.eventsFrom(Math.max(1, compacted));
  const atCompaction = events.filter(({ revision }) => revision === compacted);
  const kept = pairsAt(twin, compacted) + atCompaction.filter(({ type }) => type === 'delete').length;
  expect(rows(0x10)).toBe(kept + events.length - atCompaction.length);
  expect(rows(0x11)).toBe(events.length);
  const known = new Set(events.map(({ key }) => String(key)));
  for (const { key } of twin.pairs) known.add(String(key));
  expect(rows(0x12)).toBe(known.size);
}

function pairsAt(twin: NaiveKeySpace, revision: number): number {
  const result = twin.apply({ ...everything, revision: BigInt(revision) }).result;
  return revision === 0 ? 0 : result.type === 'range' ? result.count : Number.NaN;
}

const everything = {
  type: 'range',
  range: { from: Uint8Array.of(0), to: undefined },
  limit: 0,
  revision: 0n,
  sort: undefined,
  keysOnly: false,
  countOnly: true,
  minModRevision: 0n,
  maxModRevision: 0n,
  minCreateRevision: 0n,
  maxCreateRevision: 0n,
} as const;
