import { assertNever, InvariantViolation } from '../../core/assert.ts';
import type { ReadStore } from '../../core/store.ts';
import { evaluate } from './compare.ts';
import { checkRevision, readRange } from './range.ts';
import { keyValue, pairOf } from './records.ts';
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
  TxnResult,
} from './requests.ts';
import type { RevisionWriter } from './revision-writer.ts';
import { recordAt, scanLive } from './scan.ts';
import { userKey } from './versions.ts';

/** Operations with the branch of every transaction decided: comparisons are over before anything is written. */
export type Step = RangeRequest | PutRequest | DeleteRequest | Plan;

export interface Plan {
  readonly type: 'plan';
  readonly succeeded: boolean;
  readonly steps: readonly Step[];
}

export function plan(store: ReadStore, operation: Operation, present: number): Step {
  return operation.type === 'txn' ? planTxn(store, operation, present) : operation;
}

export function planTxn(store: ReadStore, txn: TxnRequest, present: number): Plan {
  const succeeded = txn.compare.every((compare) => evaluate(store, compare, present));
  const branch = succeeded ? txn.success : txn.failure;
  return { type: 'plan', succeeded, steps: branch.map((operation) => plan(store, operation, present)) };
}

/**
 * What stands against a step, before any has had an effect: all or nothing. No step can change the answer for a later
 * one, since a path writes each key once.
 */
export function check(store: ReadStore, step: Step, present: number): KeyError | undefined {
  switch (step.type) {
    case 'range':
      return checkRevision(store, step.revision);
    case 'put':
      return checkPut(store, step, present);
    case 'delete':
      return undefined;
    case 'plan':
      for (const inner of step.steps) {
        const error = check(store, inner, present);
        if (error !== undefined) return error;
      }
      return undefined;
    default:
      return assertNever(step);
  }
}

function checkPut(store: ReadStore, put: PutRequest, present: number): KeyError | undefined {
  // There is no lease yet that a key could be attached to.
  if (put.lease !== 0n) return { type: 'error', code: 'leaseNotFound' };
  if (!put.ignoreValue && !put.ignoreLease) return undefined;
  return recordAt(store, put.key, present) === undefined ? { type: 'error', code: 'keyNotFound' } : undefined;
}

export function execute(writer: RevisionWriter, step: Step): OperationResult {
  switch (step.type) {
    case 'range':
      return readRange(writer.store, step, writer.present);
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

/** The result of a plan without writes. */
export function executeReads(store: ReadStore, { succeeded, steps }: Plan, present: number): TxnResult {
  const results = steps.map((step): OperationResult => {
    switch (step.type) {
      case 'range':
        return readRange(store, step, present);
      case 'plan':
        return executeReads(store, step, present);
      case 'put':
      case 'delete':
        throw new InvariantViolation(`a ${step.type} in a transaction that only reads`);
      default:
        return assertNever(step);
    }
  });
  return { type: 'txn', succeeded, results };
}

function executePut(writer: RevisionWriter, put: PutRequest): PutResult {
  const previous = recordAt(writer.store, put.key, writer.present);
  const value = put.ignoreValue && previous !== undefined ? previous.value : put.value;
  const lease = put.ignoreLease && previous !== undefined ? previous.lease : put.lease;
  writer.put(put.key, value, lease, previous);
  const answered = put.previous && previous !== undefined;
  return { type: 'put', previous: answered ? keyValue(put.key, previous) : undefined };
}

function executeDelete(writer: RevisionWriter, request: DeleteRequest): DeleteResult {
  const keys: Uint8Array[] = [];
  const previous: KeyValue[] = [];
  scanLive(writer.store, request.range, writer.present, (version, record) => {
    keys.push(userKey(version));
    if (request.previous) previous.push(pairOf(version, record));
  });
  for (const key of keys) writer.delete(key);
  return { type: 'delete', deleted: keys.length, previous };
}
