import { assertNever } from '../../core/assert.ts';
import { maxLeaseTtl, maxTxnOperations, maxTxnOperationsInAll } from '../../core/limits.ts';
import { hasConflict } from './conflicts.ts';
import type { ControlCommand } from './control.ts';
import { isControl } from './control-codec.ts';
import type { KeyCommand, KeyError, KeyErrorCode, Operation, PutRequest, TxnRequest } from './requests.ts';
import { escapedLength, maxEscapedKeyBytes } from './versions.ts';

/**
 * What is wrong with a request whatever the state, or undefined. Doors ask before they propose, and the machine asks
 * again, since what is ordered need not come from a door of ours.
 */
export function validate(request: Operation | KeyCommand): KeyError | undefined {
  const code = errorOf(request);
  return code === undefined ? undefined : { type: 'error', code };
}

function errorOf(request: Operation | KeyCommand): KeyErrorCode | undefined {
  if (isControl(request)) return controlError(request);
  return request.type === 'txn' ? txnError(request) : operationError(request, 0, { operations: 0 });
}

function controlError(request: ControlCommand): KeyErrorCode | undefined {
  return request.type === 'grant' && request.ttl > maxLeaseTtl ? 'leaseTtlTooLarge' : undefined;
}

/** True for what is refused while an alarm says that there is no room: whichever branch a transaction would take. */
export function needsSpace(request: Operation | KeyCommand): boolean {
  switch (request.type) {
    case 'put':
    case 'grant':
      return true;
    case 'txn':
      return request.success.some(needsSpace) || request.failure.some(needsSpace);
    default:
      return false;
  }
}

/** True when the request cannot write, whichever branches it takes: it needs no place in the order. */
export function isReadOnly(request: Operation): boolean {
  switch (request.type) {
    case 'range':
      return true;
    case 'put':
    case 'delete':
      return false;
    case 'txn':
      return request.success.every(isReadOnly) && request.failure.every(isReadOnly);
    default:
      return assertNever(request);
  }
}

interface Total {
  operations: number;
}

function txnError(txn: TxnRequest): KeyErrorCode | undefined {
  const shape = shapeError(txn, maxTxnOperations, { operations: 0 });
  if (shape !== undefined) return shape;
  return hasConflict(txn) ? 'duplicateKey' : undefined;
}

/** `room`: operations that one branch of this transaction may have; those inside it get what it leaves. */
function shapeError(txn: TxnRequest, room: number, total: Total): KeyErrorCode | undefined {
  const operations = Math.max(txn.compare.length, txn.success.length, txn.failure.length);
  if (operations > room) return 'tooManyOperations';
  total.operations += txn.compare.length + txn.success.length + txn.failure.length;
  if (total.operations > maxTxnOperationsInAll) return 'tooManyOperations';
  for (const compare of txn.compare) if (compare.range.from.length === 0) return 'emptyKey';
  for (const branch of [txn.success, txn.failure]) {
    for (const operation of branch) {
      const error = operationError(operation, room - operations, total);
      if (error !== undefined) return error;
    }
  }
  return undefined;
}

function operationError(operation: Operation, room: number, total: Total): KeyErrorCode | undefined {
  switch (operation.type) {
    case 'put':
      return putError(operation);
    case 'range':
    case 'delete':
      return operation.range.from.length === 0 ? 'emptyKey' : undefined;
    case 'txn':
      return shapeError(operation, room, total);
    default:
      return assertNever(operation);
  }
}

function putError(put: PutRequest): KeyErrorCode | undefined {
  if (put.key.length === 0) return 'emptyKey';
  if (put.ignoreValue && put.value.length > 0) return 'valueProvided';
  if (put.ignoreLease && put.lease !== 0n) return 'leaseProvided';
  return escapedLength(put.key) > maxEscapedKeyBytes ? 'keyTooLong' : undefined;
}
