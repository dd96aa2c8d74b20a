import { bytesOf } from '../client/bytes.ts';
import type {
  Condition,
  Operation,
  RangeQuery,
  RangeResult,
  Relation,
  ResultOf,
  Selection,
} from '../client/coordination.ts';
import type { DriverTxn } from '../client/driver.ts';
import { Entry } from '../client/entry.ts';
import { keyRange } from '../client/key-range.ts';
import { assert, assertNever } from '../core/assert.ts';
import * as machine from '../machine/index.ts';

export const machineRange = (selection: Selection): machine.KeyRange => {
  const { from, to } = keyRange(selection);
  return { from, to };
};

export function rangeRequest(query: RangeQuery): machine.RangeRequest {
  const { sort } = query;
  return machine.rangeOf(machineRange(query), {
    limit: query.limit ?? 0,
    revision: query.revision ?? 0n,
    sort: sort && { target: sort.by, descending: sort.descending ?? false },
    keysOnly: query.keysOnly ?? false,
    countOnly: query.countOnly ?? false,
    minModRevision: query.minModRevision ?? 0n,
    maxModRevision: query.maxModRevision ?? 0n,
    minCreateRevision: query.minCreateRevision ?? 0n,
    maxCreateRevision: query.maxCreateRevision ?? 0n,
  });
}

export const deleteRequest = (selection: Selection): machine.DeleteRequest => ({
  type: 'delete',
  range: machineRange(selection),
  previous: false,
});

const relations = {
  '=': 'equal',
  '!=': 'notEqual',
  '<': 'less',
  '>': 'greater',
} as const satisfies Record<Relation, machine.Compare['relation']>;

function compare(condition: Condition): machine.Compare {
  const common = { range: machineRange(condition.selection), relation: relations[condition.relation] };
  return condition.target === 'value'
    ? { ...common, target: condition.target, operand: bytesOf(condition.operand) }
    : { ...common, target: condition.target, operand: condition.operand };
}

function machineOperation(operation: Operation): machine.Operation {
  switch (operation.type) {
    case 'put':
      return machine.putOf(bytesOf(operation.key), bytesOf(operation.value), { lease: operation.lease });
    case 'delete':
      return deleteRequest(operation.selection);
    case 'get':
      return rangeRequest({ key: operation.key });
    case 'range':
      return rangeRequest(operation.query);
    default:
      return assertNever(operation);
  }
}

export const txnRequest = ({ conditions, success, failure }: DriverTxn): machine.TxnRequest => ({
  type: 'txn',
  compare: conditions.map(compare),
  success: success.map(machineOperation),
  failure: failure.map(machineOperation),
});

export const entryOf = (pair: machine.KeyValue): Entry => new Entry(pair);

export const rangeResult = ({ pairs, more, count }: machine.RangeResult, revision: bigint): RangeResult => ({
  entries: pairs.map(entryOf),
  more,
  count,
  revision,
});

export function operationResult(
  operation: Operation,
  result: machine.OperationResult | undefined,
  revision: bigint,
): ResultOf<Operation> {
  if (operation.type === 'put') return undefined;
  if (result?.type === 'delete') return { deleted: result.deleted };
  assert(result?.type === 'range', `a ${operation.type} was answered by a ${result?.type}`);
  return operation.type === 'get' ? result.pairs.map(entryOf)[0] : rangeResult(result, revision);
}
