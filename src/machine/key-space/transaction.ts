import { assertNever, InvariantViolation } from '../../core/assert.ts';
import type { ReadStore } from '../../core/store.ts';
import { evaluate } from './compare.ts';
import { readHead } from './heads.ts';
import { readLease } from './leases.ts';
import { checkRevision, readRange, revisionRead } from './range.ts';
import { decodeRecord, isLive, keyValue, leaseOf, pairOf } from './records.ts';
import type {
  DeleteRequest,
  DeleteResult,
  KeyError,
  KeyValue,
  Operation,
  OperationResult,
  PutRequest,
  PutResult,
  RangeRequest,
  TxnRequest,
} from './requests.ts';
import type { RevisionWriter } from './revision-writer.ts';
import { KeyScan, recordAt } from './scan.ts';
import { inOneGo, newSlice, type Sliced, type Turn } from './slices.ts';

/** Operations with the branch of every transaction decided: comparisons are over before anything is written. */
export type Step = RangeRequest | PutRequest | DeleteRequest | Plan;

export interface Plan {
  readonly type: 'plan';
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

export function* plan(turn: Turn, operation: Operation, present: number): Sliced<Step> {
  return operation.type === 'txn' ? yield* planTxn(turn, operation, present) : operation;
}

export function* planTxn(turn: Turn, txn: TxnRequest, present: number): Sliced<Plan> {
  let succeeded = true;
  for (const compare of txn.compare) {
    succeeded = yield* evaluate(turn, compare, present);
    if (!succeeded) break;
  }
  const steps: Step[] = [];
  for (const operation of succeeded ? txn.success : txn.failure)
    steps.push(yield* plan(turn, operation, present));
  return { type: 'plan', succeeded, steps };
}

/**
 * What stands against a step, before any has had an effect: all or nothing. No step can change the answer for a later
 * one, since a path writes each key once. Of several reasons the same is told as by etcd, where a put looks for its lease
 * first when it is alone, and last in a transaction, whose puts are looked at before its ranges.
 */
export function check(store: ReadStore, step: Step, present: number): KeyError | undefined {
  switch (step.type) {
    case 'range':
      return checkRevision(store, step.revision, present);
    case 'put':
      return checkLease(store, step) ?? checkIgnored(store, step);
    case 'delete':
      return undefined;
    case 'plan':
      return checkPutsInside(store, step) ?? checkRangesInside(store, step, present);
    default:
      return assertNever(step);
  }
}

function checkPutsInside(store: ReadStore, plan: Plan): KeyError | undefined {
  return firstError(plan, (step) => {
    if (step.type === 'plan') return checkPutsInside(store, step);
    return step.type === 'put' ? (checkIgnored(store, step) ?? checkLease(store, step)) : undefined;
  });
}

/** As in etcd, a negative revision is the present to a range, and below all that is kept to one inside of a transaction. */
function checkRangesInside(store: ReadStore, plan: Plan, present: number): KeyError | undefined {
  return firstError(plan, (step) => {
    if (step.type === 'plan') return checkRangesInside(store, step, present);
    if (step.type !== 'range') return undefined;
    if (step.revision < 0n) return { type: 'error', code: 'compacted' };
    return checkRevision(store, step.revision, present);
  });
}

function firstError(plan: Plan, errorOf: (step: Step) => KeyError | undefined): KeyError | undefined {
  for (const step of plan.steps) {
    const error = errorOf(step);
    if (error !== undefined) return error;
  }
  return undefined;
}

function checkLease(store: ReadStore, { lease }: PutRequest): KeyError | undefined {
  const found = lease === 0n || readLease(store, lease) !== undefined;
  return found ? undefined : { type: 'error', code: 'leaseNotFound' };
}

/** What is to stay as it is has to be there. */
function checkIgnored(store: ReadStore, put: PutRequest): KeyError | undefined {
  if (!put.ignoreValue && !put.ignoreLease) return undefined;
  return readHead(store, put.key)?.live === undefined ? { type: 'error', code: 'keyNotFound' } : undefined;
}

export function execute(writer: RevisionWriter, step: Step): OperationResult {
  switch (step.type) {
    case 'range':
      return inOneGo(writer.store, (turn) => readRange(turn, step, writer.present));
    case 'put':
      return executePut(writer, step);
    case 'delete':
      return executeDelete(writer, step);
    case 'plan': {
      const results = step.steps.map((inner) => execute(writer, inner));
      return { type: 'txn', succeeded: step.succeeded, results };
    }
    default:
      return assertNever(step);
  }
}

/** The result of a step without writes. */
export function* executeRead(turn: Turn, step: Step, present: number): Sliced<OperationResult> {
  switch (step.type) {
    case 'range':
      return yield* readRange(turn, step, present);
    case 'plan': {
      const results: OperationResult[] = [];
      for (const inner of step.steps) results.push(yield* executeRead(turn, inner, present));
      return { type: 'txn', succeeded: step.succeeded, results };
    }
    case 'put':
    case 'delete':
      throw new InvariantViolation(`a ${step.type} in a transaction that only reads`);
    default:
      return assertNever(step);
  }
}

/** The oldest revision that a step without writes reads. */
export function oldestRevisionRead(step: Step, present: number): number {
  if (step.type === 'range') return revisionRead(step, present);
  if (step.type !== 'plan') return present;
  return step.steps.reduce((oldest, inner) => Math.min(oldest, oldestRevisionRead(inner, present)), present);
}

function executePut(writer: RevisionWriter, put: PutRequest): PutResult {
  const head = readHead(writer.store, put.key);
  const present = head?.live;
  const replaced =
    present !== undefined && (put.previous || put.ignoreValue)
      ? recordAt(writer.store, put.key, writer.present)
      : undefined;
  const value = put.ignoreValue && replaced !== undefined ? replaced.value : put.value;
  const lease = put.ignoreLease && present !== undefined ? present.lease : put.lease;
  writer.put(put.key, value, lease, head);
  const answered = put.previous && replaced !== undefined;
  return { type: 'put', previous: answered ? keyValue(put.key, replaced) : undefined };
}

function executeDelete(writer: RevisionWriter, request: DeleteRequest): DeleteResult {
  const found: { readonly version: Uint8Array; readonly lease: bigint }[] = [];
  const previous: KeyValue[] = [];
  const scan = new KeyScan(request.range, writer.present);
  while (!scan.done) {
    scan.advance(writer.store, newSlice(), (version, bytes) => {
      if (!isLive(bytes)) return;
      found.push({ version, lease: leaseOf(version, bytes) });
      if (!request.previous) return;
      const record = decodeRecord(version, bytes);
      if (record !== undefined) previous.push(pairOf(version, record));
    });
  }
  for (const { version, lease } of found) writer.delete(version, lease);
  return { type: 'delete', deleted: found.length, previous };
}
