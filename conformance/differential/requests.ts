import type {
  Compare,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
  WatchCreateRequest,
} from '../../src/api/etcd/gen/etcdserverpb/rpc.ts';
import { assertNever } from '../../src/core/assert.ts';
import { bytesOf, type Names } from './names.ts';
import type {
  Comparison,
  DeleteOperation,
  Operation,
  PutOperation,
  RangeOperation,
  TxnOperation,
  WatchStep,
} from './program.ts';

/** Numbers that no definition names are sent as they are: servers have to do with them too. */
const unchecked = <T>(value: number): T => value as T;

export const rangeRequest = (step: RangeOperation, names: Names): RangeRequest => ({
  key: bytesOf(step.key),
  rangeEnd: bytesOf(step.end),
  limit: BigInt(step.limit),
  revision: names.revision(step.revision),
  sortOrder: unchecked(step.sortOrder),
  sortTarget: unchecked(step.sortTarget),
  serializable: step.serializable,
  keysOnly: step.keysOnly,
  countOnly: step.countOnly,
  minModRevision: names.revision(step.minMod),
  maxModRevision: names.revision(step.maxMod),
  minCreateRevision: names.revision(step.minCreate),
  maxCreateRevision: names.revision(step.maxCreate),
});

export const putRequest = (step: PutOperation, names: Names): PutRequest => ({
  key: bytesOf(step.key),
  value: bytesOf(step.value),
  lease: names.lease(step.lease),
  prevKv: step.prevKv,
  ignoreValue: step.ignoreValue,
  ignoreLease: step.ignoreLease,
});

export const deleteRequest = (step: DeleteOperation): DeleteRangeRequest => ({
  key: bytesOf(step.key),
  rangeEnd: bytesOf(step.end),
  prevKv: step.prevKv,
});

export const txnRequest = (step: TxnOperation, names: Names): TxnRequest => ({
  compare: step.compare.map((each) => compare(each, names)),
  success: step.success.map((each) => requestOp(each, names)),
  failure: step.failure.map((each) => requestOp(each, names)),
});

export const watchRequest = (step: WatchStep, names: Names): WatchCreateRequest => ({
  key: bytesOf(step.key),
  rangeEnd: bytesOf(step.end),
  startRevision: names.revision(step.start),
  prevKv: step.prevKv,
  filters: step.filters.map((each) => unchecked(each)),
  fragment: step.fragment,
  progressNotify: step.progressNotify,
  watchId: BigInt(step.watchId),
});

function compare({ key, end, target, relation, operand }: Comparison, names: Names): Compare {
  return {
    key: bytesOf(key),
    rangeEnd: bytesOf(end),
    target: unchecked(target),
    result: unchecked(relation),
    targetUnion: operandUnion(operand, names),
  };
}

function operandUnion(operand: Comparison['operand'], names: Names): Compare['targetUnion'] {
  switch (operand.of) {
    case 'version':
      return { $case: 'version', value: BigInt(operand.version) };
    case 'create':
      return { $case: 'createRevision', value: names.revision(operand.revision) };
    case 'mod':
      return { $case: 'modRevision', value: names.revision(operand.revision) };
    case 'value':
      return { $case: 'value', value: bytesOf(operand.value) };
    case 'lease':
      return { $case: 'lease', value: names.lease(operand.lease) };
    case 'nothing':
      return undefined;
    default:
      return assertNever(operand);
  }
}

function requestOp(operation: Operation, names: Names): RequestOp {
  switch (operation.type) {
    case 'range':
      return { request: { $case: 'requestRange', value: rangeRequest(operation, names) } };
    case 'put':
      return { request: { $case: 'requestPut', value: putRequest(operation, names) } };
    case 'delete':
      return { request: { $case: 'requestDeleteRange', value: deleteRequest(operation) } };
    case 'txn':
      return { request: { $case: 'requestTxn', value: txnRequest(operation, names) } };
    case 'empty':
      return { request: undefined };
    default:
      return assertNever(operation);
  }
}
