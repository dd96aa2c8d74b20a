import type {
  Compare,
  Compare_CompareResult,
  RangeRequest,
  RangeResponse,
  RequestOp,
  ResponseHeader,
  ResponseOp,
  TxnRequest,
} from '../../api/etcd/gen/etcdserverpb/rpc.ts';
import type { KeyValue } from '../../api/etcd/gen/mvccpb/kv.ts';
import { assertNever } from '../../core/assert.ts';
import { emptyBytes } from '../../core/bytes.ts';
import { bytesOf } from '../bytes.ts';
import type {
  Condition,
  Operation,
  RangeQuery,
  RangeResult,
  Relation,
  ResultOf,
  Selection,
  SortTarget,
} from '../coordination.ts';
import type { DriverTxn } from '../driver.ts';
import { Entry } from '../entry.ts';
import { CoordinationError } from '../errors.ts';
import { keyRange } from '../key-range.ts';
import { deleteRequest, putRequest, rangeRequest, withoutEnd } from '../wire/requests.ts';

/** A selection in the wire's terms. */
export function wireRange(selection: Selection): { readonly key: Uint8Array; readonly rangeEnd: Uint8Array } {
  const { from, to, single } = keyRange(selection);
  return { key: from, rangeEnd: single ? emptyBytes : (to ?? withoutEnd) };
}

const sortTargets = { key: 0, version: 1, create: 2, mod: 3, value: 4 } as const satisfies Record<
  SortTarget,
  RangeRequest['sortTarget']
>;

export function wireQuery(query: RangeQuery): RangeRequest {
  const { sort } = query;
  return rangeRequest({
    ...wireRange(query),
    limit: BigInt(query.limit ?? 0),
    revision: query.revision ?? 0n,
    sortTarget: sortTargets[sort?.by ?? 'key'],
    sortOrder: sort === undefined ? 0 : sort.descending === true ? 2 : 1,
    serializable: query.consistency === 'local',
    keysOnly: query.keysOnly ?? false,
    countOnly: query.countOnly ?? false,
    minCreateRevision: query.minCreateRevision ?? 0n,
    maxCreateRevision: query.maxCreateRevision ?? 0n,
    minModRevision: query.minModRevision ?? 0n,
    maxModRevision: query.maxModRevision ?? 0n,
  });
}

const relations = { '=': 0, '>': 1, '<': 2, '!=': 3 } as const satisfies Record<
  Relation,
  Compare_CompareResult
>;

function wireCondition(condition: Condition): Compare {
  const common = { result: relations[condition.relation], ...wireRange(condition.selection) };
  switch (condition.target) {
    case 'version':
      return { ...common, target: 0, targetUnion: { $case: 'version', value: condition.operand } };
    case 'create':
      return { ...common, target: 1, targetUnion: { $case: 'createRevision', value: condition.operand } };
    case 'mod':
      return { ...common, target: 2, targetUnion: { $case: 'modRevision', value: condition.operand } };
    case 'value':
      return { ...common, target: 3, targetUnion: { $case: 'value', value: bytesOf(condition.operand) } };
    case 'lease':
      return { ...common, target: 4, targetUnion: { $case: 'lease', value: condition.operand } };
    default:
      return assertNever(condition);
  }
}

function wireOperation(operation: Operation): RequestOp {
  switch (operation.type) {
    case 'put': {
      const { lease } = operation;
      const [key, value] = [bytesOf(operation.key), bytesOf(operation.value)];
      return { request: { $case: 'requestPut', value: putRequest({ key, value, lease }) } };
    }
    case 'delete': {
      const value = deleteRequest(wireRange(operation.selection));
      return { request: { $case: 'requestDeleteRange', value } };
    }
    case 'get':
      return { request: { $case: 'requestRange', value: wireQuery({ key: operation.key }) } };
    case 'range':
      return { request: { $case: 'requestRange', value: wireQuery(operation.query) } };
    default:
      return assertNever(operation);
  }
}

export const wireTxn = ({ conditions, success, failure }: DriverTxn): TxnRequest => ({
  compare: conditions.map(wireCondition),
  success: success.map(wireOperation),
  failure: failure.map(wireOperation),
});

export const entryOf = (pair: KeyValue): Entry => new Entry(pair);

export function rangeResult({ kvs, more, count, header }: RangeResponse): RangeResult {
  return { entries: kvs.map(entryOf), more, count: Number(count), revision: revisionOf(header) };
}

export const revisionOf = (header: ResponseHeader | undefined): bigint => header?.revision ?? 0n;

/** Throws when the server answered to something else than was asked. */
export function operationResult(
  operation: Operation,
  { response }: ResponseOp,
  header: ResponseHeader | undefined,
): ResultOf<Operation> {
  if (operation.type === 'put' && response?.$case === 'responsePut') return undefined;
  if (operation.type === 'delete' && response?.$case === 'responseDeleteRange') {
    return { deleted: Number(response.value.deleted) };
  }
  if (response?.$case === 'responseRange') {
    if (operation.type === 'get') return response.value.kvs.map(entryOf)[0];
    if (operation.type === 'range') return { ...rangeResult(response.value), revision: revisionOf(header) };
  }
  throw new CoordinationError('failed', 'unknown', 'the server answered to another transaction');
}
